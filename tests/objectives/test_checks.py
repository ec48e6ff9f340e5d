"""Invalid arguments of the losses raise errors with the argument's name and value."""

import re
from functools import partial

import numpy as np
import pytest

from skfocal import FocalLogisticRegression, focal_loss
from skfocal.objectives import BinaryFocalLoss, FocalObjective, MulticlassFocalLoss
from skfocal.objectives._checks import MAX_GAMMA, MAX_SCORE_FACTOR
from skfocal.objectives._loss import make_loss

BINARY, THREE = BinaryFocalLoss(), MulticlassFocalLoss(3)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("gamma", "error", "message"),
    [
        (-1, ValueError, r"gamma must be in \[0, 100\], got -1\."),
        (np.nan, ValueError, r"gamma must be in \[0, 100\], got nan\."),
        (np.inf, ValueError, r"gamma must be in \[0, 100\], got inf\."),
        (101, ValueError, r"gamma must be in \[0, 100\], got 101\."),
        ([1, 2, 3, 4], ValueError, r"gamma must be a number or one .* \[1, 2, 3, 4\]\."),
        ([[1, 2]], ValueError, r"gamma must be a number or one number .* \[\[1, 2\]\]\."),
        ("two", TypeError, r"gamma must be numeric, got 'two'\."),
        (None, TypeError, r"gamma must be numeric, got None\."),
        (1j, TypeError, r"gamma must be numeric, got 1j\."),
        ([[1], [1, 2]], TypeError, r"gamma must be numeric, got \[\[1\], \[1, 2\]\]\."),
    ],
)
def test_invalid_gamma_raises(gamma, error, message, n_classes):
    with pytest.raises(error, match=message):
        MulticlassFocalLoss(n_classes, gamma=gamma)


def test_largest_gamma_is_allowed():
    assert BinaryFocalLoss(gamma=100).gamma == 100


def test_one_invalid_gamma_of_a_pair_raises():
    with pytest.raises(ValueError, match=r"gamma must be in \[0, 100\], got \(1, -2\)\."):
        BinaryFocalLoss(gamma=(1, -2))


@pytest.mark.parametrize(
    ("alpha", "error", "message"),
    [
        (1, ValueError, r"alpha must be in \(0, 1\) .* got 1\. Use None for no weighting\."),
        (0, ValueError, r"alpha must be in \(0, 1\) if it is a single number, got 0\."),
        (1.5, ValueError, r"alpha must be in \(0, 1\) if it is a single number, got 1\.5\."),
        (-0.25, ValueError, r"alpha must be in \(0, 1\) if it .* number, got -0\.25\."),
        (np.nan, ValueError, r"alpha must be in \(0, 1\) if it is a single number, got nan\."),
        ((1, 0), ValueError, r"alpha must contain finite positive factors, got \(1, 0\)\."),
        ((1, -1), ValueError, r"alpha must contain finite positive factors, got \(1, -1\)\."),
        ((1, np.nan), ValueError, r"alpha must contain finite positive factors, got \(1, nan\)\."),
        ((1, np.inf), ValueError, r"alpha must contain finite positive factors, got \(1, inf\)\."),
        ((1, 2, 3), ValueError, r"alpha must contain one factor .* 2 classes, got \(1, 2, 3\)\."),
        ("0.25", TypeError, r"alpha must be numeric, got '0\.25'\."),
    ],
)
def test_invalid_alpha_raises(alpha, error, message):
    with pytest.raises(error, match=message):
        BinaryFocalLoss(alpha=alpha)


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        (0.25, r"alpha must be None or one positive factor for each of the 3 classes, got 0\.25"),
        ((1, 2), r"alpha must contain one factor for each of the 3 classes, got \(1, 2\)\."),
    ],
)
def test_invalid_multiclass_alpha_raises(alpha, message):
    with pytest.raises(ValueError, match=message):
        MulticlassFocalLoss(3, alpha=alpha)


@pytest.mark.parametrize("n_classes", [1, 0, -3, 2.5, "3", None])
def test_invalid_n_classes_raises(n_classes):
    with pytest.raises(ValueError, match=rf"n_classes must be an integer >= 2, got {n_classes!r}"):
        MulticlassFocalLoss(n_classes)


@pytest.mark.parametrize(
    ("loss", "raw", "error", "message"),
    [
        (BINARY, 0.5, ValueError, r"must have shape \(n_samples,\), got shape \(\)\."),
        (BINARY, [[0.5], [1]], ValueError, r"must have shape \(n_samples,\), got shape \(2, 1\)\."),
        (THREE, [0.5, 1], ValueError, r"must have shape \(n_samples, 3\), got shape \(2,\)\."),
        (THREE, [[1, 2], [3, 4]], ValueError, r"must have shape .*, 3\), got shape \(2, 2\)\."),
        (BINARY, ["a", "b"], TypeError, r"raw_prediction must be numeric, got \['a', 'b'\]\."),
    ],
)
def test_invalid_raw_prediction_raises(loss, raw, error, message):
    for method in (lambda: loss.loss([0, 1], raw), lambda: loss.predict_proba(raw)):
        with pytest.raises(error, match=message):
            method()


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (BINARY, [0, 2], r"class indices from 0 to 1, got .*2"),
        (BINARY, [0, -1], r"class indices from 0 to 1, got .*-1"),
        (BINARY, [0, 0.5], r"class indices from 0 to 1, got .*0\.5"),
        (BINARY, [0, np.nan], r"class indices from 0 to 1, got .*nan"),
        (BINARY, ["no", "yes"], r"class indices from 0 to 1, got .*'no'"),
        (BINARY, [0, 1, 1], r"y_true must have shape \(2,\) to match .*, got shape \(3,\)\."),
        (BINARY, [[0], [1]], r"y_true must have shape \(2,\) to match .*, got shape \(2, 1\)\."),
        (THREE, [0, 3], r"class indices from 0 to 2, got .*3"),
        (THREE, [-1, 2], r"class indices from 0 to 2, got .*-1"),
        (THREE, [0, 1.5], r"class indices from 0 to 2, got .*1\.5"),
        (BINARY, [0, np.inf], r"class indices from 0 to 1, got .*inf"),
        (BINARY, [0, 1e300], r"class indices from 0 to 1, got .*1e\+300"),
        (THREE, [0, np.inf], r"class indices from 0 to 2, got .*inf"),
        (THREE, [0, np.nan], r"class indices from 0 to 2, got .*nan"),
    ],
)
def test_invalid_y_true_raises(loss, y, message):
    raw = np.zeros((2,) if loss is BINARY else (2, 3))
    for method in (loss.loss, loss.loss_gradient, loss.gradient_hessian, loss.hessian_operator):
        with pytest.raises(ValueError, match=message):
            method(y, raw)


@pytest.mark.parametrize("loss", [BINARY, THREE], ids=repr)
def test_unknown_label_in_fit_intercept_only_raises(loss):
    with pytest.raises(
        ValueError, match=r"y_true must contain class indices from 0 to \d, got .*7"
    ):
        loss.fit_intercept_only([0, 1, 7])


@pytest.mark.parametrize("loss", [BINARY, THREE], ids=repr)
def test_invalid_sample_weight_raises(loss):
    raw = np.zeros((2,) if loss is BINARY else (2, 3))
    with pytest.raises(
        ValueError, match=r"sample_weight must have shape \(2,\), got shape \(3,\)\."
    ):
        loss.loss([0, 1], raw, [1, 2, 3])
    with pytest.raises(TypeError, match=r"sample_weight must be numeric, got \['a', 'b'\]\."):
        loss.gradient([0, 1], raw, ["a", "b"])
    with pytest.raises(
        ValueError, match=r"sample_weight must have shape \(2,\), got shape \(3,\)\."
    ):
        loss([0, 1], raw, [1, 2, 3])
    for mean in (loss.fit_intercept_only, lambda y, weight: loss(y, raw, weight)):
        with pytest.raises(
            ValueError, match=r"^sample_weight must contain a positive weight, got none"
        ):
            mean([0, 1], [0, 0])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_whose_loss_may_overflow_raise(dtype, n_classes):
    loss = make_loss(n_classes, gamma=MAX_GAMMA, alpha=None)
    y = np.array([0, 1])
    largest = np.finfo(dtype).max / MAX_SCORE_FACTOR
    raw = np.array([0, largest] if n_classes == 2 else [[0, 0, 0], [-largest, largest, 0]], dtype)
    functions = [
        partial(function, y)
        for function in (loss.loss_gradient, loss.gradient_hessian, loss.hessian_operator)
    ]
    functions += [loss.predict_proba, loss.predict_log_proba]
    functions += [loss.log_odds] if n_classes == 2 else []
    functions += [partial(FocalObjective(MAX_GAMMA, n_classes=n_classes), y)] * (
        dtype == np.float32
    )
    for function in functions:
        function(raw)  # must not warn
        for value in (np.nan, np.inf, -np.inf, np.nextafter(largest, np.inf, dtype=dtype)):
            raw_prediction = raw.copy()
            raw_prediction[0] = value
            message = f"got {value}. If the scores come from trees, increase min_child_weight"
            with pytest.raises(ValueError, match=re.escape(message)):
                function(raw_prediction)


def test_scores_that_overflow_the_dtype_of_the_objective_raise():
    message = r"raw_prediction, plus any offset, must be in \[-7e\+35, 7e\+35\], got inf"
    for offset, score in [(0.0, 1e300), (1e300, 0.0)]:
        with pytest.raises(ValueError, match=message):
            FocalObjective(2.0, offset=offset)(np.array([0, 1]), np.array([0, score]))


@pytest.mark.parametrize("loss", [BINARY, THREE], ids=repr)
def test_invalid_option_raises(loss):
    raw = np.zeros((2,) if loss is BINARY else (2, 3))
    allowed = r"\['posterior', 'unweighted', 'score'\]"
    for method in (loss.predict_proba, loss.predict_log_proba, getattr(loss, "log_odds", None)):
        if method is not None:
            with pytest.raises(ValueError, match=rf"probability must be .*{allowed}, got 'odd'"):
                method(raw, "odd")
    for method in (loss.gradient_curvature, loss.hessian_operator):
        with pytest.raises(ValueError, match=r"curvature must be one of \[.*\], got 'flat'\."):
            method([0, 1], raw, curvature="flat")


@pytest.mark.parametrize("loss", [BINARY, THREE], ids=repr)
@pytest.mark.parametrize("invalid", [-1.0, np.nan, np.inf])
def test_negative_or_non_finite_weights_raise(loss, invalid):
    y, weight = [0, 1, 1], [1.0, invalid, 2.0]
    raw = np.zeros(3) if loss.n_classes == 2 else np.zeros((3, 3))
    for call in (
        lambda: loss(y, raw, weight),
        lambda: loss.loss(y, raw, weight),
        lambda: loss.gradient(y, raw, weight),
        lambda: loss.gradient_hessian(y, raw, weight),
        lambda: loss.hessian_operator(y, raw, weight),
        lambda: loss.fit_intercept_only(y, weight),
    ):
        with pytest.raises(ValueError, match="sample_weight must contain finite weights >= 0"):
            call()


@pytest.mark.parametrize("name", ["gamma", "alpha"])
def test_series_are_read_by_label(name):
    pd = pytest.importorskip("pandas")
    X, y = np.random.default_rng(0).normal(size=(90, 2)), np.repeat(["ok", "bad", "worst"], 30)
    by_label = pd.Series({"ok": 0.5, "bad": 1.0, "worst": 2.0})
    in_order = (1.0, 0.5, 2.0)  # of the sorted labels
    model = FocalLogisticRegression(**{name: by_label}).fit(X, y)
    assert getattr(model.loss_, name) == in_order
    proba = np.full((90, 3), 1 / 3)
    assert focal_loss(y, proba, **{name: by_label}) == focal_loss(y, proba, **{name: in_order})
    assert getattr(MulticlassFocalLoss(3, **{name: pd.Series(in_order)[::-1]}), name) == in_order
    wrong = pd.Series(in_order)
    with pytest.raises(ValueError, match=f"The keys of {name} must be the classes .*'bad'"):
        FocalLogisticRegression(**{name: wrong}).fit(X, y)
    with pytest.raises(ValueError, match=rf"The keys of {name} must be the classes \[0, 1, 2\]"):
        MulticlassFocalLoss(3, **{name: by_label})
