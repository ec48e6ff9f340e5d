"""Validation of the losses' arguments."""

from collections.abc import Mapping

import numpy as np

from skfocal.objectives._arrays import as_floating, is_complex, move_like, to_numpy

MAX_GAMMA = 100.0  # with a larger gamma, many losses underflow in float32
# The formulas multiply differences of two scores by up to 1 + MAX_GAMMA and add such products.
MAX_SCORE_FACTOR = 512


def check_option(name, value, allowed):
    """Raise ValueError unless ``value`` is one of the ``allowed`` names."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {list(allowed)}, got {value!r}.")


def in_class_order(name, values, labels=None):
    """Return values that are given by label, in a pandas Series or a dict, in class order.

    Raises ValueError unless there is one value for each label, by default 0, 1, ... Other values
    are returned unchanged.
    """
    if hasattr(values, "to_dict"):  # a pandas Series, such as the result of value_counts
        values = values.to_dict()
    if not isinstance(values, Mapping):
        return values
    labels = list(range(len(values)) if labels is None else labels)
    missing = [label for label in labels if label not in values]
    unknown = list(set(values) - set(labels))
    if missing or unknown:
        raise ValueError(
            f"The keys of {name} must be the classes {labels}, got {values!r}: missing {missing}, "
            f"unknown {unknown}."
        )
    return [values[label] for label in labels]


def check_gamma(gamma, n_classes):
    """Return gamma as a float, or as a tuple with one float per class if they differ."""
    values = as_floats("gamma", in_class_order("gamma", gamma))
    if values.shape not in {(), (n_classes,)}:
        raise ValueError(
            f"gamma must be a number or one number for each of the {n_classes} classes, "
            f"got {gamma!r}."
        )
    if not np.all((values >= 0) & (values <= MAX_GAMMA)):
        raise ValueError(f"gamma must be in [0, {MAX_GAMMA:g}], got {gamma!r}.")
    if np.all(values == values.flat[0]):
        return float(values.flat[0])
    return tuple(values.tolist())


def check_alpha(alpha, n_classes):
    """Return alpha as None or as a tuple with one positive factor per class."""
    if alpha is None:
        return None
    values = as_floats("alpha", in_class_order("alpha", alpha))
    if values.ndim == 0:
        if n_classes != 2:
            raise ValueError(
                f"alpha must be None or one positive factor for each of the {n_classes} classes, "
                f"got {alpha!r}. A single number is only allowed for two classes."
            )
        if not 0 < values < 1:
            raise ValueError(
                f"alpha must be in (0, 1) if it is a single number, got {alpha!r}. "
                "Use None for no weighting."
            )
        values = np.array([1 - values, values])
    if values.shape != (n_classes,):
        raise ValueError(
            f"alpha must contain one factor for each of the {n_classes} classes, got {alpha!r}."
        )
    if not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError(f"alpha must contain finite positive factors, got {alpha!r}.")
    return tuple(values.tolist())


def check_raw_prediction(raw_prediction, n_outputs, xp=np):
    """Return raw predictions as float32 or float64, of shape (n,) or (n, n_outputs > 1)."""
    raw = as_floats("raw_prediction", raw_prediction, (np.float32, np.float64), xp)
    expected_shape = raw.shape[:1] if n_outputs == 1 else (*raw.shape[:1], n_outputs)
    if raw.ndim == 0 or raw.shape != expected_shape:
        shape = "(n_samples,)" if n_outputs == 1 else f"(n_samples, {n_outputs})"
        raise ValueError(f"raw_prediction must have shape {shape}, got shape {raw.shape}.")
    if not raw.shape[0]:
        raise ValueError("raw_prediction must contain at least one row, got none.")
    return raw


def check_scores(block, xp=np):
    """Raise ValueError if scores contain NaN or values so large that the loss may overflow."""
    limit = float(xp.finfo(block.dtype).max) / MAX_SCORE_FACTOR
    lowest, highest = float(xp.min(block)), float(xp.max(block))
    if not -limit <= lowest <= highest <= limit:
        got = highest if highest > limit else lowest
        raise ValueError(
            f"raw_prediction, plus any offset, must be in [-{limit:.0e}, {limit:.0e}], got {got}. "
            "If the scores come from trees, increase min_child_weight to avoid leaves with almost "
            "no curvature. If they come from a linear model, scale the features."
        )


def check_y_true(y_true, raw, n_classes, xp=np):
    """Return class indices, one per row of ``raw``.

    The values of numeric NumPy arrays are not checked here, but block by block in ``_target``.
    """
    n_rows, y = raw.shape[0], move_like(y_true, raw, xp)
    y = np.asarray(y) if xp is np else y
    if y.shape != (n_rows,):
        raise ValueError(
            f"y_true must have shape ({n_rows},) to match raw_prediction, got shape {y.shape}."
        )
    return y if xp is np and y.dtype.kind in "biuf" else class_indices(y, n_classes, xp)


def check_sample_weight(sample_weight, raw, xp=np):
    """Return weights as None or as a float array with one weight per row of ``raw``."""
    if sample_weight is None:
        return None
    n_rows, weight = raw.shape[0], move_like(sample_weight, raw, xp)
    weight = as_floats("sample_weight", weight, (np.float32, np.float64), xp)
    if weight.shape != (n_rows,):
        raise ValueError(f"sample_weight must have shape ({n_rows},), got shape {weight.shape}.")
    least, largest = float(xp.min(weight)), float(xp.max(weight))
    if not 0 <= least <= largest < np.inf:  # also catches NaN
        raise ValueError(
            f"sample_weight must contain finite weights >= 0, got values from {least} to {largest}."
        )
    return weight


def check_any_positive(weight):
    """Raise ValueError if no weight is positive."""
    if not weight.sum() > 0:
        raise ValueError("sample_weight must contain a positive weight, got none.")


def class_indices(y, n_classes, xp=np):
    """Return y as integers; raise ValueError if a value is not in 0 to ``n_classes - 1``."""
    try:
        if is_complex(y, xp):
            raise TypeError
        with np.errstate(invalid="ignore"):  # NaN is cast to an integer, which differs from NaN
            indices = xp.asarray(y, dtype=xp.int64)
        valid = (xp.asarray(indices, dtype=y.dtype) == y) & (indices >= 0) & (indices < n_classes)
    except (TypeError, ValueError, OverflowError):
        valid = xp.zeros(y.shape, dtype=xp.bool_ if xp is np else xp.bool)
    if not xp.all(valid):
        invalid = to_numpy(y)[~to_numpy(valid)].tolist()[0]  # not np.int64(2)
        raise ValueError(
            f"y_true must contain class indices from 0 to {n_classes - 1}, got {invalid!r}."
        )
    return indices


def as_floats(name, values, keep=(np.float64,), xp=np):
    """Return values as a float array; dtypes not in ``keep`` are converted to float64."""
    if xp is not np:
        return as_floating(name, values, xp)
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise TypeError
        return array if array.dtype in keep else array.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numeric, got {values!r}.") from None
