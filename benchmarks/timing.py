"""Time rivals side by side: interleaved runs, medians and ratios."""

from random import Random
from statistics import median
from time import perf_counter


def interleaved(functions, repeats, warm=False):
    """Median seconds of each function by name, all run once per round.

    A shared machine's pace changes from second to second: in turns, it changes for all alike. And
    in an order drawn anew for each round, nobody always comes after the same one, whose memory
    and threads may still be warm.
    ``warm``: run each once more before, untimed. Threads of BLAS wait for more work in a loop for a
    tenth of a second, and take a core from whoever comes next.
    """
    seconds = {name: [] for name in functions}
    for function in functions.values():
        function()  # warm: buffers, caches, lazy imports
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
    """Markdown lines of a comparison; ``per`` rows turn seconds into nanoseconds per row."""
    unit = "ns per row" if per else "seconds"
    lines = [f"\n{title}\n", f"| | {unit} | ratio |", "|---|---|---|"]
    for name, value in seconds.items():
        shown = f"{1e9 * value / per:.1f}" if per else f"{value:.3f}"
        lines.append(f"| {name} | {shown} | {value / seconds[reference]:.2f} |")
    return "\n".join(lines)
