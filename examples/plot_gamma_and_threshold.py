"""
Choosing gamma, then the threshold
==================================

Two decisions that are often mixed up. Gamma decides how the rows are ranked, and is chosen by a
score of the ranking. The threshold decides which rows are acted on, and is chosen by what a miss
and a false alarm cost. This page takes them one after the other:
:class:`~sklearn.model_selection.ValidationCurveDisplay` for gamma,
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
# The data: 6,000 rows with 4 % positives, one label in fifty drawn at random.
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
print(f"{len(y)} rows to fit and choose with, {y.sum()} of them positive; as many to judge by")

# %%
# Gamma
# -----
# Average precision depends on the order of the rows alone, so it compares gammas fairly. The focal
# loss itself would not: it shrinks as gamma grows, whatever the model.
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
ax.set(title="Gamma: mean and spread over five folds", ylabel="Average precision")
figure.savefig("gamma.png")
for gamma, scores in zip(GAMMAS, curve.test_scores, strict=True):
    print(f"gamma {gamma:<3}  average precision {scores.mean():.3f} +- {scores.std():.3f}")

# %%
# The curve of the held-out folds is flat beside its spread: here gamma matters little, and a
# search should say no more than that. It picks the best mean.
search = GridSearchCV(model, {"gamma": GAMMAS}, scoring="average_precision").fit(X, y)
print(search.best_params_)

# %%
# The threshold
# -------------
# Say that a missed positive costs 20 and a false alarm 1. If the probabilities were perfect, the
# best threshold would be 1 / 21: act where the expected cost of waiting is the higher one.
MISS, FALSE_ALARM = 20, 1


def cost(y_true, y_pred):
    """Mean cost of a row."""
    (_, false_alarms), (misses, _) = confusion_matrix(y_true, y_pred)
    return (MISS * misses + FALSE_ALARM * false_alarms) / len(y_true)


tuned = TunedThresholdClassifierCV(
    search.best_estimator_,
    scoring=make_scorer(cost, greater_is_better=False),
    store_cv_results=True,
).fit(X, y)
print(f"chosen threshold {tuned.best_threshold_:.3f}, 1 / 21 is {1 / 21:.3f}")

# %%
# ``predict`` of the plain model cuts at 1/2, which finds fewer positives and costs more, here on
# rows that nothing was chosen with.
for name, fitted in {"cut at 1/2": search, "tuned": tuned}.items():
    (_, false_alarms), (misses, found) = confusion_matrix(y_test, fitted.predict(X_test))
    print(
        f"{name:10}  found {found}, missed {misses}, false alarms {false_alarms}, "
        f"cost of a row {cost(y_test, fitted.predict(X_test)):.3f}"
    )

# %%
# The cost over all thresholds, by the folds and on the test rows. It is flat around its
# least value too, so a threshold near the cost ratio is as good as the tuned one.
thresholds = tuned.cv_results_["thresholds"]
proba = search.predict_proba(X_test)[:, 1]
figure, ax = plt.subplots(figsize=(6.4, 4.5), layout="constrained")
ax.plot(thresholds, -tuned.cv_results_["scores"], color="#0072B2", label="five folds")
ax.plot(thresholds, [cost(y_test, proba >= t) for t in thresholds], color="0.4", label="test rows")
ax.axvline(tuned.best_threshold_, color="k", label="tuned threshold")
ax.axvline(FALSE_ALARM / (MISS + FALSE_ALARM), color="0.5", ls="--", label="cost ratio, 1 / 21")
ax.set(
    title=f"Threshold: a miss costs {MISS}, a false alarm {FALSE_ALARM}",
    xlabel="Threshold",
    ylabel="Cost of a row",
    xscale="log",
)
figure.legend(loc="outside lower center", ncols=2)
figure.savefig("threshold.png")
