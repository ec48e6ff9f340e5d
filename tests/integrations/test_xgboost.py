"""FocalObjective and FocalMetric in XGBoost."""

import numpy as np
import pytest
import xgboost as xgb
from scipy.special import expit, softmax

from skfocal import focal_loss
from skfocal.objectives import FocalMetric, FocalObjective

SETTINGS = {"max_depth": 3, "nthread": 1, "disable_default_eval_metric": 1}


def rows(n_classes=2, n_rows=300):
    rng = np.random.default_rng(0)
    y = rng.choice(n_classes, n_rows, p=np.arange(n_classes, 0, -1) / sum(range(n_classes + 1)))
    return rng.normal(size=(n_rows, 4)) + y[:, np.newaxis], y, rng.choice([1.0, 4.0], n_rows)


def settings(n_classes):
    return SETTINGS | ({"num_class": n_classes} if n_classes > 2 else {})


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("matrix", [xgb.DMatrix, xgb.QuantileDMatrix])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_train_with_objective_and_metric(n_classes, matrix, weighted):
    X, y, weight = rows(n_classes)
    weight = weight if weighted else None
    data, history = matrix(X, y, weight=weight), {}
    objective = FocalObjective(2.0, n_classes=n_classes)
    booster = xgb.train(
        settings(n_classes), data, 6, obj=objective,
        custom_metric=FocalMetric(2.0, n_classes=n_classes),
        evals=[(data, "train")], evals_result=history, verbose_eval=False,
    )  # fmt: skip
    losses = history["train"]["focal_loss"]
    assert len(losses) == 6
    assert losses[-1] < 0.9 * losses[0]
    raw = booster.predict(data, output_margin=True)
    # XGBoost records metrics with six digits.
    assert losses[-1] == pytest.approx(objective.loss(y, raw, weight), abs=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_sample_weights_match_alpha(n_classes):
    X, y, _ = rows(n_classes)
    alpha = np.array([1.0, 4.0, 0.5])[:n_classes]
    exact = settings(n_classes) | {"tree_method": "exact"}  # other methods bin by weight
    boosters = [
        xgb.train(exact, xgb.DMatrix(X, y, weight=weight), 6, obj=objective)
        for weight, objective in [
            (alpha[y], FocalObjective(2.0, n_classes=n_classes)),
            (None, FocalObjective(2.0, alpha, n_classes=n_classes)),
        ]
    ]
    by_weight, by_alpha = (b.predict(xgb.DMatrix(X), output_margin=True) for b in boosters)
    np.testing.assert_array_equal(by_weight, by_alpha)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_cross_validation_records_the_metric(n_classes):
    X, y, _ = rows(n_classes)
    pytest.importorskip("pandas")
    history = xgb.cv(
        settings(n_classes), xgb.DMatrix(X, y), 5, nfold=3,
        obj=FocalObjective(2.0, n_classes=n_classes),
        custom_metric=FocalMetric(2.0, n_classes=n_classes),
    )  # fmt: skip
    losses = history["test-focal_loss-mean"]
    assert len(losses) == 5
    assert losses.iloc[-1] < losses.iloc[0]


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_classifier_records_the_metric(weighted):
    X, y, weight = rows()
    weight = weight if weighted else None
    model = xgb.XGBClassifier(
        objective=FocalObjective(2.0), n_estimators=6, eval_metric=FocalMetric(2.0), n_jobs=1
    )
    model.fit(
        X, y, sample_weight=weight, eval_set=[(X, y)],
        sample_weight_eval_set=None if weight is None else [weight], verbose=False,
    )  # fmt: skip
    losses = model.evals_result()["validation_0"]["focal_loss"]
    raw = model.predict(X, output_margin=True)
    expected = FocalMetric(2.0).loss(y, raw, weight)
    assert losses[-1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_metric_with_built_in_objective(n_classes):
    X, y, _ = rows(n_classes)
    data, history = xgb.DMatrix(X, y), {}
    built_in = {"objective": "binary:logistic" if n_classes == 2 else "multi:softprob"}
    booster = xgb.train(
        settings(n_classes) | built_in, data, 4,
        custom_metric=FocalMetric(2.0, n_classes=n_classes, predictions="proba"),
        evals=[(data, "train")], evals_result=history, verbose_eval=False,
    )  # fmt: skip
    raw = booster.predict(data, output_margin=True).astype(float)
    proba = expit(raw) if n_classes == 2 else softmax(raw, axis=1)
    expected = focal_loss(y, proba, gamma=2.0)
    assert history["train"]["focal_loss"][-1] == pytest.approx(expected, abs=1e-5)


def test_multiclass_probabilities_raise_if_metric_expects_raw_scores():
    X, y, _ = rows(3)
    data = xgb.DMatrix(X, y)
    with pytest.raises(ValueError, match="predictions='proba'"):
        xgb.train(
            settings(3) | {"objective": "multi:softprob"}, data, 2,
            custom_metric=FocalMetric(2.0, n_classes=3), evals=[(data, "train")],
        )  # fmt: skip
