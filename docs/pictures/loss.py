"""The focal loss and its modulating factor, for the user guide."""

import matplotlib.pyplot as plt

from skfocal import FocalLossDisplay

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for ax, kind in zip(axes, ["loss", "modulating_factor"], strict=True):
    FocalLossDisplay.from_gammas((0, 0.5, 1, 2, 5), kind=kind, ax=ax)
    ax.set_xlabel("Probability of the true class")
