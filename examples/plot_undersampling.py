"""
Training on a tenth of the negatives
====================================

With 2 % positives, most of the training time is spent on negatives. You can drop most of them, but
the sample then has a larger share of positives, and the predicted probabilities are too high. With
``class_prior``, you give the model the class shares of the population, and ``predict_proba``
corrects for the difference. This example compares ``class_prior`` with no correction, with weights,
and with calibration on all rows.
"""

from time import process_time

import matplotlib.pyplot as plt
import numpy as np
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from scipy.special import expit, logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss

from skfocal import FocalLGBMClassifier, FocalLogisticRegression

# %%
# The data have 40,000 training rows and 20,000 test rows, with 2.3 % positives. They are generated,
# so the true probability of each label is known.


def generate(n_rows, rng):
    """Features, labels and the true probabilities of the labels."""
    X = rng.normal(size=(n_rows, 20)).astype(np.float32)
    score = 1.2 * X[:, 0] + X[:, 1] * X[:, 2] + np.abs(X[:, 3]) - np.abs(X[:, 4]) - 5.2
    truth = expit(score.astype(np.float64))
    return X, (rng.random(n_rows) < truth).astype(int), truth


rng = np.random.default_rng(0)
X, y, _ = generate(40_000, rng)
X_test, y_test, truth = generate(20_000, rng)
class_prior = np.bincount(y) / len(y)
print(f"{y.mean():.2%} positives")

# %%
# The model
# ---------
# imbalanced-learn's pipeline drops rows in ``fit`` but not in ``predict``. The classifier only sees
# the sample, so we pass the class shares of the population as ``class_prior``.
TREES = {"n_estimators": 60, "num_leaves": 15, "n_jobs": 1}


def undersampled(share, seed=0, **settings):
    """Pipeline that trains on all positives and a share of the negatives."""

    def rows_to_keep(y):
        return {0: round(share * np.sum(y == 0))}

    sampler = RandomUnderSampler(sampling_strategy=rows_to_keep, random_state=seed)
    return make_pipeline(sampler, FocalLGBMClassifier(random_state=seed, **TREES, **settings))


model = undersampled(0.1, class_prior=class_prior).fit(X, y)
print(f"mean probability {model.predict_proba(X_test)[:, 1].mean():.2%}")

# %%
# You can set ``class_prior`` after the fit. Without it, the probabilities of the same model refer
# to the sample:
model.set_params(focallgbmclassifier__class_prior=None)
print(f"mean probability {model.predict_proba(X_test)[:, 1].mean():.2%}")

# %%
# The alternatives
# ----------------
# Instead of ``class_prior``, you can weight each kept negative by the number of rows that it
# represents. This requires access to the sample, because a sampler in a pipeline does not pass on
# weights. Or you can calibrate the model with all rows: in each fold, a model is trained on a
# sample and predicts all held-out rows.
#
# All methods use the same three samples. We measure the processor time of training, including the
# predictions that calibration needs.


def with_class_prior(share, seed):
    return undersampled(share, seed, class_prior=class_prior).fit(X, y)


def with_sample_weight(share, seed):
    sampler, trees = (step for _, step in undersampled(share, seed).steps)
    X_kept, y_kept = sampler.fit_resample(X, y)
    return trees.fit(X_kept, y_kept, sample_weight=np.where(y_kept == 0, 1 / share, 1))


def calibrated(share, seed):
    return CalibratedClassifierCV(undersampled(share, seed), cv=3).fit(X, y)


def calibration_slope(proba):
    """Slope of a logistic regression on the log-odds: 1 is ideal, below 1 is over-confident."""
    line = FocalLogisticRegression(gamma=0, C=np.inf).fit(logit(proba)[:, np.newaxis], y_test)
    return line.coef_[0, 0]


METHODS = {
    "class_prior": with_class_prior,
    "sample_weight": with_sample_weight,
    "CalibratedClassifierCV": calibrated,
}
SHARES = [0.01, 0.05, 0.1]
SEEDS = range(3)
predicted, figures = {}, {}


def record(name, share, model, seconds):
    """Store the predictions of a model for the test rows, and their scores."""
    proba = model.predict_proba(X_test)[:, 1]
    predicted[name, share] = proba
    row = log_loss(y_test, proba), calibration_slope(proba), proba.mean(), seconds
    figures.setdefault((name, share), []).append(row)


def timed_fit(fit, *arguments):
    start = process_time()
    model = fit(*arguments)
    return model, process_time() - start


for share in SHARES:
    for seed in SEEDS:
        for name, fit in METHODS.items():
            model, seconds = timed_fit(fit, share, seed)
            record(name, share, model, seconds)
            if name == "class_prior":  # the same trees, without the correction
                model.set_params(focallgbmclassifier__class_prior=None)
                record("no correction", share, model, seconds)
record("all rows", 1.0, *timed_fit(FocalLGBMClassifier(random_state=0, **TREES).fit, X, y))
figures = {key: np.array(rows) for key, rows in figures.items()}

print("negatives kept                log loss           slope    mean probability   seconds")
for (name, share), runs in figures.items():
    (loss, slope, mean, seconds), spread = runs.mean(axis=0), runs.std(axis=0)
    print(
        f"{share:4.0%} {name:22} {loss:.4f} ± {spread[0]:.4f}   {slope:.2f} ± {spread[1]:.2f}"
        f"   {mean:8.2%}           {seconds:.2f}"
    )
print(f"The true probabilities have a log loss of {log_loss(y_test, truth):.4f}.")

# %%
# Comparison with the true probabilities
# --------------------------------------
# The left panel groups the test rows into ten bins of equal size by their predicted probability.
# The right panel shows the log loss.
COLORS = {
    "no correction": "0.6",
    "class_prior": "tab:red",
    "sample_weight": "tab:blue",
    "CalibratedClassifierCV": "tab:green",
}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
limits = [3e-4, 0.7]
left.plot(limits, limits, color="black", linewidth=1, linestyle=":")
for name, color in COLORS.items():
    proba = predicted[name, 0.1]
    groups = np.array_split(np.argsort(proba), 10)
    x, height = ([values[group].mean() for group in groups] for values in (proba, truth))
    left.plot(x, height, "o-", markersize=4, color=color, label=name)
left.set(title="Calibration with 10 % of the negatives", xscale="log", yscale="log")
left.set(xlim=limits, ylim=limits, xlabel="Mean predicted probability")
left.set(ylabel="Mean true probability")
left.xaxis.set_major_formatter("{x:.1%}")
left.yaxis.set_major_formatter("{x:.1%}")
floor = log_loss(y_test, truth)
for position, (name, color) in enumerate(COLORS.items()):
    excess = np.array([figures[name, share][:, 0] - floor for share in SHARES])
    x = np.arange(len(SHARES)) + 0.1 * (position - 1.5)
    mean, spread = excess.mean(axis=1), excess.std(axis=1)
    right.errorbar(x, mean, yerr=spread, fmt="o", color=color, label=name)
of_all_rows = figures["all rows", 1.0][0, 0] - floor
right.axhline(of_all_rows, color="black", linewidth=1, label="trained on all rows")
right.set(title="Excess log loss (mean ± std of 3 samples)", yscale="log")
right.set(ylabel="Log loss minus that of the truth", xlabel="Negatives kept")
right.set_xticks(range(len(SHARES)), [f"{share:.0%}" for share in SHARES])
right.yaxis.set_major_formatter("{x:g}")
handles, names = right.get_legend_handles_labels()
figure.legend(handles, names, loc="outside lower center", ncols=3)
figure.savefig("undersampling.png")

# %%
# Conclusion
# ----------
# Without a correction, the model trained on 10 % of the negatives predicts five times as many
# positives as there are. ``class_prior`` corrects this with the same trees. Training takes about a
# third of the time that all rows take, and the log loss is 3 % higher than with all rows. With 1 %
# of the negatives, it is 13 % higher, because no correction replaces the dropped rows.
#
# With weights, a few negatives have a large weight, and the trees overfit them: with 1 % of the
# negatives, the calibration slope drops to 0.5. Calibration gives similar log losses and does not
# need to know the class shares, but it takes about as long as training on all rows.
