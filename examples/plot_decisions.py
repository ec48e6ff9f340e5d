"""
From probabilities to decisions
===============================

A probability tells you how likely an event is. What you should do about it depends on the costs of
mistakes. ``predict_proba`` returns the posterior, so you can compute the best threshold from the
costs without a search. This example compares that threshold with five other decision rules.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    RepeatedStratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)

from skfocal import FocalLGBMClassifier

try:
    from sklearn.metrics import metric_at_thresholds
except ImportError:  # scikit-learn < 1.9

    def metric_at_thresholds(y_true, y_score, metric_func):
        thresholds = np.unique(y_score)[::-1]
        values = [metric_func(y_true, (y_score >= t).astype(int)) for t in thresholds]
        return np.array(values), thresholds


# %%
# The data describe 6,000 machines, of which about 5 % fail within a month. The labels are drawn
# from known probabilities, so we also know the lowest cost that any rule can reach.
rng = np.random.default_rng(0)
X = rng.normal(size=(6000, 8))
risk = expit(1.3 * X[:, 0] + X[:, 1] * X[:, 2] + 0.8 * np.abs(X[:, 3]) - 4.6)
y = (rng.random(len(X)) < risk).astype(int)
print(f"{y.sum()} of {len(y)} machines fail ({y.mean():.1%})")

# %%
# From costs to a threshold
# -------------------------
# An inspection costs 1 and prevents the failure, which would cost 20. The rows of the matrix are
# the true outcomes, and the columns are the decisions. At the threshold, both decisions have the
# same expected cost. Above it, inspecting is cheaper.
COSTS = np.array([[0, 1], [20, 1]])
false_alarm, miss = COSTS[0, 1] - COSTS[0, 0], COSTS[1, 0] - COSTS[1, 1]
threshold = false_alarm / (false_alarm + miss)
print(f"inspect if the probability is at least {threshold:.4f}")


def mean_cost(y_true, y_pred):
    """Mean cost per row."""
    return COSTS[y_true, y_pred].mean()


cost_scorer = make_scorer(mean_cost, greater_is_better=False)

# %%
# Six rules
# ---------
# :class:`~sklearn.model_selection.FixedThresholdClassifier` applies a given threshold.
# :class:`~sklearn.model_selection.TunedThresholdClassifierCV` chooses one by cross-validation on
# the training rows. We use both with the posterior, which is the default, and with the sigmoid of
# the score. The last rule uses the costs as class weights and a threshold of 1/2.
TREES = {"n_estimators": 30, "learning_rate": 0.15, "num_leaves": 8, "n_jobs": 1, "random_state": 0}
posterior = FocalLGBMClassifier(gamma=2.0, **TREES)
score = FocalLGBMClassifier(gamma=2.0, **TREES, probability="score")
FORMULA = "posterior, from costs"
rules = {
    "posterior, 1/2": posterior,
    FORMULA: FixedThresholdClassifier(posterior, threshold=threshold),
    "posterior, tuned": TunedThresholdClassifierCV(posterior, scoring=cost_scorer),
    "score, from costs": FixedThresholdClassifier(score, threshold=threshold),
    "score, tuned": TunedThresholdClassifierCV(score, scoring=cost_scorer),
    "class_weight, 1/2": FocalLGBMClassifier(
        gamma=2.0, **TREES, class_weight={0: false_alarm, 1: miss}
    ),
}

# %%
# Expected cost and its variation
# -------------------------------
# Five-fold cross-validation, repeated twice, gives ten costs per rule. Folds with many failures are
# expensive for every rule. The last columns therefore compare each rule with the threshold from
# costs on the same fold.
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)


def fold_costs(rule):
    """Mean cost per row in each fold."""
    return -cross_val_score(rule, X, y, scoring=cost_scorer, cv=folds, n_jobs=2)


def print_costs(name, costs):
    """Print mean and standard deviation of costs and of their differences over the folds."""
    difference = costs - by_rule[FORMULA]
    print(
        f"{name:22} {costs.mean():.3f} +- {costs.std(ddof=1):.3f}     "
        f"{difference.mean():+.3f} +- {difference.std(ddof=1):.3f}"
    )


by_rule = {name: fold_costs(rule) for name, rule in rules.items()}
best_decisions = (risk >= threshold).astype(int)
least = np.array([mean_cost(y[test], best_decisions[test]) for _, test in folds.split(X, y)])
print("rule                   cost per row        minus threshold from costs")
for name, costs in by_rule.items():
    print_costs(name, costs)
print_costs("true probabilities", least)

# %%
# The cost at every threshold
# ---------------------------
# ``sklearn.metrics.metric_at_thresholds`` (scikit-learn 1.9 or newer) evaluates a metric at every
# threshold that changes a decision. We apply it to out-of-fold predictions.
curves = {}
for name, model in {"posterior": posterior, "score": score}.items():
    proba = cross_val_predict(model, X, y, cv=5, method="predict_proba")[:, 1]
    curves[name] = metric_at_thresholds(y, proba, mean_cost)
    costs, thresholds = curves[name]
    print(f"{name:10} lowest cost {costs.min():.3f} at threshold {thresholds[costs.argmin()]:.3f}")

# %%
# Upper panel: the cost of the posterior is flat around its minimum, and the threshold from costs is
# close to it. The sigmoid of the score is so close to 1/2 that it exceeds this threshold in every
# row. Lower panel: each dot is a fold, and the bars show the mean and one standard deviation.
COLORS = {"posterior": "tab:blue", "score": "tab:orange", "class_weight": "tab:green"}
figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 8), layout="constrained")
for name, (costs, thresholds) in curves.items():
    top.plot(thresholds, costs, color=COLORS[name])
top.axvline(threshold, color="0.4", ls="--")
top.text(threshold, 1.1, " from costs: 1/20", color="0.3")
top.text(0.006, 0.62, "posterior", color=COLORS["posterior"])
top.text(0.13, 0.36, "sigmoid of the score", color=COLORS["score"])
top.set(title="Cost by threshold (held-out folds)", xlabel="Threshold")
top.set(ylabel="Mean cost per row", xscale="log", xlim=(0.005, 0.7), ylim=(0.3, 1.2))
for row, (name, costs) in enumerate(by_rule.items()):
    color = COLORS[name.partition(",")[0]]
    bottom.plot(costs, np.full(len(costs), row - 0.18), ".", color=color, alpha=0.5)
    bottom.errorbar(costs.mean(), row + 0.12, xerr=costs.std(ddof=1), fmt="o", color=color)
bottom.axvline(least.mean(), color="0.4", ls=":")
bottom.text(least.mean(), -0.6, " with the true probabilities", color="0.3")
bottom.set(yticks=range(len(by_rule)), yticklabels=by_rule, ylim=(5.6, -0.9))
bottom.set(title="Cost of six rules (ten folds)", xlabel="Mean cost per row")
figure.savefig("decisions.png")

# %%
# When the probabilities are wrong
# --------------------------------
# The threshold from costs relies on the probabilities. With a learning rate of 1, the trees
# overfit, and their probabilities are too extreme. In this case, tuning the threshold lowers the
# cost. A better model lowers it further.
overfitted = FocalLGBMClassifier(gamma=2.0, **TREES | {"learning_rate": 1.0})
for name, rule in {
    "overfitted, from costs": FixedThresholdClassifier(overfitted, threshold=threshold),
    "overfitted, tuned": TunedThresholdClassifierCV(overfitted, scoring=cost_scorer),
}.items():
    print_costs(name, fold_costs(rule))

# %%
# Conclusion
# ----------
# With the posterior, the threshold from costs performs as well as a tuned threshold and needs a
# sixth of the fits. Class weights from the costs perform equally well, but you need another fit if
# the costs change. A threshold of 1/2 ignores the costs and about doubles the cost. So does the
# threshold from costs if you apply it to the sigmoid of the score.
#
# Tune the threshold if ``predict_proba`` is not the posterior, if the model is badly calibrated, or
# if the objective is not a cost per row, for example F1 or a recall of at least 90 %.
