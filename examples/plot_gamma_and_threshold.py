"""
Choosing gamma, then the threshold
==================================

Gamma and the threshold answer different questions. Gamma affects how the model ranks the rows, so
you choose it by a ranking metric. The threshold determines which rows you act on, so you choose it
by the costs of misses and false alarms. This example uses
:class:`~sklearn.model_selection.ValidationCurveDisplay` for gamma and
:class:`~sklearn.model_selection.TunedThresholdClassifierCV` for the threshold.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.metrics import confusion_matrix, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    ValidationCurveDisplay,
    train_test_split,
)

from skfocal import FocalLGBMClassifier

# %%
# The data have 6,000 rows with 4 % positives. 2 % of the labels are drawn at random.
X, y = make_classification(
    n_samples=6000,
    n_features=20,
    n_informative=6,
    n_clusters_per_class=3,
    weights=[0.97],
    flip_y=0.02,
    class_sep=1.2,
    random_state=0,
)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
print(f"{len(y)} training rows with {y.sum()} positives, {len(y_test)} test rows")

# %%
# Gamma
# -----
# Average precision only depends on the order of the rows, so you can compare it across gammas. You
# cannot compare the focal loss itself, because it decreases as gamma grows.
GAMMAS = [0, 0.5, 1, 2, 3, 5]
model = FocalLGBMClassifier(n_estimators=50, n_jobs=1, random_state=0)
figure, ax = plt.subplots(figsize=(6.4, 4.5), layout="constrained")
curve = ValidationCurveDisplay.from_estimator(
    model,
    X,
    y,
    param_name="gamma",
    param_range=GAMMAS,
    scoring="average_precision",
    score_type="test",
    ax=ax,
)
ax.set(title="Gamma (mean ± std of five folds)", ylabel="Average precision")
figure.savefig("gamma.png")
for gamma, scores in zip(GAMMAS, curve.test_scores, strict=True):
    print(f"gamma {gamma:<3}  average precision {scores.mean():.3f} +- {scores.std():.3f}")

# %%
# The differences between gammas are small compared with the spread over the folds, so gamma matters
# little on these data. A search picks the gamma with the best mean:
search = GridSearchCV(model, {"gamma": GAMMAS}, scoring="average_precision").fit(X, y)
print(search.best_params_)

# %%
# The threshold
# -------------
# Suppose that a miss costs 20 and a false alarm 1. With perfect probabilities, the best threshold
# would be 1 / 21, at which both decisions have the same expected cost.
MISS, FALSE_ALARM = 20, 1


def cost(y_true, y_pred):
    """Mean cost per row."""
    (_, false_alarms), (misses, _) = confusion_matrix(y_true, y_pred)
    return (MISS * misses + FALSE_ALARM * false_alarms) / len(y_true)


tuned = TunedThresholdClassifierCV(
    search.best_estimator_,
    scoring=make_scorer(cost, greater_is_better=False),
    store_cv_results=True,
).fit(X, y)
print(f"tuned threshold {tuned.best_threshold_:.3f}, cost ratio 1 / 21 = {1 / 21:.3f}")

# %%
# Without tuning, ``predict`` uses a threshold of 1/2. On the test rows, this finds fewer positives
# and costs more:
for name, fitted in {"1/2": search, "tuned": tuned}.items():
    (_, false_alarms), (misses, found) = confusion_matrix(y_test, fitted.predict(X_test))
    print(
        f"threshold {name:5}  found {found}, missed {misses}, false alarms {false_alarms}, "
        f"cost per row {cost(y_test, fitted.predict(X_test)):.3f}"
    )

# %%
# The cost as a function of the threshold is also flat around its minimum. A threshold near the cost
# ratio is therefore as good as the tuned one.
thresholds = tuned.cv_results_["thresholds"]
proba = search.predict_proba(X_test)[:, 1]
figure, ax = plt.subplots(figsize=(6.4, 4.5), layout="constrained")
ax.plot(thresholds, -tuned.cv_results_["scores"], color="#0072B2", label="five folds")
ax.plot(thresholds, [cost(y_test, proba >= t) for t in thresholds], color="0.4", label="test rows")
ax.axvline(tuned.best_threshold_, color="k", label="tuned threshold")
ax.axvline(FALSE_ALARM / (MISS + FALSE_ALARM), color="0.5", ls="--", label="cost ratio, 1 / 21")
ax.set(
    title=f"Cost (miss: {MISS}, false alarm: {FALSE_ALARM})",
    xlabel="Threshold",
    ylabel="Mean cost per row",
    xscale="log",
)
figure.legend(loc="outside lower center", ncols=2)
figure.savefig("threshold.png")
