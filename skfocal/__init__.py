"""Classifiers trained with the focal loss, for imbalanced tabular data."""

from skfocal.displays import FocalLossDisplay, GammaDisplay
from skfocal.estimators import FocalLGBMClassifier, FocalLogisticRegression
from skfocal.metrics import focal_loss

__version__ = "0.1.0"
__all__ = [
    "FocalLGBMClassifier",
    "FocalLogisticRegression",
    "FocalLossDisplay",
    "GammaDisplay",
    "focal_loss",
]
