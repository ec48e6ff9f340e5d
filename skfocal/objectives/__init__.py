"""The focal loss, and the forms in which LightGBM and the linear model use it."""

from skfocal.objectives._lightgbm import FocalMetric, FocalObjective
from skfocal.objectives._loss import BinaryFocalLoss, MulticlassFocalLoss

__all__ = ["BinaryFocalLoss", "FocalMetric", "FocalObjective", "MulticlassFocalLoss"]
