"""
Weights and alpha
=================

Three parameters say that some rows matter more than others: ``alpha`` and ``class_weight`` by their
class, ``sample_weight`` row by row. This page shows what each of them does to the fit and to the
probabilities, and when a decision rule serves better than any of them.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibrationDisplay
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# %%
# The data: 40,000 payments, some 3 % of them frauds. What gives away a large fraud is not quite
# what gives away a small one.
rng = np.random.default_rng(0)
X = rng.normal(size=(40_000, 4))
amount = rng.lognormal(mean=3, sigma=1.2, size=len(X))
is_large = amount > 60
X = np.column_stack([X, np.log(amount)])
score = 1.5 * X[:, 0] + X[:, 1] + np.where(is_large, 1.5 * X[:, 2], 1.5 * X[:, 3])
y = (rng.random(len(X)) < expit(score - 5.5)).astype(int)
X, X_test, y, y_test, amount, amount_test = train_test_split(X, y, amount, random_state=0)
print(f"{y.mean():.1%} frauds, which hold {amount @ y / amount.sum():.1%} of the money")

# %%
# Three ways to say the same
# --------------------------
# A positive is to count ten times: as a factor of its loss, as a weight of its class, or as a
# weight of each of its rows. A number instead of a pair means something else: ``alpha=0.25`` is
# ``(0.75, 0.25)``, as in the paper that introduced the loss, and counts positives *less*.
by_alpha = FocalLogisticRegression(alpha=(1, 10)).fit(X, y)
by_class = FocalLogisticRegression(class_weight={0: 1, 1: 10}).fit(X, y)
by_row = FocalLogisticRegression().fit(X, y, sample_weight=np.where(y == 1, 10, 1))
for name, model in {"alpha": by_alpha, "class_weight": by_class, "sample_weight": by_row}.items():
    print(f"{name:14} {model.coef_.round(4)[0]}")

# %%
# Which population do the probabilities describe?
# -----------------------------------------------
# With positives counted ten times, a model learns a world in which they are ten times as common,
# and its ``"posterior"`` is the probability there. ``"unweighted"`` leads back to the world as it
# came. (Only ``alpha`` and ``class_weight`` can be undone so: of a ``sample_weight`` the model does
# not know what it stands for.)
plain = FocalLogisticRegression().fit(X, y)
curves = {"no alpha": plain.predict_proba(X_test)[:, 1]}
for probability in ("posterior", "unweighted"):
    by_alpha.set_params(probability=probability)
    curves[f'alpha=(1, 10), "{probability}"'] = by_alpha.predict_proba(X_test)[:, 1]
for name, proba in curves.items():
    print(f"{name:28} mean probability {proba.mean():6.1%}, frauds {y_test.mean():.1%}")

# %%
# Which payments to look at?
# --------------------------
# Say that there is time for some of the payments, and that it is the money that counts. Should a
# fit weigh each row by its amount, or should a plain one be asked for the expected loss,
# probability times amount? Both can be had at once, too.
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
    """Share of the money in frauds among the first rows, for every number of rows."""
    return np.cumsum(lost[np.argsort(-priority)]) / lost.sum()


for name, priority in orders.items():
    print(f"{name:45} finds {money_found(priority)[len(lost) // 50]:.0%} in 2 % of the payments")

# %%
# Knowing the amounts pays by the rule, not by the weights: they move the fit to where the money is,
# at the price of learning from fewer rows in effect, and a probability alone cannot say how much
# is at stake.
figure, (top, bottom) = plt.subplots(2, figsize=(6.4, 11), layout="constrained")
for (name, proba), color in zip(curves.items(), ["#56B4E9", "#CC79A7", "#009E73"], strict=True):
    CalibrationDisplay.from_predictions(y_test, proba, n_bins=6, name=name, color=color, ax=top)
top.set(title="Whose probability?", xlabel="Predicted probability", ylabel="Share of frauds")
top.legend(loc="upper left")
share = np.arange(1, len(lost) + 1) / len(lost)
for name, priority in orders.items():
    color = "#CC79A7" if "weighted" in name else "#0072B2"
    style = "-" if "x amount" in name else "--"
    bottom.plot(share, money_found(priority), color=color, linestyle=style, label=name)
bottom.set(title="What payments are looked at first by", xlabel="Share of payments looked at")
bottom.set(ylabel="Share of the stolen money found", xlim=(0, 0.15))
bottom.legend(loc="lower right")
figure.savefig("weights_and_alpha.png")
