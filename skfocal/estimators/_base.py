"""What both estimators share: labels, weights, the loss and everything said of a raw score."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight

from skfocal._private import Interval, StrOptions
from skfocal.estimators._prior import prediction_loss
from skfocal.estimators._progress import CallbackSupportMixin
from skfocal.objectives._arrays import move_like, namespace
from skfocal.objectives._checks import MAX_GAMMA
from skfocal.objectives._loss import PROBABILITIES, make_loss

N_JOBS = [
    None,
    Interval(Integral, 1, None, closed="left"),
    Interval(Integral, None, -1, closed="right"),
]


class FocalClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Base of the estimators: they differ in ``fit`` and ``raw_predict`` only."""

    _parameter_constraints: dict = {
        "gamma": [Interval(Real, 0, MAX_GAMMA, closed="both"), "array-like"],
        "alpha": [None, Interval(Real, 0, 1, closed="neither"), "array-like"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "probability": [StrOptions(set(PROBABILITIES))],
        "class_prior": [None, dict, "array-like", StrOptions({"uniform"})],
    }

    class_prior = None  # of models that were saved without this parameter

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
        return self._most_probable(self._score_rows(X, "predict"))

    def predict_proba(self, X):
        """Probabilities of the classes, by the parameters ``probability`` and ``class_prior``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._probabilities(self._score_rows(X, "predict_proba"))

    def predict_log_proba(self, X):
        """Logarithm of :meth:`predict_proba`, finite where that underflows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
        """
        raw_prediction = self._score_rows(X, "predict_log_proba")
        loss, probability = self._prediction_loss()
        return loss.predict_log_proba(raw_prediction, probability)

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
        return self._decision(self._score_rows(X, "decision_function"))

    def __sklearn_is_fitted__(self):
        return hasattr(self, "loss_")  # which a fit that failed has not set

    def _forget(self):
        """Be unfitted until the fit that begins is done: it may be interrupted."""
        vars(self).pop("loss_", None)

    def _score_rows(self, X, method):
        """Raw scores for a public method, whose name errors give."""
        return self.raw_predict(X)

    def _prediction_loss(self):
        """Loss, and its kind of probability, that turn raw scores into predictions."""
        share = getattr(self, "class_share_", None)
        return prediction_loss(self, self.loss_, self.classes_, share)

    def _probabilities(self, raw_prediction):
        loss, probability = self._prediction_loss()
        return loss.predict_proba(raw_prediction, probability)

    def _decision(self, raw_prediction):
        loss, probability = self._prediction_loss()
        if loss.n_classes == 2:
            return loss.log_odds(raw_prediction, probability)
        return loss.predict_log_proba(raw_prediction, probability)

    def _most_probable(self, raw_prediction):
        decision = self._decision(raw_prediction)
        xp, xp_classes = namespace(decision), namespace(self.classes_)
        best = xp.argmax(decision, axis=1) if decision.ndim > 1 else decision > 0
        best = xp.asarray(best, dtype=xp.int64)
        labels = xp_classes.take(self.classes_, move_like(best, self.classes_, xp_classes))
        if xp_classes is np and labels.dtype.kind not in "biuf":
            return labels  # strings, which NumPy alone has
        return move_like(labels, raw_prediction, xp)


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
