"""
Tuning gamma, alpha and the trees with Optuna
=============================================

The best gamma depends on the weight of the positives and on the tree parameters, so this example
tunes them together with Optuna. A LightGBM callback reports the average precision on the validation
set every few rounds, and prunes a trial if it is worse than the median of earlier trials.

The trials are compared by average precision. The focal loss is not comparable, because its scale
depends on gamma and alpha.
"""

import matplotlib.pyplot as plt
import optuna
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

from skfocal import FocalLGBMClassifier

optuna.logging.set_verbosity(optuna.logging.WARNING)

# %%
# The data have 16,000 rows with about 7 % positives. The search uses a training set and a
# validation set. The test set is used only at the end.
X, y = make_classification(
    n_samples=16000,
    n_features=20,
    n_informative=5,
    n_clusters_per_class=3,
    weights=[0.95],
    flip_y=0.05,
    random_state=0,
)
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=0.6, stratify=y, random_state=0)
X_train, X_valid, y_train, y_valid = train_test_split(
    X_rest, y_rest, test_size=0.4, stratify=y_rest, random_state=0
)


# %%
# LightGBM calls ``report`` after each round with the metrics of the evaluation set. To prune a
# trial, the callback raises :class:`optuna.TrialPruned`, which also stops the fit.
def pruning(trial, every=5):
    """LightGBM callback that reports average precision and prunes trials."""

    def report(env):
        [score] = [value for _, name, value, _ in env.evaluation_result_list if name == METRIC]
        if (env.iteration + 1) % every == 0:
            trial.report(score, env.iteration + 1)
            if trial.should_prune():
                raise optuna.TrialPruned

    return report


# %%
# A trial is one fit, and its score is that of its best round. ``alpha=(1, weight)`` keeps the
# weight of the negatives at 1. The first trial uses common settings.
METRIC = "average_precision"
USUAL = {
    "gamma": 2.0,
    "weight of positives": 1.0,
    "num_leaves": 31,
    "learning_rate": 0.1,
    "reg_lambda": 0.1,
}


def objective(trial):
    """Best average precision of a trial on the validation set."""
    model = FocalLGBMClassifier(
        gamma=trial.suggest_float("gamma", 0, 4),
        alpha=(1, trial.suggest_float("weight of positives", 0.5, 20, log=True)),
        num_leaves=trial.suggest_int("num_leaves", 3, 64, log=True),
        learning_rate=trial.suggest_float("learning_rate", 0.03, 0.2, log=True),
        reg_lambda=trial.suggest_float("reg_lambda", 0.1, 30, log=True),
        n_estimators=100,
        early_stopping=True,
        n_jobs=1,
    )
    model.fit(
        X_train,
        y_train,
        eval_X=X_valid,
        eval_y=y_valid,
        eval_metric=METRIC,
        callbacks=[pruning(trial)],
    )
    trial.set_user_attr("rounds", model.best_iteration_)
    return model.evals_result_["valid_0"][METRIC][model.best_iteration_ - 1]


study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=8, n_warmup_steps=10),
)
study.enqueue_trial(USUAL)
study.optimize(objective, n_trials=30)
PRUNED = optuna.trial.TrialState.PRUNED
pruned = study.get_trials(states=[PRUNED])
print(f"{len(study.trials)} trials, {len(pruned)} of them pruned")
print("best:", {name: round(value, 3) for name, value in study.best_params.items()})

# %%
# We fit the best parameters on the training and validation sets, and compare them with the default
# settings on the test set. On these data, the tuned model is not better. The validation set is
# small, so the best score of 30 trials is partly due to chance. Always compare a tuned model with
# the defaults.
best = dict(study.best_params)
tuned = FocalLGBMClassifier(
    alpha=(1, best.pop("weight of positives")),
    n_estimators=study.best_trial.user_attrs["rounds"],
    n_jobs=1,
    **best,
)
for name, model in {"default": FocalLGBMClassifier(n_jobs=1), "tuned": tuned}.items():
    proba = model.fit(X_rest, y_rest).predict_proba(X_test)[:, 1]
    print(
        f"{name:8s} average precision on the test set {average_precision_score(y_test, proba):.3f}"
    )

# %%
# Upper panel: each line is a trial, and pruned trials are dashed. Lower panel: the score of
# each trial by gamma and weight of the positives.
fig, (top, bottom) = plt.subplots(2, figsize=(6.4, 9), layout="constrained")
for trial in study.trials:
    is_pruned = trial.state == PRUNED
    style = {"color": "tab:gray", "ls": "--"} if is_pruned else {"color": "tab:blue"}
    top.plot(*zip(*trial.intermediate_values.items(), strict=True), lw=0.8, alpha=0.7, **style)
top.set(
    xlabel="Boosting round",
    ylabel="Average precision (validation)",
    title="Trials (dashed: pruned)",
)

points = bottom.scatter(
    [trial.params["gamma"] for trial in study.trials],
    [trial.params["weight of positives"] for trial in study.trials],
    c=[trial.value for trial in study.trials],
)
bottom.plot(study.best_params["gamma"], study.best_params["weight of positives"], "r*", ms=14)
bottom.set(
    xlabel="Gamma",
    ylabel="Weight of the positives",
    yscale="log",
    title="Score of each trial (star: best)",
)
fig.colorbar(points, ax=bottom, label="Average precision (validation)")
fig.savefig("optuna_search.png")
