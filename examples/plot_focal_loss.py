"""
What gamma does
===============

The focal loss of a row is ``alpha * (1 - p)**gamma * -log(p)``, where p is the probability that
the model gives to the row's true class. The factor ``(1 - p)**gamma`` turns the loss down where
the model is right already, and leaves it where it is wrong. This page draws the loss, its
derivatives and what they do to probabilities, and prints the figures that introductions quote.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logit

from skfocal import FocalLossDisplay, focal_loss
from skfocal.objectives import BinaryFocalLoss

# %%
# Cross-entropy is gamma 0
# ------------------------
# Eight rows, the first four negative, and the probability of the positive class:
y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
proba = np.array([0.3, 0.8, 0.7, 0.4, 0.6, 0.8, 0.9, 0.2])
print("cross-entropy:", BinaryFocalLoss(gamma=0).loss(y, logit(proba)))


# %%
# One row at a time: a positive and a negative, at probabilities 0.9 and 0.3. Gamma 2 takes a
# hundredth of the loss of the easy row and half of that of the hard one.
def one_row(label, p, gamma):
    return focal_loss([label], [p], gamma=gamma, labels=[0, 1])


print("\ny  p    gamma 0              gamma 2")
for label, p in [(1, 0.9), (1, 0.3), (0, 0.3), (0, 0.9)]:
    print(f"{label}  {p}  {one_row(label, p, 0):<19.16g}  {one_row(label, p, 2):.16g}")

# %%
# Some introductions weigh negatives by p, not by p**gamma: that is a gamma for each class.
print("\ny=0, p=0.3, gamma=(1, 2):", one_row(0, 0.3, (1, 2)))

# %%
# An easy majority and a hard minority
# ------------------------------------
# One missed negative against nine positives that are nearly right. As gamma grows, the nine
# together count for ever less than the one.
y = np.array([0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
proba = np.array([0.7, 0.8, 0.7, 0.8, 0.8, 0.8, 0.9, 0.9, 0.8, 0.7])
print("\ngamma  negative at .7  positive at .7  at .8       at .9       sum of the positives")
for gamma in range(5):
    loss = BinaryFocalLoss(gamma=gamma).loss(y, logit(proba))
    row = f"{loss[0]:.10f}    {loss[2]:.10f}    {loss[1]:.8f}  {loss[6]:.8f}"
    print(f"{gamma:<5}  {row}  {loss[1:].sum():.12f}")

# %%
# The gradient of a linear score
# ------------------------------
# A hard positive and an easy one, under the same coefficients. Gamma 2 makes the gradient of the
# hard row a little larger and that of the easy one a thousand times smaller.
coef = np.array([0.5, 0.16, 0.67, 0.68])
rows = {"hard": np.array([-0.8, -2.5, -0.6, -0.58]), "easy": np.array([2, 6.25, 1.5, 1.47])}
for name, x in rows.items():
    for gamma in (0, 2):
        slope = BinaryFocalLoss(gamma=gamma).gradient([1], [x @ coef])
        print(f"{name} row, gamma {gamma}: {slope * x}")

# %%
# Several classes, and a factor for each
# --------------------------------------
y_proba = [[0.05, 0.9, 0.05], [0.1, 0.85, 0.05]]
settings = {"gamma": 2, "alpha": (0.25, 0.25, 0.25), "labels": [0, 1, 2]}
losses = [focal_loss([k], [p], **settings) for k, p in zip([1, 2], y_proba, strict=True)]
print("\nthree classes:", losses)
print("gamma 2:", BinaryFocalLoss(gamma=2).loss([0, 1, 1], logit([0.1, 0.7, 0.9])).round(3))

# %%
# The curves
# ----------
# The loss against the probability of the positive class, for a positive and for a negative row:
GAMMAS = (0, 1, 2, 5)
figure, axes = plt.subplots(2, figsize=(6.4, 8), layout="constrained")
for label, ax in zip((1, 0), axes, strict=True):
    FocalLossDisplay.from_gammas(GAMMAS, y=label, ax=ax)
plt.show()

# %%
# What makes the difference is the modulating factor, ``(1 - p)**gamma`` and ``p**gamma``:
figure, axes = plt.subplots(2, figsize=(6.4, 8), layout="constrained")
for label, ax in zip((1, 0), axes, strict=True):
    FocalLossDisplay.from_gammas(GAMMAS, kind="modulating_factor", y=label, ax=ax)
plt.show()

# %%
# Models see the derivatives in the raw score. The second one is negative where a row is badly
# missed, which is why a booster must not be handed it as it is.
figure, axes = plt.subplots(2, figsize=(6.4, 8), layout="constrained")
for kind, ax in zip(("gradient", "hessian"), axes, strict=True):
    FocalLossDisplay.from_gammas(GAMMAS, kind=kind, against="raw", ax=ax)
plt.show()

# %%
# And the price of gamma: the sigmoid of a focal score is closer to 1/2 than the probability that
# the score stands for. ``predict_proba`` of the estimators returns the latter.
figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
FocalLossDisplay.from_gammas(GAMMAS, kind="posterior", ax=ax)
plt.show()
