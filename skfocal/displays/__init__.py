"""Plots. matplotlib is only imported to draw them."""

from skfocal.displays._focal_loss import FocalLossDisplay
from skfocal.displays._gamma import GammaDisplay

__all__ = ["FocalLossDisplay", "GammaDisplay"]
