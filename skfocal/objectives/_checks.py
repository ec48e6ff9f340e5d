"""Checks of the losses' arguments: each error names the argument, what was got, what is allowed."""

import numpy as np

MAX_GAMMA = 100.0  # beyond which what is left of the loss is no number of float32
LARGEST_FACTOR = 512  # of a score: twice 1 + MAX_GAMMA for a difference of two, and their sums


def check_option(name, value, allowed):
    """Raise ValueError unless ``value`` is one of the ``allowed`` names."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {list(allowed)}, got {value!r}.")


def check_gamma(gamma, n_classes):
    """Return gamma as a float, or as a tuple of one float per class where they differ."""
    values = as_floats("gamma", gamma)
    if values.shape not in {(), (n_classes,)}:
        raise ValueError(
            f"gamma must be a number or one number for each of the {n_classes} classes, "
            f"got {gamma!r}."
        )
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError(f"gamma must be finite and >= 0, got {gamma!r}.")
    if np.any(values > MAX_GAMMA):
        raise ValueError(f"gamma must be at most {MAX_GAMMA:g}, got {gamma!r}.")
    if np.all(values == values.flat[0]):
        return float(values.flat[0])
    return tuple(values.tolist())


def check_alpha(alpha, n_classes):
    """Return alpha as None or as a tuple of one positive factor per class."""
    if alpha is None:
        return None
    values = as_floats("alpha", alpha)
    if values.ndim == 0:
        if n_classes != 2:
            raise ValueError(
                f"alpha must be None or one positive factor for each of the {n_classes} classes, "
                f"got {alpha!r}: a single number has a meaning for two classes only."
            )
        if not 0 < values < 1:
            raise ValueError(
                f"alpha must be in (0, 1) where it is a single number, got {alpha!r}. "
                "Use None for no weighting."
            )
        values = np.array([1 - values, values])
    if values.shape != (n_classes,):
        raise ValueError(
            f"alpha must have one factor for each of the {n_classes} classes, got {alpha!r}."
        )
    if not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError(f"alpha must hold finite positive factors, got {alpha!r}.")
    return tuple(values.tolist())


def check_raw_prediction(raw_prediction, n_outputs):
    """Return raw predictions as float32 or float64, of shape (n,) or (n, n_outputs) for several."""
    raw = as_floats("raw_prediction", raw_prediction, keep=(np.float32, np.float64))
    wanted = (len(raw), n_outputs)[: 1 if n_outputs == 1 else 2] if raw.ndim else None
    if raw.shape != wanted:
        columns = "" if n_outputs == 1 else f", {n_outputs}"
        raise ValueError(f"raw_prediction must have shape (n_samples{columns}), got {raw.shape}.")
    if not len(raw):
        raise ValueError("raw_prediction must hold at least one row, got none.")
    return raw


def check_scores(block):
    """Raise ValueError where raw predictions hold NaN, or numbers whose loss may overflow."""
    limit = np.finfo(block.dtype).max / LARGEST_FACTOR
    lowest, highest = block.min(), block.max()
    if not -limit <= lowest <= highest <= limit:
        got = highest if highest > limit else lowest
        raise ValueError(
            f"raw_prediction, plus any offset, must hold numbers up to {limit:.0e} in size, got "
            f"{got}. Where trees give such scores, to leaves without curvature, raise "
            "min_child_weight."
        )


def check_y_true(y_true, n_rows, n_classes):
    """Return class indices as numbers of shape (n_rows,), whose values are checked block-wise."""
    y = np.asarray(y_true)
    if y.shape != (n_rows,):
        raise ValueError(
            f"y_true must have shape ({n_rows},) like raw_prediction's rows, got {y.shape}."
        )
    return y if y.dtype.kind in "biuf" else class_indices(y, n_classes)


def check_sample_weight(sample_weight, n_rows):
    """Return weights as None or as a float array of shape (n_rows,)."""
    if sample_weight is None:
        return None
    weight = as_floats("sample_weight", sample_weight, keep=(np.float32, np.float64))
    if weight.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},), got {weight.shape}.")
    if not 0 <= weight.min() <= weight.max() < np.inf:  # which NaN is not either
        raise ValueError(
            f"sample_weight must hold finite numbers >= 0, got values from {weight.min()} to "
            f"{weight.max()}."
        )
    return weight


def check_mass(weight):
    """Raise ValueError where no weight is positive."""
    if not weight.sum() > 0:
        raise ValueError("sample_weight must hold a positive weight, got none.")


def class_indices(y, n_classes):
    """Return y as integers, or raise ValueError where it holds anything but 0 to n_classes - 1."""
    try:
        if y.dtype.kind == "c":
            raise TypeError
        with np.errstate(invalid="ignore"):  # NaN becomes some integer, unequal to NaN
            indices = y.astype(np.intp)
        valid = (indices == y) & (indices >= 0) & (indices < n_classes)
    except (TypeError, ValueError, OverflowError):
        valid = np.zeros(y.shape, dtype=bool)
    if not np.all(valid):
        stranger = y[~valid][0]
        raise ValueError(
            f"y_true must hold class indices from 0 to {n_classes - 1}, got {stranger!r}."
        )
    return indices


def as_floats(name, values, keep=(np.float64,)):
    """Return values as a float array, of one of the dtypes to keep or else float64."""
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise TypeError
        return array if array.dtype in keep else array.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numeric, got {values!r}.") from None
