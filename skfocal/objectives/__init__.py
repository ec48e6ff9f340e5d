"""The focal loss, and the forms in which LightGBM, XGBoost and the linear model use it."""

from skfocal.objectives._lightgbm import FocalMetric, FocalObjective, curvature_scale
from skfocal.objectives._loss import BinaryFocalLoss, MulticlassFocalLoss

__all__ = [
    "BinaryFocalLoss",
    "FocalMetric",
    "FocalObjective",
    "MulticlassFocalLoss",
    "curvature_scale",
]
