"""
Extreme imbalance
=================

The rarer the positives, the likelier that a booster with default settings collapses: ranks its rows
hardly better than chance. This page makes the positives of one problem rarer and rarer, shows where
that happens, and why.
"""

import matplotlib.pyplot as plt
import numpy as np
from lightgbm import LGBMClassifier
from sklearn.metrics import average_precision_score

from skfocal import FocalLGBMClassifier
from skfocal.objectives import BinaryFocalLoss, FocalObjective

# %%
# The data: 20,000 rows, of which 2,000 down to 20 are positive. Positives differ from the rest in
# four of eight features, by the same amount whatever their number.
SHARES = [0.1, 0.01, 0.003, 0.001]
N_ROWS = 20_000


def sample(share, rng, n_rows=N_ROWS):
    """Features and labels with an exact share of positives."""
    y = np.arange(n_rows) < round(share * n_rows)
    X = rng.normal(size=(n_rows, 8))
    X[y, :4] += 1.5
    return X, y.astype(int)


# %%
# The models, all with 100 trees: LightGBM's default and two common remedies, and the focal
# classifier with its own defaults.
COLORS = {
    "LightGBM": "#D55E00",
    "LightGBM, balanced": "#CC79A7",
    "LightGBM, reg_lambda=5": "#009E73",
    "FocalLGBMClassifier": "#0072B2",
}
common = {"n_jobs": 1, "random_state": 0, "verbose": -1}
models = {
    "LightGBM": LGBMClassifier(**common),
    "LightGBM, balanced": LGBMClassifier(class_weight="balanced", **common),
    "LightGBM, reg_lambda=5": LGBMClassifier(reg_lambda=5, **common),
    "FocalLGBMClassifier": FocalLGBMClassifier(**common),
}
REPEATS = 3
precision = {name: np.zeros((len(SHARES), REPEATS)) for name in models}
for row, share in enumerate(SHARES):
    for repeat in range(REPEATS):
        rng = np.random.default_rng([row, repeat])
        X, y = sample(share, rng)
        X_test, y_test = sample(share, rng, n_rows=30_000)
        for name, model in models.items():
            proba = model.fit(X, y).predict_proba(X_test)[:, 1]
            precision[name][row, repeat] = average_precision_score(y_test, proba)

print(f"{'share of positives':24}" + "".join(f"{share:>9.2%}" for share in SHARES))
for name, scores in precision.items():
    print(f"{name:24}" + "".join(f"{mean:9.3f}" for mean in scores.mean(axis=1)))

# %%
# All of them fall, as finding 20 rows among 20,000 is harder. But only the default of LightGBM
# falls to nothing.
#
# Why a default booster collapses
# -------------------------------
# A leaf moves its rows by the sum of their gradients over the sum of their curvatures. At the start
# cross-entropy's curvature is ``p * (1 - p)``, about the share of positives. A leaf of twenty rows
# that holds one positive thus divides a gradient of about 1 by next to nothing, and jumps to where
# the model is wrong with certainty about the other nineteen. It takes other leaves as wild to
# bring them back.
#
# The curvature of ``FocalLGBMClassifier`` bounds the jump: it takes into account how large the
# gradient is, not only how the loss bends at this very point.
LEAF = np.array([1] + [0] * 19)


def first_step(share, gamma, curvature, reg_lambda=0.0):
    """Change of the score in the first round, for a leaf with one positive among 20 rows."""
    start = BinaryFocalLoss(gamma=gamma).fit_intercept_only([0, 1], [1 - share, share])
    objective = FocalObjective(gamma, curvature=curvature, offset=start)
    gradient, curvature = objective(LEAF, np.zeros(len(LEAF)))
    return -0.1 * gradient.sum() / (curvature.sum() + reg_lambda)


shares = np.geomspace(1e-4, 0.03, 50)
steps = {
    "LightGBM": [first_step(share, 0, "newton") for share in shares],
    "LightGBM, reg_lambda=5": [first_step(share, 0, "newton", 5.0) for share in shares],
    "FocalLGBMClassifier": [first_step(share, 1, "geometric") for share in shares],
}
for name, step in steps.items():
    print(f"{name:24} at 0.01 % positives a leaf moves its rows by {step[0]:.2f} at once")

# %%
# Ranking and first steps against the share of positives:
figure, (top, bottom) = plt.subplots(2, figsize=(6.4, 10), layout="constrained")
for i, (name, scores) in enumerate(precision.items()):
    top.bar(
        np.arange(len(SHARES)) + 0.2 * i - 0.3,
        scores.mean(axis=1),
        width=0.2,
        yerr=scores.std(axis=1),
        color=COLORS[name],
        label=name,
    )
top.set_xticks(range(len(SHARES)), [f"{share:.1%}" for share in SHARES])
top.set(title="Ranking of new rows: mean and deviation of 3 samples", ylabel="Average precision")
for name, step in steps.items():
    bottom.plot(shares, step, color=COLORS[name], label=name)
bottom.set(title="First step of a leaf with one positive in 20 rows", yscale="log")
bottom.set(ylabel="Change of the score in one round", xscale="log")
bottom.invert_xaxis()
for ax in (top, bottom):
    ax.set(xlabel="Share of positives")
figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=2)
figure.savefig("extreme_imbalance.png")
