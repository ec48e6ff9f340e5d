"""What both estimators share: labels, weights, the loss and everything said of a raw score."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from skfocal.estimators._progress import CallbackSupportMixin
from skfocal.objectives._loss import PROBABILITIES, make_loss

N_JOBS = [
    None,
    Interval(Integral, 1, None, closed="left"),
    Interval(Integral, None, -1, closed="right"),
]


class FocalClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Base of the estimators: they differ in ``fit`` and ``raw_predict`` only."""

    _parameter_constraints: dict = {
        "gamma": [Interval(Real, 0, None, closed="left"), "array-like"],
        "alpha": [None, Interval(Real, 0, 1, closed="neither"), "array-like"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "probability": [StrOptions(set(PROBABILITIES))],
    }

    # What scikit-learn's HTML representation links to.
    _doc_link_module = "skfocal"
    _doc_link_template = "https://skfocal.readthedocs.io/en/stable/generated/{module}.{name}.html"

    def _doc_link_url_param_generator(self):
        module = type(self).__module__.partition(".estimators")[0]
        return {"module": module, "name": type(self).__name__}

    def predict(self, X):
        """Most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        return self._most_probable(self.raw_predict(X))

    def predict_proba(self, X):
        """Probabilities of the classes, in the sense of the parameter ``probability``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._probabilities(self.raw_predict(X))

    def predict_log_proba(self, X):
        """Logarithm of :meth:`predict_proba`, finite where that underflows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
        """
        raw_prediction = self.raw_predict(X)
        return self.loss_.predict_log_proba(raw_prediction, self.probability)

    def decision_function(self, X):
        """Log-odds (binary) or log-probabilities (multiclass) of :meth:`predict_proba`.

        For ``gamma > 0`` this is not the raw score, which :meth:`raw_predict` returns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._decision(self.raw_predict(X))

    def __sklearn_is_fitted__(self):
        return hasattr(self, "loss_")  # which a fit that failed has not set

    def _forget(self):
        """Be unfitted until the fit that begins is done: it may be interrupted."""
        vars(self).pop("loss_", None)

    def _probabilities(self, raw_prediction):
        return self.loss_.predict_proba(raw_prediction, self.probability)

    def _decision(self, raw_prediction):
        if len(self.classes_) == 2:
            return self.loss_.log_odds(raw_prediction, self.probability)
        return self.loss_.predict_log_proba(raw_prediction, self.probability)

    def _most_probable(self, raw_prediction):
        decision = self._decision(raw_prediction)
        best = decision.argmax(axis=1) if decision.ndim > 1 else (decision > 0).astype(np.intp)
        return self.classes_[best]


def encode_labels(y):
    """Sorted classes and the index of each label; ValueError unless there are two or more."""
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    try:
        if y.dtype.kind not in "biu":  # which are labels whatever they hold
            check_classification_targets(y)
        classes = np.unique(y)
    except TypeError as error:
        raise TypeError(f"y must hold labels of one kind, that can be sorted: {error}.") from error
    if len(classes) < 2:
        raise ValueError(
            f"y must hold at least two classes, got only one class: {classes.tolist()}."
        )
    # Both are several times as fast as return_inverse, and the former as the latter.
    if len(classes) == 2:
        return classes, (y == classes[1]).astype(np.intp)
    return classes, np.searchsorted(classes, y)


def encode_known_labels(y, classes, name):
    """Index of each label among ``classes``; ValueError where a label is not among them."""
    y = np.asarray(column_or_1d(y))
    try:
        strangers = np.setdiff1d(y, classes)
    except TypeError as error:
        raise TypeError(f"{name} must hold labels of the kind of y: {error}.") from error
    if len(strangers):
        raise ValueError(
            f"{name} holds labels never seen in training: {strangers.tolist()}; "
            f"the classes are {classes.tolist()}."
        )
    return np.searchsorted(classes, y)


def check_weight(sample_weight, X, name="sample_weight", dtype=np.float64):
    """Non-negative float weights with a positive sum that is finite in a dtype, or None."""
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight)
    try:
        if weight.dtype.kind == "c":
            raise TypeError
        if weight.dtype.kind == "O":
            weight = weight.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} must be numeric, got {sample_weight!r}.") from None
    if not np.any(weight):
        raise ValueError(f"{name} must hold a positive weight, got zero for every sample.")
    with np.errstate(over="ignore"):
        sample_weight = _check_sample_weight(weight[()], X)  # a number stays one
        total = sample_weight.sum(dtype=dtype)
    if np.any(sample_weight < 0):
        raise ValueError(f"{name} must not be negative, got {sample_weight.min()}.")
    if not np.isfinite(total):
        raise ValueError(f"{name} must have a finite sum, got {total} in {np.dtype(dtype)}.")
    return sample_weight


def build_loss(estimator, classes, y, sample_weight):
    """Loss of an estimator's gamma, and of its alpha times its class weights.

    A class of weight 0 has the factor 1 here: :func:`without_silenced_classes` takes its rows'
    weight.
    """
    loss = make_loss(len(classes), gamma=estimator.gamma, alpha=estimator.alpha)
    if estimator.class_weight is None:
        return loss
    factors = _class_factors(estimator.class_weight, classes, y, sample_weight)
    factors = np.where(factors > 0, factors, 1)
    if loss.alpha is not None:
        factors = factors * loss.alpha
    return make_loss(len(classes), gamma=estimator.gamma, alpha=factors)


def silenced_classes(estimator, classes):
    """Indices of the classes to which ``class_weight`` gives the weight 0."""
    if not isinstance(estimator.class_weight, dict):
        return np.array([], dtype=np.intp)
    factors = _class_factors(estimator.class_weight, classes, np.arange(len(classes)), None)
    return np.flatnonzero(factors == 0)


def without_silenced_classes(sample_weight, y, silenced):
    """Weights in which the rows of silenced classes have none."""
    if not len(silenced):
        return sample_weight
    weight = np.where(np.isin(y, silenced), 0.0, 1.0 if sample_weight is None else sample_weight)
    if not weight.any():
        raise ValueError("class_weight must leave a class with weight, got zero for every row.")
    return weight


def _class_factors(class_weight, classes, y, sample_weight):
    """Weight of each class; "balanced" counts weighted rows, so a weight of 2 is a row twice."""
    if class_weight == "balanced":
        masses = np.bincount(y, weights=sample_weight, minlength=len(classes))
        masses = np.where(masses > 0, masses, masses.sum())  # any value: the class has no part
        return masses.sum() / (len(classes) * masses)
    factors = compute_class_weight(class_weight, classes=classes, y=classes[y])
    if not np.all(np.isfinite(factors) & (factors >= 0)):
        raise ValueError(f"class_weight must be finite and >= 0, got {class_weight!r}.")
    return factors
