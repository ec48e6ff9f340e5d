"""Plots. Matplotlib is imported only when one is drawn."""

from skfocal.displays._focal_loss import FocalLossDisplay
from skfocal.displays._gamma import GammaDisplay

__all__ = ["FocalLossDisplay", "GammaDisplay"]
