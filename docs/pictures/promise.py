"""Figures of the landing page: trees under strong imbalance, and the calibration of scores."""

import matplotlib.pyplot as plt
import numpy as np
from lightgbm import LGBMClassifier
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

COLORS = ["#D55E00", "#009E73", "#0072B2"]  # the same colours as in the examples
ROUNDS = np.arange(1, 101, 5)


def collapse(ax):
    """Draw average precision on held-out rows against the number of trees, with 0.2 % positives."""
    X, y = make_classification(
        20_000, n_informative=6, weights=[0.998], flip_y=0, class_sep=1.5, random_state=0
    )
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
    settings = {"n_estimators": ROUNDS[-1], "random_state": 0, "n_jobs": 1}
    models = {
        "LGBMClassifier": LGBMClassifier(verbose=-1, **settings),
        "LGBMClassifier(reg_lambda=5)": LGBMClassifier(verbose=-1, reg_lambda=5, **settings),
        "FocalLGBMClassifier(gamma=1)": FocalLGBMClassifier(gamma=1, **settings),
    }
    for (name, model), color in zip(models.items(), COLORS, strict=True):
        model.fit(X, y)
        scores = [
            average_precision_score(y_test, model.predict_proba(X_test, num_iteration=n)[:, 1])
            for n in ROUNDS.tolist()
        ]
        ax.plot(ROUNDS, scores, color=color, label=name)
        print(f"{name:30} {scores[-1]:.3f}")
    ax.set(title=f"Ranking, {y.sum()} positives in {len(y):,} rows", xlabel="Trees", ylim=(0, None))
    ax.set_ylabel("Average precision, held-out rows")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16))


def calibration(ax):
    """Draw observed against predicted rates for labels drawn from a linear model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 10))
    y = rng.random(len(X)) < expit(X @ rng.normal(size=10) - 4)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
    model = FocalLogisticRegression(gamma=2).fit(X, y)
    ax.plot([0, 1], [0, 1], color="0.8", linewidth=1)
    for probability, color in {"score": "0.6", "posterior": "#56B4E9"}.items():
        proba = model.set_params(probability=probability).predict_proba(X_test)[:, 1]
        observed, predicted = calibration_curve(y_test, proba, n_bins=10)
        label = f'probability="{probability}"'
        ax.plot(predicted, observed, "o-", color=color, markersize=4, label=label)
    title = "Calibration, FocalLogisticRegression(gamma=2)"
    ax.set(title=title, xlabel="Predicted probability", ylabel="Share of positives")
    ax.legend(loc="upper left")


for draw in [collapse, calibration]:
    _, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
    draw(ax)
