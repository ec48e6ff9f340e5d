"""Scikit-learn classifiers trained with the focal loss."""

from skfocal.estimators._lgbm import FocalLGBMClassifier
from skfocal.estimators._logistic import FocalLogisticRegression

__all__ = ["FocalLGBMClassifier", "FocalLogisticRegression"]
