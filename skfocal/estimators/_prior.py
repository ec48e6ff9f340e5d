"""``class_prior``: predictions for a population whose class shares differ from those in training.

If two populations differ only in their class shares, their posteriors differ by one factor per
class, the ratio of the shares. The loss already has such factors, alpha. We therefore multiply the
ratios into alpha and use the posterior of the resulting loss.
"""

import numpy as np

from skfocal.objectives._arrays import to_numpy
from skfocal.objectives._checks import as_floats, in_class_order
from skfocal.objectives._loss import make_loss

TOLERANCE = 1e-6  # for the sum of the shares


def class_shares(y, sample_weight, n_classes):
    """Return the share of each class in the total weight; ``y`` holds class indices."""
    masses = np.bincount(y, weights=sample_weight, minlength=n_classes)
    with np.errstate(over="ignore"):  # NumPy 1.26 warns if the sum is subnormal
        return masses / masses.sum()


def prediction_loss(estimator, loss, classes, class_share):
    """Return the loss and the probability kind that turn raw scores into predictions.

    Parameters
    ----------
    estimator : FocalClassifier
        Has the parameters ``probability`` and ``class_prior``.
    loss : BinaryFocalLoss or MulticlassFocalLoss
        The loss used in training.
    classes : array of shape (n_classes,)
    class_share : array of shape (n_classes,) or None
        Class shares in training; None if the saved model does not have them.

    Returns
    -------
    loss : BinaryFocalLoss or MulticlassFocalLoss
    probability : str

    Raises
    ------
    ValueError
        If ``class_prior`` is invalid for the classes, ``probability`` or the training data.
    """
    if estimator.class_prior is None:
        return loss, estimator.probability
    if estimator.probability == "score":
        raise ValueError(
            f"class_prior must be None if probability='score', got {estimator.class_prior!r}. "
            "Set probability='posterior' or 'unweighted'."
        )
    classes = to_numpy(classes)
    prior = check_class_prior(to_numpy(estimator.class_prior), classes)
    factors = _checked_share(class_share, classes) / prior
    if loss.alpha is not None:
        factors = factors * (loss.alpha / np.max(loss.alpha))  # normalised to avoid overflow
    return make_loss(loss.n_classes, gamma=loss.gamma, alpha=factors), "unweighted"


def check_class_prior(class_prior, classes):
    """Validate ``class_prior`` and return it as an array in the order of ``classes``.

    Raises ``ValueError`` unless it contains one positive number per class that sum to 1, and
    ``TypeError`` if it is not numeric.
    """
    if isinstance(class_prior, str):
        if class_prior != "uniform":
            raise ValueError(
                "class_prior must be None, 'uniform', an array with one share per class or a dict "
                f"that maps labels to shares, got {class_prior!r}."
            )
        return np.full(len(classes), 1 / len(classes))
    prior = as_floats("class_prior", in_class_order("class_prior", class_prior, classes.tolist()))
    if prior.shape != (len(classes),):
        raise ValueError(
            f"class_prior must contain one share for each of the {len(classes)} classes "
            f"{classes.tolist()}, got {class_prior!r}."
        )
    # The ratio of the shares may overflow if a share is subnormal.
    if not np.all(prior >= np.finfo(np.float64).tiny):
        raise ValueError(
            f"class_prior must contain positive shares, got {class_prior!r}. If a class does not "
            "occur in the population, remove its rows before fit."
        )
    if not abs(prior.sum() - 1) <= TOLERANCE:
        raise ValueError(
            f"class_prior must sum to 1, got {class_prior!r}, which sums to {prior.sum():.8g}."
        )
    return prior


def _checked_share(class_share, classes):
    """Return the class shares in training; raise ``ValueError`` if a share is missing or 0."""
    if class_share is None:
        raise ValueError(
            "class_prior must be None for this model, because the version of skfocal that saved it "
            "did not store class_share_. Fit the model again to use class_prior."
        )
    share = np.asarray(to_numpy(class_share), np.float64)
    if not np.all(share > 0):
        raise ValueError(
            "class_prior requires training rows with positive weight in every class, got none in "
            f"the classes {classes[share == 0].tolist()}. Set class_prior=None, or remove these "
            "classes before fit."
        )
    return share
