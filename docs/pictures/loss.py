"""Figures of the user guide: the focal loss and its modulating factor."""

import matplotlib.pyplot as plt

from skfocal import FocalLossDisplay

for kind in ["loss", "modulating_factor"]:
    _, ax = plt.subplots(figsize=(5, 4), layout="constrained")
    FocalLossDisplay.from_gammas((0, 1, 2, 5), kind=kind, ax=ax)
    ax.set_xlabel("Probability of the true class")
