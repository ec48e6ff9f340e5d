"""
Weights and alpha
=================

Three parameters give some rows more weight than others: ``alpha`` and ``class_weight`` by class,
and ``sample_weight`` by row. This example shows how they affect the fit and the probabilities, and
when a decision rule is the better choice.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# %%
# The data describe 40,000 payments, of which about 3 % are frauds. Large and small frauds depend on
# different features.
rng = np.random.default_rng(0)
X = rng.normal(size=(40_000, 4))
amount = rng.lognormal(mean=3, sigma=1.2, size=len(X))
is_large = amount > 60
X = np.column_stack([X, np.log(amount)])
score = 1.5 * X[:, 0] + X[:, 1] + np.where(is_large, 1.5 * X[:, 2], 1.5 * X[:, 3])
y = (rng.random(len(X)) < expit(score - 5.5)).astype(int)
X, X_test, y, y_test, amount, amount_test = train_test_split(X, y, amount, random_state=0)
print(f"{y.mean():.1%} of the payments and {amount @ y / amount.sum():.1%} of the money are frauds")

# %%
# Three equivalent settings
# -------------------------
# To count positives ten times, you can use a factor for their loss, a class weight, or a sample
# weight. Note that ``alpha=0.25`` means ``(0.75, 0.25)``, as in the paper that introduced the loss,
# so it reduces the weight of the positives.
by_alpha = FocalLogisticRegression(alpha=(1, 10)).fit(X, y)
by_class = FocalLogisticRegression(class_weight={0: 1, 1: 10}).fit(X, y)
by_row = FocalLogisticRegression().fit(X, y, sample_weight=np.where(y == 1, 10, 1))
for name, model in {"alpha": by_alpha, "class_weight": by_class, "sample_weight": by_row}.items():
    print(f"{name:14} {model.coef_.round(4)[0]}")

# %%
# The population of the probabilities
# -----------------------------------
# If positives count ten times, the model describes a population in which they are ten times as
# common. ``"posterior"`` is the probability in that population, and ``"unweighted"`` is that in
# the original one. ``"unweighted"`` only corrects for ``alpha`` and ``class_weight``, not for
# ``sample_weight``.
plain = FocalLogisticRegression().fit(X, y)
curves = {"no alpha": plain.predict_proba(X_test)[:, 1]}
for probability in ("posterior", "unweighted"):
    by_alpha.set_params(probability=probability)
    curves[f'alpha=(1, 10), "{probability}"'] = by_alpha.predict_proba(X_test)[:, 1]
for name, proba in curves.items():
    print(f"{name:28} mean probability {proba.mean():6.1%}, frauds {y_test.mean():.1%}")

# %%
# Which payments to review
# ------------------------
# Suppose that you can only review some payments, and want to find as much stolen money as possible.
# You can weight each row by its amount in the fit, or rank payments by the expected loss, which is
# the probability times the amount. You can also combine both.
trees = {"n_estimators": 60, "n_jobs": 1, "random_state": 0}
unweighted = FocalLGBMClassifier(**trees).fit(X, y).predict_proba(X_test)[:, 1]
weighted = FocalLGBMClassifier(**trees).fit(X, y, sample_weight=amount).predict_proba(X_test)[:, 1]
orders = {
    "probability": unweighted,
    "probability, fit weighted by amount": weighted,
    "probability x amount": unweighted * amount_test,
    "probability x amount, fit weighted by amount": weighted * amount_test,
}
lost = amount_test * y_test


def money_found(priority):
    """Share of the stolen money among the first rows, for each number of rows."""
    return np.cumsum(lost[np.argsort(-priority)]) / lost.sum()


for name, priority in orders.items():
    print(f"{name:45} finds {money_found(priority)[len(lost) // 50]:.0%} in 2 % of the payments")

# %%
# Ranking by expected loss finds the most money. Weighting the fit by amount does not help: the
# model effectively learns from fewer rows, and its probability does not include the amount.
figure, (top, bottom) = plt.subplots(2, figsize=(6.4, 11), layout="constrained")
for (name, proba), color in zip(curves.items(), ["#56B4E9", "#CC79A7", "#009E73"], strict=True):
    CalibrationDisplay.from_predictions(y_test, proba, n_bins=6, name=name, color=color, ax=top)
top.set(title="Calibration", xlabel="Predicted probability", ylabel="Share of frauds")
top.legend(loc="upper left")
share = np.arange(1, len(lost) + 1) / len(lost)
for name, priority in orders.items():
    color = "#CC79A7" if "weighted" in name else "#0072B2"
    style = "-" if "x amount" in name else "--"
    bottom.plot(share, money_found(priority), color=color, linestyle=style, label=name)
bottom.set(title="Money found, by order of review", xlabel="Share of payments reviewed")
bottom.set(ylabel="Share of stolen money found", xlim=(0, 0.15))
bottom.legend(loc="lower right")
figure.savefig("weights_and_alpha.png")
