"""What all displays share."""


def import_pyplot(display):
    """Return matplotlib's pyplot, or raise ImportError that tells how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f'{display} draws with matplotlib: pip install "skfocal[plot]"'
        ) from error
    return plt


def gamma_text(gamma):
    """A gamma as text: 2, or (0, 2) for one gamma per class."""
    if isinstance(gamma, tuple):
        return f"({', '.join(f'{value:g}' for value in gamma)})"
    return f"{gamma:g}"


def candidate_name(candidate, prefix="gamma="):
    """Name of a gamma or baseline."""
    return candidate if isinstance(candidate, str) else prefix + gamma_text(candidate)
