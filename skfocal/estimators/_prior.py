"""``class_prior``: predictions for a population whose classes have other shares than in training.

Where two populations differ in nothing but the shares of the classes, their posteriors differ by
a factor per class, the quotient of the shares. A loss has such factors: alpha. So a loss whose
alpha holds the quotients too gives the other posterior, and no formula is added here.
"""

from collections.abc import Mapping

import numpy as np

from skfocal.objectives._arrays import to_numpy
from skfocal.objectives._checks import as_floats
from skfocal.objectives._loss import make_loss

TOLERANCE = 1e-6  # of the sum of shares


def class_shares(y, sample_weight, n_classes):
    """Share of each class in the weight of the rows; ``y`` holds class indices."""
    masses = np.bincount(y, weights=sample_weight, minlength=n_classes)
    with np.errstate(over="ignore"):  # of which NumPy 1.26 warns where the sum is subnormal
        return masses / masses.sum()


def prediction_loss(estimator, loss, classes, class_share):
    """Loss, and its kind of probability, that turn raw scores into an estimator's predictions.

    Parameters
    ----------
    estimator : FocalClassifier
        Its parameters ``probability`` and ``class_prior`` count.
    loss : BinaryFocalLoss or MulticlassFocalLoss
        The loss of the training.
    classes : array of shape (n_classes,)
    class_share : array of shape (n_classes,) or None
        Shares of the classes in training; None if they were not kept.

    Returns
    -------
    loss : BinaryFocalLoss or MulticlassFocalLoss
    probability : str

    Raises
    ------
    ValueError
        If ``class_prior`` does not fit the classes, ``probability`` or the training.
    """
    if estimator.class_prior is None:
        return loss, estimator.probability
    if estimator.probability == "score":
        raise ValueError(
            "class_prior must be None where probability='score', whose probabilities speak of no "
            f"population, got {estimator.class_prior!r}. Set probability='posterior'."
        )
    classes = to_numpy(classes)
    prior = check_class_prior(to_numpy(estimator.class_prior), classes)
    factors = _checked_share(class_share, classes) / prior
    if loss.alpha is not None:
        factors = factors * (loss.alpha / np.max(loss.alpha))  # which cannot overflow
    return make_loss(loss.n_classes, gamma=loss.gamma, alpha=factors), "unweighted"


def check_class_prior(class_prior, classes):
    """Return the shares of the classes in a population as an array in the order of ``classes``.

    Raises ``ValueError`` unless they are one positive number for each class and sum to 1, and
    ``TypeError`` if they are not numbers.
    """
    if isinstance(class_prior, str):
        return _named(class_prior, len(classes))
    prior = as_floats("class_prior", _in_order(class_prior, classes))
    if prior.shape != (len(classes),):
        raise ValueError(
            f"class_prior must hold one share for each of the {len(classes)} classes "
            f"{classes.tolist()}, got {class_prior!r}."
        )
    # Below the least normal number a quotient of shares may overflow.
    if not np.all(prior >= np.finfo(np.float64).tiny):
        raise ValueError(
            f"class_prior must hold positive shares, got {class_prior!r}. If a class does not "
            "occur in the population, train without its rows."
        )
    if not abs(prior.sum() - 1) <= TOLERANCE:
        raise ValueError(
            f"class_prior must hold shares that sum to 1, got {class_prior!r} with the sum "
            f"{prior.sum():.8g}."
        )
    return prior


def _named(class_prior, n_classes):
    """Shares that a string stands for."""
    if class_prior != "uniform":
        raise ValueError(
            "class_prior must be None, 'uniform', one share for each class, or a dict of shares "
            f"by label, got {class_prior!r}."
        )
    return np.full(n_classes, 1 / n_classes)


def _in_order(class_prior, classes):
    """Shares in the order of ``classes``, where they come by label."""
    if hasattr(class_prior, "to_dict"):  # a pandas Series: value_counts sorts by frequency
        class_prior = class_prior.to_dict()
    if not isinstance(class_prior, Mapping):
        return class_prior
    labels = classes.tolist()
    missing = [label for label in labels if label not in class_prior]
    unknown = list(set(class_prior) - set(labels))
    if missing or unknown:
        raise ValueError(
            f"class_prior must hold a share for each of the classes {labels} and for no other "
            f"label, got {class_prior!r}: missing {missing}, unknown {unknown}."
        )
    return [class_prior[label] for label in labels]


def _checked_share(class_share, classes):
    """Shares of the classes in training, or ``ValueError`` where they cannot be corrected."""
    if class_share is None:
        raise ValueError(
            "class_prior must be None for this model, which was saved without the shares of its "
            "classes in training. Fit it again."
        )
    share = np.asarray(to_numpy(class_share), np.float64)
    if not np.all(share > 0):
        raise ValueError(
            "class_prior needs training rows with weight of every class, got none of "
            f"{classes[share == 0].tolist()}. Set class_prior=None, or train without these classes."
        )
    return share
