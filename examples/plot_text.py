"""
Text classification with sparse features
========================================

This example finds the few texts about one topic among many texts about others. The texts are
paragraphs of SciPy's documentation, and the topic is interpolation.
:class:`~sklearn.feature_extraction.text.TfidfVectorizer` converts the texts to a sparse matrix with
more columns than rows. ``FocalLogisticRegression`` accepts sparse matrices without converting them
to dense arrays.
"""

import importlib
import inspect

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import PrecisionRecallDisplay, average_precision_score, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from skfocal import FocalLogisticRegression

# %%
# We extract the paragraphs from the docstrings of SciPy's modules. The label of a paragraph is its
# module.
MODULES = [
    *("cluster", "fft", "integrate", "interpolate", "linalg", "ndimage"),
    *("optimize", "signal", "spatial", "special", "sparse", "stats"),
]


def paragraphs(module):
    """Paragraphs of prose in the docstrings of the public names of a module."""
    module = importlib.import_module(f"scipy.{module}")
    docstrings = [inspect.getdoc(getattr(module, name)) or "" for name in module.__all__]
    blocks = {block.strip() for text in docstrings for block in text.split("\n\n")}
    return sorted(b for b in blocks if len(b) > 100 and ">>>" not in b)


texts, subjects = [], []
for module in MODULES:
    found = paragraphs(module)
    texts += found
    subjects += [module] * len(found)
y = np.array(subjects) == "interpolate"
print(f"{len(y)} paragraphs, {y.sum()} of them ({y.mean():.1%}) about interpolation")

# %%
# The models
# ----------
# We compare logistic regression with and without balanced class weights, a focal model, and a focal
# model whose L1 penalty (``l1_ratio=1``) selects a few words. All are evaluated on held-out
# paragraphs.
words = TfidfVectorizer(token_pattern=r"[A-Za-z]{3,}", sublinear_tf=True)
models = {
    "LogisticRegression": LogisticRegression(C=30, max_iter=1000),
    "LogisticRegression, balanced": LogisticRegression(
        C=30, class_weight="balanced", max_iter=1000
    ),
    "Focal": FocalLogisticRegression(gamma=1, C=30),
    "Focal, few words": FocalLogisticRegression(gamma=1, C=3, l1_ratio=1),
}
COLORS = {
    "LogisticRegression": "#E69F00",
    "LogisticRegression, balanced": "#CC79A7",
    "Focal": "#56B4E9",
    "Focal, few words": "#0072B2",
}
folds = StratifiedKFold(5, shuffle=True, random_state=0)
held_out = {}
for name, model in models.items():
    pipeline = make_pipeline(words, model)
    proba = cross_val_predict(pipeline, texts, y, cv=folds, method="predict_proba")[:, 1]
    held_out[name] = proba
    print(
        f"{name:28}  average precision {average_precision_score(y, proba):.3f}   "
        f"log loss {log_loss(y, proba):.4f}   mean probability {proba.mean():.1%}"
    )

# %%
# The plain and the focal model rank equally well, because the words separate the texts clearly.
# With balanced class weights, the probabilities are too high on average.
#
# The selected words
# ------------------
# We fit the model with the L1 penalty on all texts, and count its non-zero coefficients:
pipeline = make_pipeline(words, models["Focal, few words"]).fit(texts, y)
coef = pipeline[-1].coef_[0]
print(f"{np.count_nonzero(coef)} of {len(coef)} words")

# %%
# The words with the largest and smallest coefficients:
strongest = np.r_[np.argsort(coef)[:6], np.argsort(coef)[-18:]]
names = words.get_feature_names_out()[strongest]
signs = np.where(coef[strongest] > 0, "0.3", "0.7")
figure, (top, bottom) = plt.subplots(2, figsize=(6.4, 11), layout="constrained")
top.set_prop_cycle(color=COLORS.values())
for name, proba in held_out.items():
    PrecisionRecallDisplay.from_predictions(y, proba, name=name, ax=top)
bottom.barh(names, coef[strongest], color=signs)
bottom.set(title="Largest coefficients (L1 penalty)", xlabel="Coefficient", ylabel="Word")
top.set(title="Ranking of held-out paragraphs", xlabel="Recall", ylabel="Precision")
top.set(ylim=(0, 1.02))
top.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15))
figure.savefig("text.png")
