"""
Multiclass data with rare classes
=================================

In fault detection, the rarest types of faults often matter most. The data in this example have five
classes, with shares from 78 % down to 0.5 %. We evaluate each class separately, because a mean over
all rows hardly changes if the two rarest classes are never predicted.
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
# The data have 12,000 training rows, 12,000 test rows and five named classes.
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
# Ranking of each class
# ---------------------
# We compute the average precision of each class against all others, once with each model's default
# learning rate and once with 0.3. With the defaults, the models differ little. With 0.3, LightGBM
# ranks all classes worse and hardly finds the rarest ones: the second derivatives of their rows are
# close to zero, so the leaf values become extreme. The second-order term of
# ``FocalLGBMClassifier`` also depends on the size of the gradient, which limits the leaf values.
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
# Recall of each class
# --------------------
# ``predict`` returns the most probable class. This minimises the number of errors, but it rarely
# predicts a class with a share of 0.5 %. If all classes are equally important, divide each
# probability by the share of its class before you take the largest. This rule maximises the mean
# recall over the classes (balanced accuracy). It needs calibrated probabilities, but no new fit:
# ``class_prior="uniform"`` makes ``predict`` use it. The alternative is to weight the classes in
# the fit.
focal = models["Focal"]
weighted = FocalLGBMClassifier(class_weight="balanced", **common).fit(X, y)
rules = {
    "predict": focal.predict(X_test),
    'class_prior="uniform"': focal.set_params(class_prior="uniform").predict(X_test),
    'class_weight="balanced"': weighted.predict(X_test),
}
recall = {}
print(f"\n{'recall':27}{HEADER}     mean  accuracy")
for rule, y_pred in rules.items():
    recall[rule] = recall_score(y_test, y_pred, labels=NAMES, average=None)
    scores = "".join(f"{score:7.3f}" for score in recall[rule])
    print(f"{rule:27}{scores}  {recall[rule].mean():7.3f}  {np.mean(y_pred == y_test):8.3f}")

# %%
# Comparison of the models and of the decision rules:
figure, axes = plt.subplots(2, figsize=(6.4, 10), layout="constrained")
# The two models are vermilion and blue. The higher learning rate has a lighter tone.
colors = ["#D55E00", "#EEB080", "#0072B2", "#80B9D9"], ["0.6", "#0072B2", "#CC79A7"]
for ax, scores, palette in zip(axes, (precision, recall), colors, strict=True):
    width = 0.8 / len(scores)
    for i, (name, values) in enumerate(scores.items()):
        places = np.arange(len(NAMES)) + (i + 0.5) * width - 0.4
        ax.bar(places, values, width, label=name, color=palette[i])
    ticks = [f"{name}\n{share:.1%}" for name, share in shares.items()]
    ax.set_xticks(range(len(NAMES)), ticks)
    ax.set(xlabel="Class and its share", ylim=(0, 1))
    ax.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.08))
axes[0].set(title=f"Ranking of each class ({len(y_test):,} test rows)", ylabel="Average precision")
axes[1].set(title="Recall of each class, by decision rule", ylabel="Recall")
figure.savefig("rare_classes.png")
