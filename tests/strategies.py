"""Hypothesis strategies for losses and for rows of labels, scores and weights."""

import numpy as np
from hypothesis import strategies as st

from skfocal.objectives._checks import MAX_SCORE_FACTOR
from skfocal.objectives._loss import make_loss

# Float32 represents these numbers exactly, so tests do not measure the rounding of arguments.
# Factors are at most 1 because larger ones would magnify the error of underflow.
EXPONENTS = st.one_of(st.sampled_from([0.0, 0.5, 1.0, 2.0, 2.5]), st.floats(0, 5, width=32))
FACTORS = st.floats(2**-10, 1, width=32)
WEIGHTS = st.one_of(st.just(0.0), FACTORS)
MODERATE = st.floats(-30, 30)


def any_score(dtype):
    """Scores in the whole allowed range."""
    largest = float(np.finfo(dtype).max) / MAX_SCORE_FACTOR
    width = 64 if dtype is np.float64 else 32
    ranges = [5.0, 800.0, largest]
    return st.one_of(*(st.floats(-bound, bound, width=width) for bound in ranges))


@st.composite
def losses(draw, n_classes):
    """A loss with one gamma or one per class, with or without alpha."""
    per_class = st.lists(EXPONENTS, min_size=n_classes, max_size=n_classes)
    gamma = draw(EXPONENTS | per_class)
    alpha = draw(st.none() | st.lists(FACTORS, min_size=n_classes, max_size=n_classes))
    return make_loss(n_classes, gamma=gamma, alpha=alpha)


@st.composite
def rows(draw, n_classes, values=MODERATE, dtype=np.float64):
    """Labels, scores and weights of one to five rows; binary scores are one-dimensional."""
    n = draw(st.integers(1, 5))
    shape = (n,) if n_classes == 2 else (n, n_classes)
    size = int(np.prod(shape))
    scores = draw(st.lists(values, min_size=size, max_size=size))
    y = draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n))
    weight = draw(st.lists(WEIGHTS, min_size=n, max_size=n))
    return np.array(y), np.array(scores, dtype).reshape(shape), np.array(weight)
