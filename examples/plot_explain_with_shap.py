"""
Explaining a model with SHAP
============================

``to_lightgbm`` converts a fitted ``FocalLGBMClassifier`` to a complete LightGBM model. Tools that
explain LightGBM models also work with it. This example computes exact SHAP values: the
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
# The data describe loans, of which about 8 % default. The effect of income decreases as income
# rises, the interest rate only matters for long terms, and the age of the account has no effect.
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
# We fit the model and convert it:
model = FocalLGBMClassifier(n_estimators=60, num_leaves=8, n_jobs=1, random_state=0).fit(X, y)
booster = model.to_lightgbm(probability="score")

# %%
# Contributions to the score
# --------------------------
# For each row, the contributions and the base value add up to ``raw_predict``.
explanation = shap.TreeExplainer(booster, feature_names=NAMES)(X_test)
total = explanation.values.sum(axis=1) + explanation.base_values
error = np.abs(total - model.raw_predict(X_test)).max()
print("largest difference from the raw score:", error.round(9))

# %%
# Comparison with permutation importance
# --------------------------------------
# SHAP values show which features the model uses. Permutation importance shows how much average
# precision on new rows drops if a feature is shuffled. Both rank the age of the account last, which
# is correct.
shuffled = permutation_importance(
    model, X_test, y_test, scoring="average_precision", n_repeats=5, random_state=0
)
size = np.abs(explanation.values).mean(axis=0)
for k in np.argsort(-size):
    print(
        f"{NAMES[k]:16} mean |SHAP value| {size[k]:.3f}   "
        f"drop in average precision {shuffled.importances_mean[k]:6.3f}"
    )

# %%
# The upper panel shows the contributions of all features, and the lower panel those of the interest
# rate. Each dot is a loan. Positive values increase the predicted probability of default.
figure, (top, bottom) = plt.subplots(2, figsize=(6.4, 9))
shap.plots.beeswarm(explanation, ax=top, plot_size=None, show=False)
shap.plots.scatter(explanation[:, "rate"], color=explanation[:, "term"], ax=bottom, show=False)
top.set_title("Contributions to the score")
bottom.set_title("Contribution of the rate, by term")
figure.tight_layout()
figure.savefig("shap.png")
