"""The focal loss in LightGBM's conventions (and, binary, XGBoost's): no mathematics here."""

from numbers import Integral, Real

import numpy as np

from skfocal.objectives._arrays import own_namespace
from skfocal.objectives._checks import as_floats, check_option
from skfocal.objectives._loss import make_loss

CURVATURES = ("majorant", "geometric", "newton")


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
    gamma : float or array-like of shape (n_classes,), default=2.0
        Focusing exponent from 0 to 100.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factors of the classes; a float ``a`` means ``(1 - a, a)``.
    n_classes : int, default=2
        For more than two, LightGBM also needs ``num_class``.
    curvature : {"majorant", "geometric", "newton"}, default="majorant"
        Second-order term. ``"majorant"`` is ``1 + max(gamma)`` times the gradient's size, twice
        that for several classes: with ``learning_rate <= 1`` no tree raises the training loss.
        ``"newton"`` is the positive part of the exact Hessian, LightGBM's own at ``gamma=0``.
        ``"geometric"`` is the geometric mean of both; no tree raises the training loss with
        ``learning_rate <= 0.1``.
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
        gamma=2.0,
        alpha=None,
        *,
        n_classes=2,
        curvature="majorant",
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
        y_true, y_pred, sample_weight = _rows(y_true, y_pred, sample_weight)
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
    """Weighted mean focal loss as a LightGBM metric: ``("focal_loss", value, False)``.

    A picklable callable for ``eval_metric`` of ``LGBMClassifier.fit`` and ``feval`` of
    ``lightgbm.train`` and ``lightgbm.cv``, evaluated on raw scores.

    Parameters
    ----------
    gamma, alpha, n_classes, offset
        As in :class:`FocalObjective`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from skfocal.objectives import FocalMetric
    >>> name, value, higher_is_better = FocalMetric(gamma=0.0)(np.array([0, 1]), np.zeros(2))
    >>> name, round(value, 4), higher_is_better
    ('focal_loss', 0.6931, False)
    """

    def __init__(self, gamma=2.0, alpha=None, *, n_classes=2, offset=0.0):
        super().__init__(gamma, alpha, n_classes, offset)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Name, value, and whether higher is better."""
        y_true, raw_prediction, sample_weight = _rows(y_true, y_pred, sample_weight)
        raw_prediction = np.asarray(raw_prediction) + self.offset
        return "focal_loss", self.loss(y_true, raw_prediction, sample_weight), False


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


def _rows(y_true, y_pred, sample_weight):
    """Sort out the arguments: ``lightgbm.train`` passes scores and a Dataset."""
    if hasattr(y_pred, "get_label"):
        return y_pred.get_label(), y_true, y_pred.get_weight()
    return y_true, y_pred, sample_weight
