"""
What gamma does
===============

The focal loss of a row is ``alpha * (1 - p)**gamma * -log(p)``, where ``p`` is the predicted
probability of the row's true class. The factor ``(1 - p)**gamma`` reduces the loss of rows that the
model already predicts well, and hardly changes the loss of the others. This example plots the loss,
its derivatives and its effect on probabilities, and reproduces numbers from common introductions.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logit

from skfocal import FocalLossDisplay, focal_loss
from skfocal.objectives import BinaryFocalLoss

# %%
# Cross-entropy is gamma 0
# ------------------------
# Eight rows, four negative and four positive, with the predicted probability of the positive class:
y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
proba = np.array([0.3, 0.8, 0.7, 0.4, 0.6, 0.8, 0.9, 0.2])
print("cross-entropy:", BinaryFocalLoss(gamma=0).loss(y, logit(proba)))


# %%
# Now consider single rows: positives and negatives with probability 0.9 or 0.3. With gamma 2, the
# easy positive keeps a hundredth of its loss, and the hard positive about half.
def one_row(label, p, gamma):
    return focal_loss([label], [p], gamma=gamma, labels=[0, 1])


print("\ny  p    gamma 0              gamma 2")
for label, p in [(1, 0.9), (1, 0.3), (0, 0.3), (0, 0.9)]:
    print(f"{label}  {p}  {one_row(label, p, 0):<19.16g}  {one_row(label, p, 2):.16g}")

# %%
# Some introductions weight negatives by ``p`` instead of ``p**gamma``. This corresponds to a
# different gamma per class.
print("\ny=0, p=0.3, gamma=(1, 2):", one_row(0, 0.3, (1, 2)))

# %%
# Easy majority, hard minority
# ----------------------------
# One misclassified negative and nine positives that are predicted well. As gamma grows, the total
# loss of the nine positives shrinks relative to the loss of the one negative.
y = np.array([0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
proba = np.array([0.7, 0.8, 0.7, 0.8, 0.8, 0.8, 0.9, 0.9, 0.8, 0.7])
print("\ngamma  negative at .7  positive at .7  at .8       at .9       sum over positives")
for gamma in range(5):
    loss = BinaryFocalLoss(gamma=gamma).loss(y, logit(proba))
    row = f"{loss[0]:.10f}    {loss[2]:.10f}    {loss[1]:.8f}  {loss[6]:.8f}"
    print(f"{gamma:<5}  {row}  {loss[1:].sum():.12f}")

# %%
# The gradient of a linear model
# ------------------------------
# A hard and an easy positive row, with the same coefficients. Compared with gamma 0, gamma 2 makes
# the gradient of the hard row slightly larger, and that of the easy row a thousand times smaller.
coef = np.array([0.5, 0.16, 0.67, 0.68])
rows = {"hard": np.array([-0.8, -2.5, -0.6, -0.58]), "easy": np.array([2, 6.25, 1.5, 1.47])}
for name, x in rows.items():
    for gamma in (0, 2):
        slope = BinaryFocalLoss(gamma=gamma).gradient([1], [x @ coef])
        print(f"{name} row, gamma {gamma}: {slope * x}")

# %%
# Multiclass loss with alpha
# --------------------------
y_proba = [[0.05, 0.9, 0.05], [0.1, 0.85, 0.05]]
settings = {"gamma": 2, "alpha": (0.25, 0.25, 0.25), "labels": [0, 1, 2]}
losses = [focal_loss([k], [p], **settings) for k, p in zip([1, 2], y_proba, strict=True)]
print("\nthree classes:", losses)
print("gamma 2:", BinaryFocalLoss(gamma=2).loss([0, 1, 1], logit([0.1, 0.7, 0.9])).round(3))

# %%
# The curves
# ----------
# The loss as a function of the probability of the positive class, for a positive and a negative
# row:
GAMMAS = (0, 1, 2, 5)
figure, axes = plt.subplots(2, figsize=(6.4, 8), layout="constrained")
for label, ax in zip((1, 0), axes, strict=True):
    FocalLossDisplay.from_gammas(GAMMAS, y=label, ax=ax)
plt.show()

# %%
# The modulating factor is ``(1 - p)**gamma`` for a positive row and ``p**gamma`` for a negative
# row:
figure, axes = plt.subplots(2, figsize=(6.4, 8), layout="constrained")
for label, ax in zip((1, 0), axes, strict=True):
    FocalLossDisplay.from_gammas(GAMMAS, kind="modulating_factor", y=label, ax=ax)
plt.show()

# %%
# Training uses the derivatives with respect to the raw score. The second derivative is negative for
# badly misclassified rows, so gradient boosting cannot use it directly.
figure, axes = plt.subplots(2, figsize=(6.4, 8), layout="constrained")
for kind, ax in zip(("gradient", "hessian"), axes, strict=True):
    FocalLossDisplay.from_gammas(GAMMAS, kind=kind, against="raw", ax=ax)
plt.show()

# %%
# The focal loss pulls scores towards zero: for ``gamma > 0``, the sigmoid of the score is closer to
# 1/2 than the posterior. ``predict_proba`` of the estimators returns the posterior.
figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
FocalLossDisplay.from_gammas(GAMMAS, kind="posterior", ax=ax)
plt.show()
