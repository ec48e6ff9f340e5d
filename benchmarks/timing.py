"""Compare the running times of functions: interleaved runs, medians and ratios."""

from random import Random
from statistics import median
from time import perf_counter


def interleaved(functions, repeats, warm=False):
    """Median seconds of each function by name; each round runs all functions once.

    The speed of a shared machine varies over time, and interleaving spreads this variation over all
    functions. Each round uses a new random order, so that no function always runs after the same
    one, which may leave warm caches and threads.

    With ``warm``, each timed run follows an untimed run of the same function. Otherwise the BLAS
    threads of the previous function, which spin for a tenth of a second, would occupy a core.
    """
    seconds = {name: [] for name in functions}
    for function in functions.values():
        function()  # fill buffers and caches, run lazy imports
    order = Random(0)
    for _ in range(repeats):
        for name in order.sample(list(functions), len(functions)):
            function = functions[name]
            if warm:
                function()
            start = perf_counter()
            function()
            seconds[name].append(perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def table(title, seconds, reference, per=None):
    """Markdown table of times; with ``per`` rows, times are in nanoseconds per row."""
    unit = "ns per row" if per else "seconds"
    lines = [f"\n{title}\n", f"| | {unit} | ratio |", "|---|---|---|"]
    for name, value in seconds.items():
        shown = f"{1e9 * value / per:.1f}" if per else f"{value:.3f}"
        lines.append(f"| {name} | {shown} | {value / seconds[reference]:.2f} |")
    return "\n".join(lines)
