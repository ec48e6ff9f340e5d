"""Adapters of the focal loss to the calling conventions of LightGBM and XGBoost."""

from numbers import Integral, Real

import numpy as np
from scipy.special import logit

from skfocal.objectives._arrays import own_namespace
from skfocal.objectives._checks import as_floats, check_option
from skfocal.objectives._loss import make_loss

CURVATURES = ("geometric", "majorant", "newton")


class _FocalCallable:
    """Base class of the objective and the metric."""

    def __init__(self, gamma, alpha, n_classes, offset):
        if not isinstance(n_classes, Integral) or n_classes < 2:
            raise ValueError(f"n_classes must be an integer >= 2, got {n_classes!r}.")
        self.loss = make_loss(int(n_classes), gamma=gamma, alpha=alpha)
        self.offset = self._check_offset(offset)

    def predict_proba(self, raw_prediction, probability="posterior"):
        """Convert LightGBM's raw scores, which do not include the offset, to class probabilities.

        Parameters
        ----------
        raw_prediction : array-like of shape (n_samples,) or (n_samples, n_classes)
            Result of LightGBM's ``predict`` with a custom objective.
        probability : {"posterior", "unweighted", "score"}, default="posterior"
            As in :meth:`skfocal.objectives.BinaryFocalLoss.predict_proba`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The class probabilities.
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
    """Focal loss as an objective function for boosted trees.

    The objective is a picklable callable ``(y_true, y_pred, sample_weight=None)`` that returns the
    gradient and the second-order term. You can pass it to
    ``lightgbm.LGBMClassifier(objective=...)``, as ``params["objective"]`` to ``lightgbm.train`` and
    ``lightgbm.cv``, as ``obj`` to ``xgboost.train`` and ``xgboost.cv``, and for two classes also to
    ``xgboost.XGBClassifier(objective=...)``. Sample weights work with all of them.

    Parameters
    ----------
    gamma : float or array-like of shape (n_classes,), default=1.0
        Focusing parameter, between 0 and 100. 0 gives cross-entropy.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factor that multiplies the loss of each class. None means 1 for every class. A float ``a``
        means ``(1 - a, a)``.
    n_classes : int, default=2
        Number of classes. If there are more than two, also pass ``num_class`` to LightGBM.
    curvature : {"geometric", "majorant", "newton"}, default="geometric"
        Second-order term that the trees use in place of the second derivative of the loss.

        - "geometric": geometric mean of the two terms below, but at least a fifth of "majorant".
          With ``learning_rate <= 0.2`` and without row sampling or dart, no tree increases the
          training loss.
        - "majorant": ``1 + max(gamma)`` times the absolute gradient (twice that for multiclass).
          With ``learning_rate <= 1`` and without row sampling or dart, no tree increases the
          training loss.
        - "newton": the exact second derivative, or its Gauss-Newton part if that is larger. At
          ``gamma=0``, it equals that of LightGBM's own objective.
    offset : float or ndarray of shape (n_classes,), default=0.0
        Constant initial score, for example ``loss.fit_intercept_only(y)``. The loss is evaluated
        at ``y_pred + offset``, and :meth:`predict_proba` adds the offset too.
    scale : float, default=1.0
        Factor that multiplies the gradient and the second-order term; see
        :func:`curvature_scale`.

    Raises
    ------
    ValueError
        If an argument is out of range.
    TypeError
        If ``gamma``, ``alpha`` or ``offset`` is not numeric.

    Notes
    -----
    LightGBM stores gradients in float32, so they are computed in float32. At ``gamma=0`` they are
    computed in float64 and then rounded, to grow the same trees as LightGBM's own objective.

    Scores in arrays of another library, for example CuPy, are processed with that library.

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
        """Return the gradient and the second-order term as float32, in the layout of the scores."""
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
    """Weighted mean focal loss as a metric for LightGBM and XGBoost; lower is better.

    The metric is a picklable callable. You can pass it as ``eval_metric`` to ``LGBMClassifier.fit``
    and ``XGBClassifier``, as ``feval`` to ``lightgbm.train`` and ``lightgbm.cv``, and as
    ``custom_metric`` to ``xgboost.train`` and ``xgboost.cv``.

    Parameters
    ----------
    gamma, alpha, n_classes, offset
        As in :class:`FocalObjective`.
    predictions : {"auto", "raw", "proba"}, default="auto"
        Whether the metric receives raw scores or probabilities. LightGBM and XGBoost pass raw
        scores if the objective is custom, and probabilities if it is built in. ``"auto"`` reads the
        objective from the LightGBM Dataset that the metric receives, which keeps the objective of
        its first training. Without a Dataset that has an objective, ``"auto"`` expects raw scores
        and raises an error if they look like probabilities. It does not recognise XGBoost's binary
        probabilities, so pass ``"proba"`` with XGBoost's built-in objectives.

    Raises
    ------
    ValueError
        If an argument is out of range, or if the metric is called with predictions of the wrong
        kind.

    Examples
    --------
    >>> import numpy as np
    >>> from skfocal.objectives import FocalMetric
    >>> name, value, higher_is_better = FocalMetric(gamma=0.0)(np.array([0, 1]), np.zeros(2))
    >>> name, round(value, 4), higher_is_better
    ('focal_loss', 0.6931, False)
    """

    __name__ = "focal_loss"  # XGBoost's estimators read it

    def __init__(self, gamma=1.0, alpha=None, *, n_classes=2, offset=0.0, predictions="auto"):
        super().__init__(gamma, alpha, n_classes, offset)
        check_option("predictions", predictions, ("auto", "raw", "proba"))
        if predictions == "proba" and np.any(offset):
            raise ValueError(f"offset must be 0 if predictions='proba', got {offset!r}.")
        self.predictions = predictions

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return (name, value, is_higher_better), or (name, value) for a DMatrix of XGBoost."""
        if not hasattr(y_pred, "get_label"):
            return _MetricResult(self._evaluate(self.predictions, y_true, y_pred, sample_weight))
        predictions, data = y_true, y_pred
        kind = _kind_of_predictions(data) if self.predictions == "auto" else self.predictions
        result = self._evaluate(kind, data.get_label(), predictions, _weight(data))
        return result[:2] if hasattr(data, "get_float_info") else result  # XGBoost needs a pair

    def _evaluate(self, kind, y_true, y_pred, sample_weight):
        predictions = np.asarray(y_pred)
        if kind == "auto" and _look_like_probabilities(predictions):
            raise ValueError(
                "FocalMetric requires raw scores, got values that look like probabilities. Pass "
                "predictions='proba' with a built-in objective of LightGBM or XGBoost, or "
                "predictions='raw' if these are raw scores."
            )
        raw = _raw_of_proba(predictions) if kind == "proba" else predictions + self.offset
        return "focal_loss", self.loss(y_true, raw, sample_weight), False


class _MetricResult(tuple):
    """A tuple for LightGBM that XGBoost's estimators can convert to a float."""

    def __float__(self):
        return self[1]


def curvature_scale(loss, y_true, sample_weight=None):
    """Compute the factor that makes the initial curvature equal to that of cross-entropy.

    ``min_child_weight``, ``reg_lambda``, ``reg_alpha`` and ``min_split_gain`` are absolute numbers
    whose usual values suit cross-entropy. With this factor they have a similar effect for every
    gamma. The factor compares the second-order term that ``curvature="newton"`` selects (see
    :class:`FocalObjective`): its mean for cross-entropy with the same alpha, divided by its mean
    for the focal loss. Each mean is computed at the best constant prediction for that loss.

    Parameters
    ----------
    loss : BinaryFocalLoss or MulticlassFocalLoss
        The focal loss.
    y_true : array-like of shape (n_samples,)
        Class indices.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row. None means 1 for every row.

    Returns
    -------
    scale : float
        The factor. It is exactly 1 at ``gamma=0``.

    Raises
    ------
    ValueError
        If ``y_true`` is empty or contains anything but class indices, or if ``sample_weight`` is
        invalid or all zero.

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
    class_weight = loss._class_weights(y_true, sample_weight)

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
    """Return the weights of a Dataset or DMatrix, or None; a DMatrix may hold an empty array."""
    weight = data.get_weight()
    return weight if np.size(weight) else None


def _kind_of_predictions(data):
    """Return the kind of predictions that LightGBM passes to a metric with this objective."""
    objective = getattr(data, "params", {}).get("objective")
    if objective in ("binary", "multiclass", "softmax", "cross_entropy", "xentropy"):
        return "proba"
    if objective in (None, "none"):
        return "auto" if objective is None else "raw"
    raise ValueError(f"FocalMetric requires a classification objective, got {objective!r}.")


def _look_like_probabilities(predictions):
    if predictions.dtype == np.float32 and predictions.ndim == 1:
        return False  # raw scores of XGBoost may also be in (0, 1): base_score is 0.5 by default
    inside = np.all((predictions > 0) & (predictions < 1))
    return bool(inside and (predictions.ndim < 2 or _sums_to_1(predictions)))


def _sums_to_1(proba):
    return np.allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-5)  # XGBoost returns float32


def _raw_of_proba(proba):
    """Convert probabilities, clipped as in ``focal_loss``, to raw scores."""
    if not np.all((proba >= 0) & (proba <= 1)):
        raise ValueError(
            f"y_pred must contain probabilities, got values from {proba.min()} to {proba.max()}. "
            "Pass predictions='raw' if these are raw scores. A LightGBM Dataset keeps the "
            "objective of its first training; create a new one for another objective."
        )
    if proba.ndim > 1 and not _sums_to_1(proba):
        sums = proba.sum(axis=1)
        worst = sums[np.argmax(np.abs(sums - 1))]
        raise ValueError(f"Each row of y_pred must sum to 1, got a row that sums to {worst}.")
    eps = np.finfo(proba.dtype).eps
    clipped = np.clip(proba, eps, 1 - eps)
    return np.log(clipped) if proba.ndim > 1 else logit(clipped)
