"""
Explaining a model with SHAP
============================

``to_lightgbm`` turns a fitted ``FocalLGBMClassifier`` into a LightGBM model in its own right, with
the constant start and the sigmoid inside. Whatever explains LightGBM models explains it, exactly:
contributions of the features add up to the score.
"""

import matplotlib.pyplot as plt
import numpy as np
import shap
from scipy.special import expit
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier

# %%
# The data: loans, of which some 8 % default. Income counts the less the higher it is, the rate only
# for long terms, and the age of the account not at all.
rng = np.random.default_rng(0)
NAMES = ["income", "debt ratio", "rate", "term", "missed payments", "account age"]
income = rng.lognormal(3.5, 0.5, 8000)
debt, rate, account_age = rng.beta(2, 5, 8000), rng.uniform(2, 12, 8000), rng.uniform(0, 20, 8000)
term, missed = rng.choice([12, 24, 36, 60], 8000), rng.poisson(0.4, 8000)
X = np.column_stack([income, debt, rate, term, missed, account_age])
risk = -2 * np.log(income) + 5 * debt + 0.25 * rate * (term > 24) + 1.2 * missed
y = (rng.random(len(X)) < expit(risk + 0.7)).astype(int)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
print(f"{y.mean():.1%} of the loans default")

# %%
# The model, and the same model as LightGBM's own:
model = FocalLGBMClassifier(n_estimators=60, num_leaves=8, n_jobs=1, random_state=0).fit(X, y)
booster = model.to_lightgbm(probability="score")

# %%
# Contributions to the score
# --------------------------
# Each row's contributions and the expected value add up to what ``raw_predict`` returns.
explanation = shap.TreeExplainer(booster, feature_names=NAMES)(X_test)
total = explanation.values.sum(axis=1) + explanation.base_values
print("largest difference to the score:", np.abs(total - model.raw_predict(X_test)).max().round(9))

# %%
# Against permutation importance
# ------------------------------
# SHAP says what the model uses. What average precision loses when a feature is shuffled says what
# the ranking of new rows needs. Both put the age of the account last, as they should.
shuffled = permutation_importance(
    model, X_test, y_test, scoring="average_precision", n_repeats=5, random_state=0
)
size = np.abs(explanation.values).mean(axis=0)
for k in np.argsort(-size):
    print(
        f"{NAMES[k]:16} mean |contribution| {size[k]:.3f}   "
        f"loss of average precision {shuffled.importances_mean[k]:6.3f}"
    )

# %%
# All rows, and the feature with the clearest bend. A dot is a loan; to the right, or up, is what
# speaks for default.
figure, (top, bottom) = plt.subplots(2, figsize=(6.4, 9))
shap.plots.beeswarm(explanation, ax=top, plot_size=None, show=False)
shap.plots.scatter(explanation[:, "rate"], color=explanation[:, "term"], ax=bottom, show=False)
top.set_title("Contributions to the score")
bottom.set_title("The rate counts more where the term is long")
figure.tight_layout()
figure.savefig("shap.png")
