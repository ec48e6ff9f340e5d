"""The focal loss, and objectives and metrics for LightGBM and XGBoost."""

from skfocal.objectives._lightgbm import FocalMetric, FocalObjective, curvature_scale
from skfocal.objectives._loss import BinaryFocalLoss, MulticlassFocalLoss

__all__ = [
    "BinaryFocalLoss",
    "FocalMetric",
    "FocalObjective",
    "MulticlassFocalLoss",
    "curvature_scale",
]
