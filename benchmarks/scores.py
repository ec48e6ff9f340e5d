"""Scores of predicted probabilities."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

HIGHER_IS_BETTER = {
    "average_precision": True,
    "roc_auc": True,
    "log_loss": False,
    "brier": False,
}
SLOPE_BOUND = 10.0


def all_scores(y, proba):
    """All scores of probabilities of shape (n_samples, n_classes) for class indices y."""
    return {
        "average_precision": average_precision(y, proba),
        "roc_auc": roc_auc(y, proba),
        "log_loss": log_loss(y, proba),
        "brier": brier(y, proba),
        "calibration_slope": calibration_slope(y, proba),
    }


def average_precision(y, proba):
    """Average precision of class 1; multiclass: mean over the classes, one-vs-rest."""
    if proba.shape[1] == 2:
        return average_precision_score(y, proba[:, 1])
    return average_precision_score(_one_hot(y, proba), proba)


def roc_auc(y, proba):
    """Area under the ROC curve of class 1; multiclass: mean over the classes, one-vs-rest."""
    if proba.shape[1] == 2:
        return roc_auc_score(y, proba[:, 1])
    return roc_auc_score(_one_hot(y, proba), proba)


def brier(y, proba):
    """Mean squared error of the probability of class 1; multiclass: summed over the classes."""
    error = np.mean(np.sum((proba - _one_hot(y, proba)) ** 2, axis=1))
    return error / 2 if proba.shape[1] == 2 else error


def calibration_slope(y, proba):
    """Slope b that minimises the log loss of ``softmax(a + b * log(proba))``.

    1 is ideal, below 1 is over-confident, above 1 is under-confident. For two classes, this is the
    slope of a logistic regression on the log-odds. The result is NaN if the best slope exceeds 10
    in size, for example because the probabilities separate the classes.
    """
    eps = np.finfo(np.float64).eps  # log_loss clips at the same value
    log_proba = np.log(np.clip(proba.astype(np.float64), eps, 1))
    y_one_hot = _one_hot(y, proba)

    def loss_gradient(theta):
        logits = np.append(0, theta[1:]) + theta[0] * log_proba
        residual = softmax(logits, axis=1) - y_one_hot
        gradient = np.append(np.sum(residual * log_proba), residual.sum(axis=0)[1:])
        return -np.sum(y_one_hot * log_softmax(logits, axis=1)), gradient

    start = np.append(1.0, np.zeros(proba.shape[1] - 1))
    bounds = [(-SLOPE_BOUND, SLOPE_BOUND)] + [(None, None)] * (proba.shape[1] - 1)
    slope = minimize(loss_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds).x[0]
    return slope if abs(slope) < SLOPE_BOUND else np.nan


def _one_hot(y, proba):
    return np.eye(proba.shape[1])[y]
