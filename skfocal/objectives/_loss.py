"""Binary and multiclass focal loss as functions of raw predictions.

The losses apply the chain rule to the scalar function of ``_margin.py``, add class factors and
sample weights, and know the two things a model needs besides: the map from raw predictions to
probabilities and the constant of least loss. They are stateless, as scikit-learn's own losses are.
"""

from skfocal.objectives._base import PROBABILITIES
from skfocal.objectives._binary import BinaryFocalLoss
from skfocal.objectives._multiclass import MulticlassFocalLoss

__all__ = ["PROBABILITIES", "BinaryFocalLoss", "MulticlassFocalLoss", "make_loss"]


def make_loss(n_classes, *, gamma, alpha):
    """The binary loss for two classes, else the multiclass one."""
    if n_classes == 2:
        return BinaryFocalLoss(gamma=gamma, alpha=alpha)
    return MulticlassFocalLoss(n_classes, gamma=gamma, alpha=alpha)
