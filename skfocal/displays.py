"""Plots of the focal loss; matplotlib is imported only where a plot is drawn."""


class FocalLossDisplay:
    """Curves of the focal loss for several gammas."""
