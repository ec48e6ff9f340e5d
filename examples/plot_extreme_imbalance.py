"""
Extreme imbalance
=================

With very few positives, LightGBM with default settings can collapse: it ranks rows hardly better
than chance. This example makes positives increasingly rare, and shows when and why the collapse
happens.
"""

import matplotlib.pyplot as plt
import numpy as np
from lightgbm import LGBMClassifier
from sklearn.metrics import average_precision_score

from skfocal import FocalLGBMClassifier
from skfocal.objectives import BinaryFocalLoss, FocalObjective

# %%
# The data have 20,000 rows, with 2,000 down to 20 positives. The positives differ from the
# negatives in four of eight features. The difference does not depend on the number of positives.
SHARES = [0.1, 0.01, 0.003, 0.001]
N_ROWS = 20_000


def sample(share, rng, n_rows=N_ROWS):
    """Features and labels with an exact share of positives."""
    y = np.arange(n_rows) < round(share * n_rows)
    X = rng.normal(size=(n_rows, 8))
    X[y, :4] += 1.5
    return X, y.astype(int)


# %%
# We compare LightGBM with default settings, two common remedies, and ``FocalLGBMClassifier`` with
# default settings.
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
# All scores decrease, because finding 20 rows among 20,000 is harder. But only LightGBM with
# default settings drops to nearly zero.
#
# Why LightGBM collapses
# ----------------------
# The value of a leaf is the sum of the gradients of its rows divided by the sum of their second
# derivatives. At the start, the second derivative of cross-entropy is ``p * (1 - p)``, which is
# close to the share of positives. A leaf with one positive in twenty rows divides a gradient of
# about 1 by nearly zero. The score of its rows jumps, and the model becomes certain but wrong about
# the other nineteen. Later trees need equally extreme leaves to correct this.
#
# ``FocalLGBMClassifier`` bounds the step, because its second-order term also depends on the size of
# the gradient.
LEAF = np.array([1] + [0] * 19)


def first_step(share, gamma, curvature, reg_lambda=0.0):
    """Change in the score of a leaf with one positive in 20 rows, at learning rate 0.1."""
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
    print(f"{name:24} first step at 0.01 % positives: {step[0]:.2f}")

# %%
# Ranking and first step by share of positives:
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
top.set(title="Ranking of new rows (3 samples)", ylabel="Average precision")
for name, step in steps.items():
    bottom.plot(shares, step, color=COLORS[name], label=name)
bottom.set(title="First step of a leaf with 1 positive in 20 rows", yscale="log")
bottom.set(ylabel="Change in the score", xscale="log")
bottom.invert_xaxis()
for ax in (top, bottom):
    ax.set(xlabel="Share of positives")
figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=2)
figure.savefig("extreme_imbalance.png")
