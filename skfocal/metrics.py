"""The focal loss as a metric of probabilities."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d

from skfocal._rows import check_weight, encode_known_labels
from skfocal.objectives import _margin
from skfocal.objectives._arrays import move_like, namespace, to_numpy, total
from skfocal.objectives._loss import make_loss


def focal_loss(
    y_true, y_proba, *, gamma=1.0, alpha=None, sample_weight=None, normalize=True, labels=None
):
    """Focal loss of predicted probabilities, in the manner of :func:`sklearn.metrics.log_loss`.

    A row whose class has the probability p costs ``alpha * (1 - p)**gamma * -log(p)``. Note that
    for ``gamma > 0`` the true probabilities do not minimise it: it compares models by the loss
    that a focal model is trained on, of its ``probability="score"``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Probabilities, of the second class or of all classes in the order of the sorted labels.
        As in ``log_loss``, they are clipped to the dtype's eps away from 0 and 1.
    gamma : float or array-like of shape (n_classes,), default=1.0
        Focusing exponent from 0 to 100; 0 is the log loss.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factors of the classes; a float ``a`` means ``(1 - a, a)``.
    sample_weight : array-like of shape (n_samples,), default=None
    normalize : bool, default=True
        Whether to return the weighted mean rather than the weighted sum.
    labels : array-like of shape (n_classes,), default=None
        All labels, needed where ``y_true`` lacks some.

    Returns
    -------
    loss : float

    Raises
    ------
    ValueError
        If probabilities are outside [0, 1], do not sum to 1, or do not fit the labels, or a
        parameter is out of range.

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
    y_true, sample_weight = column_or_1d(to_numpy(y_true)), to_numpy(sample_weight)
    proba = check_array(
        y_proba, ensure_2d=False, dtype=[xp.float64, xp.float32], input_name="y_proba"
    )
    check_consistent_length(y_true, proba, sample_weight)
    classes = np.unique(y_true if labels is None else column_or_1d(to_numpy(labels)))
    y = encode_known_labels(y_true, classes, "y_true")
    weight = check_weight(sample_weight, y)
    eps = float(xp.finfo(proba.dtype).eps)
    proba_true = xp.clip(_proba_of_class(y, proba, classes, xp), eps, 1 - eps)
    loss = make_loss(len(classes), gamma=gamma, alpha=alpha)
    gamma_rows, factor = loss.gamma_factor(move_like(y, proba, xp), weight, proba_true, xp)
    losses = _margin.focal_loss(xp.log(proba_true) - xp.log1p(-proba_true), gamma_rows, xp)
    cost = float(total(losses if factor is None else losses * factor, xp))
    mass = len(y) if weight is None else weight.sum()
    return cost / float(mass) if normalize else cost


def _proba_of_class(y, proba, classes, xp):
    """Probability that each row gives to its class, after checks of shape and range."""
    if len(classes) < 2:
        raise ValueError(
            f"y_true holds one label only, {classes.tolist()}: pass all of them as labels."
        )
    if proba.ndim == 1:
        proba = xp.stack([1 - proba, proba], axis=1)
    if proba.shape[1] != len(classes):
        raise ValueError(
            f"y_proba has {proba.shape[1]} columns for the {len(classes)} classes "
            f"{classes.tolist()}; pass labels where y_true lacks some."
        )
    lowest, highest = float(xp.min(proba)), float(xp.max(proba))
    if lowest < 0 or highest > 1:
        raise ValueError(f"y_proba must be in [0, 1], got values from {lowest} to {highest}.")
    sums = xp.sum(proba, axis=1)
    worst = float(sums[int(xp.argmax(xp.abs(sums - 1)))])
    if abs(worst - 1) > float(xp.finfo(proba.dtype).eps) ** 0.5:
        raise ValueError(f"Rows of y_proba must sum to 1, got {worst}.")
    return xp.take_along_axis(proba, move_like(y, proba, xp)[:, None], axis=1)[:, 0]
