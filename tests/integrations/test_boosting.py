"""FocalObjective and FocalMetric in LightGBM and XGBoost."""

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from scipy.special import logit
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from skfocal.objectives import BinaryFocalLoss, FocalMetric, FocalObjective, MulticlassFocalLoss

QUIET = {"verbose": -1, "num_threads": 1, "deterministic": True, "metric": "None"}
KINDS = [
    {"gamma": 0},
    {"gamma": 2},
    {"gamma": (0.5, 3)},
    {"gamma": 2, "n_classes": 3},
    {"gamma": (0, 1, 5), "n_classes": 3},
]


def make_data(n_classes=2, n_rows=400, seed=0):
    """Return informative features, labels, and weights of 1 or 4."""
    rng = np.random.default_rng(seed)
    y = rng.choice(
        n_classes, size=n_rows, p=np.arange(n_classes, 0, -1) / sum(range(n_classes + 1))
    )
    X = rng.normal(size=(n_rows, 4)) + y[:, np.newaxis] * [1, 0.5, 0, -1]
    return X, y, rng.choice([1.0, 4.0], size=n_rows)


def params(objective, **others):
    """Return parameters for ``lightgbm.train``."""
    n_classes = objective.loss.n_classes
    classes = {} if n_classes == 2 else {"num_class": n_classes}
    return {**QUIET, "objective": objective, **classes, **others}


def train(objective, X, y, weight=None, rounds=8, **others):
    data = lgb.Dataset(X, y, weight=weight)
    return lgb.train(params(objective, **others), data, num_boost_round=rounds)


@pytest.mark.parametrize("curvature", ["majorant", "geometric", "newton"])
@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_classifier_and_train_give_same_model(kind, curvature):
    X, y, weight = make_data(kind.get("n_classes", 2))
    objective = FocalObjective(**kind, curvature=curvature)
    booster = train(objective, X, y, weight)
    model = lgb.LGBMClassifier(objective=objective, n_estimators=8, n_jobs=1, verbose=-1)
    raw = clone(model).fit(X, y, sample_weight=weight).predict(X, raw_score=True)
    np.testing.assert_array_equal(raw, booster.predict(X))
    assert objective.loss(y, raw, weight) < objective.loss(y, np.zeros_like(raw), weight)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_class_weights_match_alpha_in_lightgbm(kind):
    X, y, _ = make_data(kind.get("n_classes", 2))
    alpha = (1.0, 4.0, 0.5)[: kind.get("n_classes", 2)]
    weighted = FocalObjective(**kind)
    by_alpha = train(FocalObjective(**kind, alpha=alpha), X, y).predict(X)
    by_weight = train(weighted, X, y, np.take(alpha, y)).predict(X)
    np.testing.assert_array_equal(by_weight, by_alpha)
    assert np.abs(by_weight - train(weighted, X, y).predict(X)).max() > 0.1
    model = lgb.LGBMClassifier(objective=weighted, n_estimators=8, n_jobs=1, verbose=-1)
    for fit in (
        clone(model).fit(X, y, sample_weight=np.take(alpha, y)),
        clone(model).set_params(class_weight=dict(enumerate(alpha))).fit(X, y),
    ):
        np.testing.assert_array_equal(fit.predict(X, raw_score=True), by_alpha)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_cross_validation_uses_weights_and_reports_loss_of_test_rows(kind):
    X, y, _ = make_data(kind.get("n_classes", 2))
    folds = list(StratifiedKFold(3).split(X, y))
    alpha = (1.0, 4.0, 0.5)[: kind.get("n_classes", 2)]

    def cross_validate(weight=None, **by_alpha):
        return lgb.cv(
            params(FocalObjective(**kind, **by_alpha, offset=0.3)),
            lgb.Dataset(X, y, weight=weight),
            num_boost_round=6,
            folds=folds,
            feval=FocalMetric(**kind, offset=0.3),
            return_cvbooster=True,
        )

    loss, weight = FocalMetric(**kind).loss, np.take(alpha, y)
    history, by_alpha = cross_validate(weight), cross_validate(alpha=alpha)
    losses = []
    for (_, test), booster, alpha_booster in zip(
        folds, history["cvbooster"].boosters, by_alpha["cvbooster"].boosters, strict=True
    ):
        raw = booster.predict(X[test])
        np.testing.assert_array_equal(raw, alpha_booster.predict(X[test]))
        losses.append(loss(y[test], raw + 0.3, weight[test]))
    means = history["valid focal_loss-mean"]
    assert means[-1] == pytest.approx(np.mean(losses), rel=1e-12)  # other order of the sum
    assert means[-1] < means[0]


# LightGBM 4.6 has no other name for this argument.
@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_early_stopping_uses_the_metric():
    X, y, weight = make_data()
    X_held, y_held, weight_held = make_data(seed=1)
    objective = FocalObjective(gamma=2, curvature="newton", offset=-1.0)
    record = {}
    model = lgb.LGBMClassifier(
        objective=objective, n_estimators=200, learning_rate=0.3, n_jobs=1, verbose=-1
    )
    model.set_params(metric="None").fit(
        X,
        y,
        sample_weight=weight,
        eval_set=[(X_held, y_held)],
        eval_sample_weight=[weight_held],
        eval_metric=FocalMetric(gamma=2, offset=-1.0),
        callbacks=[lgb.early_stopping(10, verbose=False), lgb.record_evaluation(record)],
    )
    losses = record["valid_0"]["focal_loss"]
    assert model.best_iteration_ == np.argmin(losses) + 1 < 200
    raw = model.predict(X_held, raw_score=True) - 1.0
    assert min(losses) == pytest.approx(objective.loss(y_held, raw, weight_held), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_newton_at_gamma_zero_gives_trees_of_lightgbm(n_classes, weighted):
    X, y, weight = make_data(n_classes, n_rows=600)
    weight = weight if weighted else None
    built_in = "binary" if n_classes == 2 else "multiclass"
    classes = {} if n_classes == 2 else {"num_class": n_classes}
    native = lgb.train(
        {**QUIET, "objective": built_in, **classes}, lgb.Dataset(X, y, weight=weight), 30
    )
    loss = FocalObjective(0.0, n_classes=n_classes).loss
    start = loss.fit_intercept_only(y, weight)
    objective = FocalObjective(0.0, n_classes=n_classes, curvature="newton", offset=start)
    focal = train(objective, X, y, weight, rounds=30)
    np.testing.assert_allclose(
        focal.predict(X) + start, native.predict(X, raw_score=True), rtol=1e-9, atol=1e-9
    )
    proba = (
        native.predict(X)
        if n_classes > 2
        else np.column_stack([1 - native.predict(X), native.predict(X)])
    )
    np.testing.assert_allclose(objective.predict_proba(focal.predict(X)), proba, rtol=1e-8)


def rare_positives(n_classes, n_rows=20_000):
    """Return rows of which 0.03 % are in each class except the first."""
    rng = np.random.default_rng(0)
    y = np.zeros(n_rows, dtype=int)
    for k in range(1, n_classes):
        y[rng.choice(n_rows, size=6, replace=False)] = k
    return rng.normal(size=(n_rows, 5)) + 1.5 * y[:, np.newaxis], y


@pytest.mark.parametrize("start", ["optimal", "log-odds", 0, -15, 15])
@pytest.mark.parametrize(
    "loss",
    [
        BinaryFocalLoss(gamma=0),
        BinaryFocalLoss(gamma=0.5),
        BinaryFocalLoss(gamma=2),
        BinaryFocalLoss(gamma=5, alpha=0.9),
        BinaryFocalLoss(gamma=(3, 0.5)),
        MulticlassFocalLoss(3, gamma=2),
        MulticlassFocalLoss(3, gamma=(0, 5, 1)),
    ],
    ids=repr,
)
@pytest.mark.parametrize(("curvature", "learning_rate"), [("majorant", 1.0), ("geometric", 0.2)])
def test_training_loss_does_not_increase(loss, start, curvature, learning_rate):
    X, y = rare_positives(loss.n_classes)
    offset = start_of(loss, y, start)
    arguments = {"gamma": loss.gamma, "alpha": loss.alpha, "n_classes": loss.n_classes}
    data, history = lgb.Dataset(X, y), {}
    booster = lgb.train(
        params(
            FocalObjective(**arguments, curvature=curvature, offset=offset),
            learning_rate=learning_rate,
        ),
        data,
        num_boost_round=15,
        valid_sets=[data],
        feval=FocalMetric(**arguments, offset=offset),
        callbacks=[lgb.record_evaluation(history)],
    )
    raw = booster.predict(X) + offset
    before = loss(y, np.zeros_like(raw) + offset)
    losses = [before, *history["training"]["focal_loss"]]
    assert np.diff(losses).max() <= float32_tolerance(loss, raw, losses[0])
    if start == "optimal":  # otherwise LightGBM may stop without a split
        assert losses[-1] < losses[0]


def start_of(loss, y, start):
    """Return the constant initial score for a name or number."""
    if start == "optimal":
        return loss.fit_intercept_only(y)
    shares = np.bincount(y) / len(y)
    if loss.n_classes == 2:
        return float(logit(shares[1])) if start == "log-odds" else start
    return np.log(shares) if start == "log-odds" else start * np.arange(3) / 2


def float32_tolerance(loss, raw, first_loss):
    """Return how much rounding to float32 can increase the mean loss in one round.

    A relative error d of the gradients moves a leaf's step by at most 3 * d from the minimum of the
    bound. Near its minimum the bound is quadratic, so it increases by less than 11 * d**2 times the
    mean slope, which is below 1.5 for every gamma. The second term is the float64 rounding of the
    mean.
    """
    spread = 2 * np.abs(raw).max() + 15
    error = 3e-6 + (1 + np.max(loss.gamma)) * spread * np.finfo(np.float32).eps
    return 11 * 1.5 * error**2 + 1e-13 * first_loss


@pytest.mark.parametrize("curvature", ["majorant", "geometric", "newton"])
@pytest.mark.parametrize("gamma", [0, 2, (0.5, 3)])
def test_xgboost_uses_objective_and_weights(gamma, curvature):
    X, y, _ = make_data()
    start = BinaryFocalLoss(gamma=gamma).fit_intercept_only(y)

    def fit(alpha=None, sample_weight=None):
        objective = FocalObjective(gamma, alpha, curvature=curvature, offset=start)
        model = xgb.XGBClassifier(
            objective=objective, n_estimators=8, tree_method="exact", base_score=0.5, n_jobs=1
        )
        model.fit(X, y, sample_weight=sample_weight)
        return objective, model.predict(X, output_margin=True)

    objective, plain = fit()
    _, by_alpha = fit(alpha=(1.0, 4.0))
    _, by_weight = fit(sample_weight=np.where(y == 1, 4.0, 1.0))
    np.testing.assert_array_equal(by_weight, by_alpha)
    assert np.abs(by_weight - plain).max() > 0.1
    assert objective.loss(y, plain + start) < objective.loss(y, np.full(len(y), start))
    proba = objective.predict_proba(plain)
    assert proba.shape == (len(y), 2)
    assert np.mean(proba.argmax(axis=1) == y) > 0.8


BUILT_IN = {2: ["binary", "cross_entropy"], 3: ["multiclass", "softmax"]}


@pytest.mark.parametrize(
    ("n_classes", "objective"),
    [(k, name) for k in BUILT_IN for name in BUILT_IN[k]],
)
def test_metric_with_built_in_objective_of_lightgbm(n_classes, objective):
    X, y, weight = make_data(n_classes)
    data, history = lgb.Dataset(X, y, weight=weight), {}
    settings = {**QUIET, "objective": objective}
    settings |= {"num_class": n_classes} if n_classes > 2 else {}
    metric = FocalMetric(2.0, n_classes=n_classes)
    booster = lgb.train(
        settings, data, 5, valid_sets=[data], feval=metric,
        callbacks=[lgb.record_evaluation(history)],
    )  # fmt: skip
    raw = booster.predict(X, raw_score=True)
    got = history["training"]["focal_loss"][-1]
    assert got == pytest.approx(metric.loss(y, raw, weight), rel=1e-9)  # rounding of the logit of p
    folds = lgb.cv(settings, lgb.Dataset(X, y), 5, nfold=3, feval=metric)
    assert folds["valid focal_loss-mean"][-1] < folds["valid focal_loss-mean"][0]


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifier_with_built_in_objective_requires_metric_of_probabilities(n_classes):
    X, y, weight = make_data(n_classes)
    model = lgb.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1)
    given = {"eval_set": [(X.copy(), y)], "eval_sample_weight": [weight]}
    with pytest.raises(ValueError, match="requires raw scores, got values that look like prob"):
        model.fit(X, y, **given, eval_metric=FocalMetric(2.0, n_classes=n_classes))
    metric = FocalMetric(2.0, n_classes=n_classes, predictions="proba")
    model.fit(X, y, **given, eval_metric=metric)
    raw = model.predict(X, raw_score=True)
    (history,) = model.evals_result_.values()
    assert history["focal_loss"][-1] == pytest.approx(metric.loss(y, raw, weight), rel=1e-9)


def test_metric_raises_with_regression_objective():
    X, y, _ = make_data()
    data = lgb.Dataset(X, y)
    settings = {**QUIET, "objective": "regression"}
    with pytest.raises(ValueError, match="requires a classification objective, got 'regression'"):
        lgb.train(settings, data, 2, valid_sets=[data], feval=FocalMetric(2.0))


def test_invalid_predictions_of_the_metric_raise():
    with pytest.raises(ValueError, match=r"predictions must be one of \['auto', 'raw', 'proba'\]"):
        FocalMetric(2.0, predictions="margin")
    with pytest.raises(ValueError, match=r"offset must be 0 if predictions='proba', got 1\.0"):
        FocalMetric(2.0, offset=1.0, predictions="proba")
    y, proba = np.array([0, 1, 2]), np.full((3, 3), 0.3)
    with pytest.raises(
        ValueError, match="Each row of y_pred must sum to 1, got a row that sums to"
    ):
        FocalMetric(2.0, n_classes=3, predictions="proba")(y, proba)
    _, value, _ = FocalMetric(0.0, predictions="raw")(np.array([0, 1]), np.array([0.5, 0.5]))
    assert value == pytest.approx((np.log1p(np.exp(0.5)) + np.log1p(np.exp(-0.5))) / 2)


def test_metric_raises_if_dataset_was_used_with_a_built_in_objective():
    X, y, _ = make_data()
    train_set = lgb.Dataset(X, y)
    arguments = {"valid_sets": [train_set], "feval": FocalMetric(), "num_boost_round": 5}
    lgb.train(QUIET | {"objective": "binary"}, train_set, **arguments)
    with pytest.raises(ValueError, match=r"y_pred must contain probabilities.* create a new one"):
        lgb.train(QUIET | {"objective": FocalObjective()}, train_set, **arguments)
