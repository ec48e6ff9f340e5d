"""Binary and multiclass focal loss as functions of raw predictions.

The losses apply the chain rule to the scalar function in ``_margin.py`` and multiply by class
factors and sample weights. They also convert raw predictions to probabilities and compute the
constant prediction with the lowest loss. They are stateless, like the losses of scikit-learn.
"""

from skfocal.objectives._base import PROBABILITIES
from skfocal.objectives._binary import BinaryFocalLoss
from skfocal.objectives._multiclass import MulticlassFocalLoss

__all__ = ["PROBABILITIES", "BinaryFocalLoss", "MulticlassFocalLoss", "make_loss"]


def make_loss(n_classes, *, gamma, alpha):
    """Return the binary loss for two classes, the multiclass loss for more."""
    if n_classes == 2:
        return BinaryFocalLoss(gamma=gamma, alpha=alpha)
    return MulticlassFocalLoss(n_classes, gamma=gamma, alpha=alpha)
