"""The focal loss as a metric of predicted probabilities."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from skfocal._rows import check_weight, encode_known_labels, label_column, sorted_labels
from skfocal.objectives import _margin
from skfocal.objectives._arrays import move_like, namespace, to_numpy, total
from skfocal.objectives._checks import in_class_order
from skfocal.objectives._loss import make_loss


def focal_loss(
    y_true, y_proba, *, gamma=1.0, alpha=None, sample_weight=None, normalize=True, labels=None
):
    """Focal loss of predicted probabilities.

    The function takes the same arguments as :func:`sklearn.metrics.log_loss`, plus ``gamma`` and
    ``alpha``. The loss of a row whose true class has the predicted probability p is
    ``alpha * (1 - p)**gamma * -log(p)``.

    If ``gamma > 0``, the true probabilities do not minimise this metric. To compute the loss
    that a model minimises, pass the probabilities that an estimator with the parameter
    ``probability="score"`` predicts.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Predicted probabilities of the second class, or of all classes in the order of the sorted
        labels. As in ``log_loss``, they are clipped to [eps, 1 - eps] with the eps of their dtype.
    gamma : float or array-like of shape (n_classes,), default=1.0
        Focusing parameter, between 0 and 100: one value, or one per class in the order of the
        sorted labels or, in a pandas Series, by label. 0 gives the log loss.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factor that multiplies the loss of each class, in the order of the sorted labels or, in a
        pandas Series, by label. None means 1 for every class. A float ``a`` means ``(1 - a, a)``.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row. None means 1 for every row.
    normalize : bool, default=True
        If True, return the weighted mean of the losses. Otherwise, return their weighted sum.
    labels : array-like of shape (n_classes,), default=None
        All labels. Required if some of them do not occur in ``y_true``.

    Returns
    -------
    loss : float
        Weighted mean or sum of the losses of the rows.

    Raises
    ------
    ValueError
        If probabilities are not in [0, 1], do not sum to 1 or do not match the labels, or if
        another argument has an invalid value.
    TypeError
        If an argument is not numeric, or if labels have different types.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.

    Examples
    --------
    >>> from skfocal import focal_loss
    >>> round(focal_loss([0, 1, 1], [0.1, 0.7, 0.9], gamma=2.0), 4)
    0.0114
    """
    xp = namespace(y_proba)
    y_true, sample_weight = to_numpy(y_true), to_numpy(sample_weight)
    half = [np.float16] if xp is np else []
    dtypes = [xp.float64, xp.float32, *half]
    proba = check_array(y_proba, ensure_2d=False, dtype=dtypes, input_name="y_proba")
    eps = float(xp.finfo(proba.dtype).eps)
    proba = proba.astype(np.float32) if proba.dtype in half else proba
    check_consistent_length(y_true, proba, sample_weight)
    name, labels = ("y_true", y_true) if labels is None else ("labels", to_numpy(labels))
    classes = sorted_labels(label_column(labels), name)
    y = encode_known_labels(y_true, classes, "y_true")
    weight = check_weight(sample_weight, y)
    proba_true = xp.clip(_proba_of_class(y, proba, classes, eps, xp), eps, 1 - eps)
    gamma = in_class_order("gamma", gamma, classes.tolist())
    alpha = in_class_order("alpha", alpha, classes.tolist())
    loss = make_loss(len(classes), gamma=gamma, alpha=alpha)
    gamma_rows, factor = loss._gamma_and_factor(move_like(y, proba, xp), weight, proba_true, xp)
    losses = _margin.focal_loss(xp.log(proba_true) - xp.log1p(-proba_true), gamma_rows, xp)
    cost = float(total(losses if factor is None else losses * factor, xp))
    mass = len(y) if weight is None else weight.sum()
    return cost / float(mass) if normalize else cost


def _proba_of_class(y, proba, classes, eps, xp):
    """Check the probabilities and return that of each row's class."""
    if len(classes) < 2:
        raise ValueError(
            f"y_true or labels must contain at least two classes, got {classes.tolist()}. If "
            "y_true does not contain all classes, pass them as labels."
        )
    if proba.ndim == 1:
        proba = xp.stack([1 - proba, proba], axis=1)
    if proba.shape[1] != len(classes):
        raise ValueError(
            f"y_proba must have one column for each of the {len(classes)} classes "
            f"{classes.tolist()}, got {proba.shape[1]} columns. If y_true does not contain all "
            "classes, pass them as labels."
        )
    lowest, highest = float(xp.min(proba)), float(xp.max(proba))
    if lowest < 0 or highest > 1:
        raise ValueError(
            f"y_proba must contain values in [0, 1], got values from {lowest} to {highest}."
        )
    sums = xp.sum(proba, axis=1)
    worst = float(sums[int(xp.argmax(xp.abs(sums - 1)))])
    if abs(worst - 1) > eps**0.5:
        raise ValueError(f"Each row of y_proba must sum to 1, got a row that sums to {worst}.")
    return xp.take_along_axis(proba, move_like(y, proba, xp)[:, None], axis=1)[:, 0]
