"""The focal loss in the conventions of LightGBM and XGBoost: no mathematics here."""

from numbers import Integral, Real

import numpy as np
from scipy.special import logit

from skfocal.objectives._arrays import own_namespace
from skfocal.objectives._checks import as_floats, check_option
from skfocal.objectives._loss import make_loss

CURVATURES = ("geometric", "majorant", "newton")


class _FocalCallable:
    """Arguments and calling conventions that the objective and the metric share."""

    def __init__(self, gamma, alpha, n_classes, offset):
        if not isinstance(n_classes, Integral) or n_classes < 2:
            raise ValueError(f"n_classes must be an integer >= 2, got {n_classes!r}.")
        self.loss = make_loss(int(n_classes), gamma=gamma, alpha=alpha)
        self.offset = self._check_offset(offset)

    def predict_proba(self, raw_prediction, probability="posterior"):
        """Probabilities of the classes from LightGBM's raw scores, which lack the offset.

        Parameters
        ----------
        raw_prediction : array-like of shape (n_samples,) or (n_samples, n_classes)
            What LightGBM's ``predict`` returns under a custom objective.
        probability : {"posterior", "unweighted", "score"}, default="posterior"
            As in :meth:`skfocal.objectives.BinaryFocalLoss.predict_proba`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
        """
        return self.loss.predict_proba(np.asarray(raw_prediction) + self.offset, probability)

    def _check_offset(self, offset):
        n_classes = self.loss.n_classes
        shapes = {()} if n_classes == 2 else {(), (n_classes,)}
        values = as_floats("offset", offset)
        if values.shape not in shapes or not np.all(np.isfinite(values)):
            per_class = "" if n_classes == 2 else f" or an array of shape ({n_classes},)"
            raise ValueError(f"offset must be a finite number{per_class}, got {offset!r}.")
        return values if values.ndim else float(values)

    def __repr__(self):
        offset = np.round(self.offset, 4).tolist()
        return f"{type(self).__name__}({self.loss!r}, offset={offset})"


class FocalObjective(_FocalCallable):
    """Focal loss as an objective for boosted trees.

    A picklable callable ``(y_true, y_pred, sample_weight=None)`` returning gradient and
    second-order term. It works unchanged in ``lightgbm.LGBMClassifier(objective=...)``, as
    ``params["objective"]`` of ``lightgbm.train`` and ``lightgbm.cv``, and, binary, in
    ``xgboost.XGBClassifier(objective=...)``; sample weights are honoured everywhere.

    Parameters
    ----------
    gamma : float or array-like of shape (n_classes,), default=1.0
        Focusing exponent from 0 to 100.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factors of the classes; a float ``a`` means ``(1 - a, a)``.
    n_classes : int, default=2
        For more than two, LightGBM also needs ``num_class``.
    curvature : {"geometric", "majorant", "newton"}, default="geometric"
        Second-order term. ``"majorant"`` is ``1 + max(gamma)`` times the gradient's size, twice
        that for several classes: with ``learning_rate <= 1`` no tree raises the training loss.
        ``"newton"`` is the positive part of the exact Hessian, LightGBM's own at ``gamma=0``.
        ``"geometric"`` is the geometric mean of both; no tree raises the training loss with
        ``learning_rate <= 0.2``.
    offset : float or ndarray of shape (n_classes,), default=0.0
        Constant start, ``loss.fit_intercept_only(y)``: the loss is evaluated at
        ``y_pred + offset``, and :meth:`predict_proba` adds it again.
    scale : float, default=1.0
        Factor of gradient and second-order term, see :func:`curvature_scale`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    LightGBM keeps gradients in float32, so they are computed in float32, except at ``gamma=0``,
    where the trees are to be LightGBM's own.

    Scores in another library's arrays, CuPy's for one, are computed with in that library.

    Examples
    --------
    >>> from lightgbm import LGBMClassifier
    >>> from sklearn.datasets import make_classification
    >>> from skfocal.objectives import BinaryFocalLoss, FocalObjective
    >>> X, y = make_classification(n_samples=500, weights=[0.9], random_state=0)
    >>> start = BinaryFocalLoss(gamma=2.0).fit_intercept_only(y)
    >>> objective = FocalObjective(gamma=2.0, offset=start)
    >>> model = LGBMClassifier(objective=objective, n_estimators=20, verbose=-1).fit(X, y)
    >>> objective.predict_proba(model.predict(X, raw_score=True)).shape
    (500, 2)
    """

    def __init__(
        self,
        gamma=1.0,
        alpha=None,
        *,
        n_classes=2,
        curvature="geometric",
        offset=0.0,
        scale=1.0,
    ):
        super().__init__(gamma, alpha, n_classes, offset)
        check_option("curvature", curvature, CURVATURES)
        if not isinstance(scale, Real) or not 0 < scale < np.inf:
            raise ValueError(f"scale must be a finite number > 0, got {scale!r}.")
        self.curvature = curvature
        self.scale = float(scale)
        self._dtype = np.float64 if self.loss.gamma == 0 else np.float32

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Gradient and second-order term in LightGBM's layout, float32 in Fortran order."""
        if hasattr(y_pred, "get_label"):
            y_true, y_pred, sample_weight = y_pred.get_label(), y_true, _weight(y_pred)
        return self.loss.gradient_curvature(
            y_true,
            y_pred,
            sample_weight,
            curvature=self.curvature,
            offset=self.offset,
            scale=self.scale,
            dtype=self._dtype,
            result_dtype=np.float32,
            xp=own_namespace(y_pred),
        )


class FocalMetric(_FocalCallable):
    """Weighted mean focal loss as a metric of LightGBM and XGBoost; lower is better.

    A picklable callable for ``eval_metric`` of ``LGBMClassifier.fit`` and ``XGBClassifier``,
    ``feval`` of ``lightgbm.train`` and ``lightgbm.cv`` and ``custom_metric`` of ``xgboost.train``.

    Parameters
    ----------
    gamma, alpha, n_classes, offset
        As in :class:`FocalObjective`.
    predictions : {"auto", "raw", "proba"}, default="auto"
        What the metric is called with. Both libraries pass raw scores under a custom objective
        and probabilities under one of their own. "auto" takes the objective from a LightGBM
        Dataset. Elsewhere it expects raw scores, and raises an error for values from LightGBM
        that look like probabilities: pass "proba" under XGBoost's own objectives.

    Raises
    ------
    ValueError
        If an argument is out of range, or the predictions are neither raw scores nor
        probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from skfocal.objectives import FocalMetric
    >>> name, value, higher_is_better = FocalMetric(gamma=0.0)(np.array([0, 1]), np.zeros(2))
    >>> name, round(value, 4), higher_is_better
    ('focal_loss', 0.6931, False)
    """

    __name__ = "focal_loss"  # which XGBoost's estimators ask for

    def __init__(self, gamma=1.0, alpha=None, *, n_classes=2, offset=0.0, predictions="auto"):
        super().__init__(gamma, alpha, n_classes, offset)
        check_option("predictions", predictions, ("auto", "raw", "proba"))
        if predictions == "proba" and np.any(offset):
            raise ValueError(f"offset must be 0 for predictions='proba', got {offset!r}.")
        self.predictions = predictions

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the name, the value, and whether higher is better (not for XGBoost)."""
        if not hasattr(y_pred, "get_label"):
            return _MetricResult(self._evaluate(self.predictions, y_true, y_pred, sample_weight))
        predictions, data = y_true, y_pred
        kind = _kind_of_predictions(data) if self.predictions == "auto" else self.predictions
        result = self._evaluate(kind, data.get_label(), predictions, _weight(data))
        return result[:2] if hasattr(data, "get_float_info") else result  # XGBoost takes a pair

    def _evaluate(self, kind, y_true, y_pred, sample_weight):
        predictions = np.asarray(y_pred)
        if kind == "auto" and _look_like_probabilities(predictions):
            raise ValueError(
                "FocalMetric expects raw scores, got what look like probabilities. Pass "
                "predictions='proba' under an objective of LightGBM's or XGBoost's own, and "
                "predictions='raw' if these are raw scores."
            )
        raw = _raw_of_proba(predictions) if kind == "proba" else predictions + self.offset
        return "focal_loss", self.loss(y_true, raw, sample_weight), False


class _MetricResult(tuple):
    """What LightGBM unpacks and what XGBoost's estimators take for a number."""

    def __float__(self):
        return self[1]


def curvature_scale(loss, y_true, sample_weight=None):
    """Factor that gives a focal objective cross-entropy's curvature at the start of the fit.

    ``min_child_weight``, ``reg_lambda`` and ``min_split_gain`` are absolute numbers, chosen for
    cross-entropy. The factor is cross-entropy's mean ``"newton"`` term at its own constant start
    over this loss's at its start, so that they keep their meaning for every gamma and alpha.

    Parameters
    ----------
    loss : BinaryFocalLoss or MulticlassFocalLoss
    y_true : array-like of shape (n_samples,)
        Class indices.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    scale : float
        Exactly 1 at ``gamma=0``.

    Examples
    --------
    >>> from skfocal.objectives import BinaryFocalLoss, FocalObjective, curvature_scale
    >>> loss, y = BinaryFocalLoss(gamma=2.0), [0] * 97 + [1] * 3
    >>> scale = curvature_scale(loss, y)
    >>> round(scale, 2)
    0.4
    >>> objective = FocalObjective(gamma=2.0, offset=loss.fit_intercept_only(y), scale=scale)
    """
    classes = np.arange(loss.n_classes)
    class_weight = np.bincount(y_true, weights=sample_weight, minlength=loss.n_classes)

    def mean_curvature(loss):
        start = loss.fit_intercept_only(classes, class_weight)
        raw_prediction = np.zeros((len(classes),) + np.shape(start)) + start
        _, curvature = loss.gradient_curvature(
            classes, raw_prediction, class_weight, curvature="newton"
        )
        return curvature.sum()

    cross_entropy = make_loss(loss.n_classes, gamma=0.0, alpha=loss.alpha)
    return float(mean_curvature(cross_entropy) / mean_curvature(loss))


def _weight(data):
    """Weights of a LightGBM Dataset or an XGBoost DMatrix, which has an empty array for none."""
    weight = data.get_weight()
    return weight if np.size(weight) else None


def _kind_of_predictions(data):
    """What a Dataset's objective makes of raw scores before it calls a metric."""
    objective = getattr(data, "params", {}).get("objective")
    if objective in ("binary", "multiclass", "softmax", "cross_entropy", "xentropy"):
        return "proba"
    if objective in (None, "none"):
        return "auto" if objective is None else "raw"
    raise ValueError(f"FocalMetric needs a classification objective, got {objective!r}.")


def _look_like_probabilities(predictions):
    if predictions.dtype == np.float32 and predictions.ndim == 1:
        return False  # XGBoost's raw scores start from its base_score of 0.5
    inside = np.all((predictions > 0) & (predictions < 1))
    return bool(inside and (predictions.ndim < 2 or _sums_to_1(predictions)))


def _sums_to_1(proba):
    return np.allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-5)  # XGBoost's are float32


def _raw_of_proba(proba):
    """Raw scores with the given probabilities, which are clipped as in ``focal_loss``."""
    if proba.ndim > 1 and not _sums_to_1(proba):
        raise ValueError("y_pred must hold probabilities that sum to 1 in each row.")
    eps = np.finfo(proba.dtype).eps
    clipped = np.clip(proba, eps, 1 - eps)
    return np.log(clipped) if proba.ndim > 1 else logit(clipped)
