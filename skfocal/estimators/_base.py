"""Base class of the estimators, which builds the loss and computes predictions from raw scores."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight

from skfocal._private import Interval, StrOptions
from skfocal.estimators._prior import prediction_loss
from skfocal.estimators._progress import CallbackSupportMixin
from skfocal.objectives._arrays import move_like, namespace
from skfocal.objectives._checks import MAX_GAMMA, in_class_order
from skfocal.objectives._loss import PROBABILITIES, make_loss

N_JOBS = [
    None,
    Interval(Integral, 1, None, closed="left"),
    Interval(Integral, None, -1, closed="right"),
]


class FocalClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Base class of the estimators, which implement ``fit`` and ``raw_predict``."""

    _parameter_constraints: dict = {
        "gamma": [Interval(Real, 0, MAX_GAMMA, closed="both"), "array-like"],
        "alpha": [None, Interval(Real, 0, 1, closed="neither"), "array-like"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "probability": [StrOptions(set(PROBABILITIES))],
        "class_prior": [None, dict, "array-like", StrOptions({"uniform"})],
    }

    class_prior = None  # for models pickled before this parameter existed

    # Link target of scikit-learn's HTML representation.
    _doc_link_module = "skfocal"
    _doc_link_template = "https://skfocal.readthedocs.io/en/stable/generated/{module}.{name}.html"

    def _doc_link_url_param_generator(self):
        module = type(self).__module__.partition(".estimators")[0]
        return {"module": module, "name": type(self).__name__}

    def predict(self, X):
        """Predict the most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            The predicted classes.
        """
        return self._most_probable(self._score_rows(X, "predict"))

    def predict_proba(self, X):
        """Predict class probabilities.

        The estimator's parameters ``probability`` and ``class_prior`` determine which probabilities
        are returned.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The class probabilities; columns are in the order of ``classes_``.
        """
        return self._probabilities(self._score_rows(X, "predict_proba"))

    def predict_log_proba(self, X):
        """Predict the logarithm of the class probabilities.

        The logarithm stays finite where :meth:`predict_proba` underflows to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            The log-probabilities; columns are in the order of ``classes_``.
        """
        raw_prediction = self._score_rows(X, "predict_log_proba")
        loss, probability = self._prediction_loss()
        return loss.predict_log_proba(raw_prediction, probability)

    def decision_function(self, X):
        """Return the log-odds (binary) or log-probabilities (multiclass) of each row.

        They are computed from the same probabilities as :meth:`predict_proba`. In general, they
        differ from the raw scores that :meth:`raw_predict` returns.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The log-odds of ``classes_[1]``, or one log-probability per class.
        """
        return self._decision(self._score_rows(X, "decision_function"))

    def __sklearn_is_fitted__(self):
        # A failed fit leaves the previous model or, after ``_reset``, an unfitted estimator.
        return hasattr(self, "loss_")

    def _reset(self):
        """Mark the estimator as unfitted before ``fit`` changes its attributes."""
        vars(self).pop("loss_", None)

    def _score_rows(self, X, method):
        """Return raw scores; ``method`` is the public method to name in errors."""
        return self.raw_predict(X)

    def _prediction_loss(self):
        """Return the loss and the probability kind that turn raw scores into predictions."""
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
            return labels  # other libraries have no arrays of strings or objects
        return move_like(labels, raw_prediction, xp)


def build_loss(estimator, classes, y, sample_weight):
    """Return the loss with the estimator's gamma and with alpha times the class weights.

    Alpha must be positive, so classes of weight 0 get the factor 1 here. Their rows get weight 0
    in :func:`apply_zero_class_weights` instead.
    """
    gamma, alpha = (
        in_class_order(name, getattr(estimator, name), classes.tolist())
        for name in ("gamma", "alpha")
    )
    loss = make_loss(len(classes), gamma=gamma, alpha=alpha)
    if estimator.class_weight is None:
        return loss
    factors = _class_factors(estimator.class_weight, classes, y, sample_weight)
    factors = np.where(factors > 0, factors, 1)
    if loss.alpha is not None:
        factors = factors * loss.alpha
    return make_loss(len(classes), gamma=gamma, alpha=factors)


def zero_weight_classes(estimator, classes):
    """Return the indices of the classes whose ``class_weight`` is 0."""
    if not isinstance(estimator.class_weight, dict):
        return np.array([], dtype=np.intp)
    factors = _class_factors(estimator.class_weight, classes, np.arange(len(classes)), None)
    return np.flatnonzero(factors == 0)


def apply_zero_class_weights(sample_weight, y, zero_classes, name="sample_weight"):
    """Return the sample weights with 0 for all rows of ``zero_classes``."""
    if not len(zero_classes):
        return sample_weight
    weight = 1.0 if sample_weight is None else sample_weight
    weight = np.where(np.isin(y, zero_classes), 0.0, weight)
    if not weight.any():
        raise ValueError(
            f"class_weight and {name} must give at least one row a positive weight, got weight 0 "
            "for every row."
        )
    return weight


def _class_factors(class_weight, classes, y, sample_weight):
    """Return the weight of each class; "balanced" sums sample weights instead of counting rows."""
    if class_weight == "balanced":
        masses = np.bincount(y, weights=sample_weight, minlength=len(classes))
        # Any positive value works for a class without weight, because it has no effect.
        masses = np.where(masses > 0, masses, masses.sum())
        return masses.sum() / (len(classes) * masses)
    factors = compute_class_weight(class_weight, classes=classes, y=classes[y])
    if not np.all(np.isfinite(factors) & (factors >= 0)):
        raise ValueError(f"class_weight must contain finite weights >= 0, got {class_weight!r}.")
    return factors
