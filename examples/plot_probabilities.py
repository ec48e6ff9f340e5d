"""
Calibrated probabilities
========================

The focal loss makes scores under-confident, because being more certain about an easy row hardly
reduces the loss. The sigmoid of the score, which most other packages return, is therefore not a
calibrated probability. The effect of gamma can be inverted in closed form. ``predict_proba`` does
this by default, and returns the sigmoid with ``probability="score"``.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# %%
# The labels are drawn from known probabilities, so we know what a perfect model would predict.
rng = np.random.default_rng(0)
X = rng.normal(size=(60_000, 8))
true_proba = expit(X @ rng.normal(size=8) - 6)
y = (rng.random(len(X)) < true_proba).astype(int)
X, X_test, y, y_test, _, true_proba = train_test_split(X, y, true_proba, random_state=0)
print(f"{y.mean():.1%} positives; log loss of the true probabilities", end=" ")
print(f"{log_loss(y_test, true_proba):.4f}\n")

# %%
# Score and posterior
# -------------------
# You can change ``probability`` after the fit. Both kinds rank the rows identically, but differ in
# log loss and Brier score.
print("gamma  log loss: score  posterior    Brier score: score  posterior")
models = {gamma: FocalLogisticRegression(gamma=gamma).fit(X, y) for gamma in (0, 1, 2, 5)}
for gamma, model in models.items():
    score = model.set_params(probability="score").predict_proba(X_test)[:, 1]
    posterior = model.set_params(probability="posterior").predict_proba(X_test)[:, 1]
    log_losses = [log_loss(y_test, proba) for proba in (score, posterior)]
    briers = [brier_score_loss(y_test, proba) for proba in (score, posterior)]
    print(
        f"{gamma:<5}  {log_losses[0]:15.4f}  {log_losses[1]:9.4f}  "
        f"{briers[0]:20.4f}  {briers[1]:9.4f}"
    )

# %%
# The log loss of the posterior hardly depends on gamma, and is close to that of the true
# probabilities. The log loss of the sigmoid grows with gamma.
#
# Trees and overfitting
# ---------------------
# The correction is exact for a model at the minimum of its expected loss. It does not correct
# overfitting: here, trees on few rows are over-confident. As with any gamma, use early stopping
# or more regularisation.
few = slice(5000)
settings = {"gamma": 2, "n_jobs": 1, "random_state": 0}
trees = {
    "default": FocalLGBMClassifier(**settings),
    "early stopping": FocalLGBMClassifier(early_stopping=True, **settings),
    "reg_lambda=10": FocalLGBMClassifier(reg_lambda=10, **settings),
}
held_out = {}
for name, model in trees.items():
    held_out[name] = model.fit(X[few], y[few]).predict_proba(X_test)[:, 1]
    print(f"{name:15} log loss {log_loss(y_test, held_out[name]):.4f}", end=" ")
    print(f"after {model.booster_.current_iteration()} trees")

# %%
# Reliability curves
# ------------------
# A reliability curve shows the share of positives among rows with similar predicted probabilities.
# For a calibrated model, it follows the diagonal. Where the curve is below the diagonal, the
# predicted probabilities are too high, and where it is above, they are too low.
figure, axes = plt.subplots(3, figsize=(6.4, 15), layout="constrained")
gamma_colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(models)))
for ax, probability in zip(axes[:2], ("score", "posterior"), strict=True):
    for (gamma, model), color in zip(models.items(), gamma_colors, strict=True):
        proba = model.set_params(probability=probability).predict_proba(X_test)[:, 1]
        CalibrationDisplay.from_predictions(
            y_test, proba, n_bins=10, name=f"gamma {gamma}", color=color, ax=ax
        )
    ax.set(title=f'Linear model, probability="{probability}"')
axes[2].set_prop_cycle(color=["#0072B2", "#CC79A7", "#009E73"])
for name, proba in held_out.items():
    CalibrationDisplay.from_predictions(y_test, proba, n_bins=10, name=name, ax=axes[2])
axes[2].set(title="Trees, gamma 2")
for ax in axes:
    ax.set(xlabel="Predicted probability", ylabel="Share of positives")
    ax.legend(loc="upper left")
figure.savefig("probabilities.png")
