"""The estimators for Dask collections (extra ``dask``)."""

from skfocal.dask._linear import DaskFocalLogisticRegression
from skfocal.dask._trees import DaskFocalLGBMClassifier

__all__ = ["DaskFocalLGBMClassifier", "DaskFocalLogisticRegression"]
