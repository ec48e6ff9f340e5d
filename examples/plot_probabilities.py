"""
Probabilities you can use
=========================

Focal losses make scores under-confident: once an easy row is easy enough, being more certain of
it gains next to nothing. The sigmoid of such a score, which most focal packages return, is
therefore no probability. What gamma did can be undone in closed form, and ``predict_proba`` does so
unless told ``probability="score"``.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# %%
# The data: labels drawn from known probabilities, 7 % positives, so that we know what a perfect
# model would say.
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
# The kind of probability can be changed after the fit. Both kinds order the rows alike, so nothing
# about the ranking changes; the log loss and the Brier score do.
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
# The log loss of the posterior is the same for every gamma, as close to that of the true
# probabilities as cross-entropy comes. That of the sigmoid grows with gamma.
#
# Trees, and where the map is not enough
# --------------------------------------
# The map is exact for a model at the minimum of its expected loss. Trees that over-fit, as on
# these few rows, are too sure of themselves, and the map sharpens that with the rest. The remedy is
# the one for any gamma: stop early, or regularise.
few = slice(5000)
settings = {"gamma": 2, "n_jobs": 1, "random_state": 0}
trees = {
    "100 trees": FocalLGBMClassifier(**settings),
    "early stopping": FocalLGBMClassifier(early_stopping=True, **settings),
    "reg_lambda=10": FocalLGBMClassifier(reg_lambda=10, **settings),
}
held_out = {}
for name, model in trees.items():
    held_out[name] = model.fit(X[few], y[few]).predict_proba(X_test)[:, 1]
    print(f"{name:15} log loss {log_loss(y_test, held_out[name]):.4f}", end=" ")
    print(f"after {model.booster_.current_iteration()} trees")

# %%
# Reliability
# -----------
# Of the rows that got a probability of about 0.3, how many are positive? On the diagonal, 0.3 of
# them. Below it a model is over-confident where it says "likely", above it under-confident.
figure, axes = plt.subplots(3, figsize=(6.4, 15), layout="constrained")
gamma_colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(models)))
for ax, probability in zip(axes[:2], ("score", "posterior"), strict=True):
    for (gamma, model), color in zip(models.items(), gamma_colors, strict=True):
        proba = model.set_params(probability=probability).predict_proba(X_test)[:, 1]
        CalibrationDisplay.from_predictions(
            y_test, proba, n_bins=10, name=f"gamma {gamma}", color=color, ax=ax
        )
    ax.set(title=f'Linear models, probability="{probability}"')
axes[2].set_prop_cycle(color=["#0072B2", "#CC79A7", "#009E73"])
for name, proba in held_out.items():
    CalibrationDisplay.from_predictions(y_test, proba, n_bins=10, name=name, ax=axes[2])
axes[2].set(title="Trees, gamma 2")
for ax in axes:
    ax.set(xlabel="Predicted probability", ylabel="Share of positives")
    ax.legend(loc="upper left")
figure.savefig("probabilities.png")
