"""
Does gamma help on my data?
===========================

:class:`~skfocal.GammaDisplay` compares different gammas with each other and with the models that
you use now, on the same folds. Scores differ much more between folds than between gammas. To see
whether gamma matters, it takes the difference from gamma 0 on each fold.
"""

from lightgbm import LGBMClassifier
from sklearn.datasets import make_classification

from skfocal import FocalLGBMClassifier, GammaDisplay

# %%
# The data have 4,000 rows with 3 % positives.
X, y = make_classification(
    n_samples=4000,
    n_features=20,
    n_informative=5,
    n_clusters_per_class=3,
    weights=[0.98],
    flip_y=0.02,
    random_state=0,
)
print(f"{len(y)} rows, {y.sum()} of them positive")

# %%
# Five-fold cross-validation, repeated twice, gives ten differences for each gamma. The baseline is
# LightGBM with the same tree parameters.
TREES = {
    "n_estimators": 50,
    "learning_rate": 0.1,
    "num_leaves": 15,
    "subsample": 0.7,
    "subsample_freq": 1,
    "colsample_bytree": 0.7,
    "reg_lambda": 0.5,
    "n_jobs": 1,
    "random_state": 0,
}
display = GammaDisplay.from_estimator(
    FocalLGBMClassifier(**TREES),
    X,
    y,
    baselines={"LightGBM": LGBMClassifier(**TREES, verbose=-1)},
    n_repeats=2,
    random_state=0,
    verbose=1,
)
display.figure_.savefig("which_gamma.png")

# %%
# Each dot is a fold, and the bars are confidence intervals of the mean difference. They account for
# overlapping training sets and for the number of models. If an interval contains zero, the folds do
# not show a difference. Its width shows how large an undetected difference may be.
print(display.verdict)

# %%
# The scores vary more over the folds than the differences do:
for name, scores in display.scores.items():
    spread = scores[0].std(ddof=1)
    difference = display.differences[name][1].std(ddof=1)
    print(f"{name}: standard deviation of scores {spread:.3f}, of differences {difference:.3f}")

# %%
# To compare the same scores with LightGBM, plot them again. This does not fit any model.
display.plot(reference="LightGBM")

# %%
# Conclusion
# ----------
# On these data, no gamma ranks the rows significantly better than gamma 0 or LightGBM, and gamma 4
# has a worse log loss. The intervals of average precision are wide: with 116 positives, a gain of
# 0.05 could remain undetected. More rows would narrow the intervals, but more repetitions hardly
# would. There is no reason to prefer another gamma to gamma 0 here, or to switch from LightGBM.
