"""Helpers for the displays."""


def import_pyplot(display):
    """Return ``matplotlib.pyplot``; raise ImportError with advice if it is not installed."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f'{display} requires matplotlib. Install it with: pip install "skfocal[plot]"'
        ) from error
    return plt


def gamma_text(gamma):
    """Format a gamma as text, for example 2, or (0, 2) for one gamma per class."""
    if isinstance(gamma, tuple):
        return f"({', '.join(f'{value:g}' for value in gamma)})"
    return f"{gamma:g}"


def candidate_name(candidate, prefix="gamma="):
    """Return the name of a gamma or baseline."""
    return candidate if isinstance(candidate, str) else prefix + gamma_text(candidate)
