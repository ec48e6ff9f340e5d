"""
Several classes, some of them rare
==================================

Faults come in kinds, and the kinds that matter most are the rarest. This page has five classes
that hold from 78 % down to 0.5 % of the rows, and looks at each one on its own: a mean over rows
would not notice if the two rarest were never found.
"""

import matplotlib.pyplot as plt
import numpy as np
from lightgbm import LGBMClassifier
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import label_binarize

from skfocal import FocalLGBMClassifier

# %%
# The data: five classes with names, 12,000 rows to learn from.
NAMES = np.array(["none", "wear", "leak", "crack", "short"])
X, y = make_classification(
    n_samples=24_000,
    n_features=15,
    n_informative=8,
    n_classes=5,
    n_clusters_per_class=2,
    weights=[0.78, 0.15, 0.05, 0.015, 0.005],
    flip_y=0.0,
    class_sep=1.0,
    random_state=0,
)
X, X_test, y, y_test = train_test_split(X, NAMES[y], test_size=0.5, stratify=y, random_state=0)
shares = {name: np.mean(y == name) for name in NAMES}
print(", ".join(f"{name} {share:.1%}" for name, share in shares.items()))

# %%
# Is each class ranked well?
# --------------------------
# Average precision of each class against all others, for two learning rates. At the usual 0.1 the
# two models differ little. At 0.3 the default booster loses every class but the commonest: leaves
# of the rare classes, where the curvature is near zero, jump too far. The focal classifier's
# curvature takes the size of the gradient into account, and keeps it on course.
common = {"n_jobs": 1, "random_state": 0, "verbose": -1}
models = {
    "LightGBM": LGBMClassifier(**common),
    "LightGBM, learning_rate=0.3": LGBMClassifier(learning_rate=0.3, **common),
    "Focal": FocalLGBMClassifier(**common),
    "Focal, learning_rate=0.3": FocalLGBMClassifier(learning_rate=0.3, **common),
}
one_vs_rest = label_binarize(y_test, classes=NAMES)
precision = {}
HEADER = "".join(f"{name:>7}" for name in NAMES)
print(f"\n{'average precision':27}{HEADER}     mean")
for name, model in models.items():
    columns = np.searchsorted(model.fit(X, y).classes_, NAMES)  # classes_ is in alphabetical order
    proba = model.predict_proba(X_test)[:, columns]
    precision[name] = average_precision_score(one_vs_rest, proba, average=None)
    scores = "".join(f"{score:7.3f}" for score in precision[name])
    print(f"{name:27}{scores}  {precision[name].mean():7.3f}")

# %%
# Is each class found?
# --------------------
# Ranking a class well is not yet finding it. ``predict`` returns the likeliest class, which is
# right for the number of errors, and for a class of one row in two hundred hardly ever that class.
# If all classes matter alike, divide each probability by the class's share before comparing: that
# is the best rule for the mean of the classes' recalls. It needs probabilities, not scores; nothing
# has to be fitted again. Weighting the rows of the fit is the other way.
focal = models["Focal"]
proba = focal.predict_proba(X_test)
weighted = FocalLGBMClassifier(class_weight="balanced", **common).fit(X, y)
rules = {
    "predict": focal.predict(X_test),
    "probability / share": focal.classes_[
        np.argmax(proba / [shares[name] for name in focal.classes_], axis=1)
    ],
    'class_weight="balanced"': weighted.predict(X_test),
}
recall = {}
print(f"\n{'recall':27}{HEADER}     mean  accuracy")
for rule, y_pred in rules.items():
    recall[rule] = recall_score(y_test, y_pred, labels=NAMES, average=None)
    scores = "".join(f"{score:7.3f}" for score in recall[rule])
    print(f"{rule:27}{scores}  {recall[rule].mean():7.3f}  {np.mean(y_pred == y_test):8.3f}")

# %%
# Side by side:
figure, axes = plt.subplots(2, figsize=(6.4, 10), layout="constrained")
# Vermilion and blue are the two models, a lighter tone the higher learning rate.
colors = ["#D55E00", "#EEB080", "#0072B2", "#80B9D9"], ["0.6", "#0072B2", "#CC79A7"]
for ax, scores, palette in zip(axes, (precision, recall), colors, strict=True):
    width = 0.8 / len(scores)
    for i, (name, values) in enumerate(scores.items()):
        places = np.arange(len(NAMES)) + (i + 0.5) * width - 0.4
        ax.bar(places, values, width, label=name, color=palette[i])
    ticks = [f"{name}\n{share:.1%}" for name, share in shares.items()]
    ax.set_xticks(range(len(NAMES)), ticks)
    ax.set(xlabel="Class and its share of the rows", ylim=(0, 1))
    ax.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.08))
axes[0].set(title=f"Ranking of each class, {len(y_test):,} new rows", ylabel="Average precision")
axes[1].set(title="Share of each class found, by rule of decision", ylabel="Recall")
figure.savefig("rare_classes.png")
