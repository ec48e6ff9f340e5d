"""Values and lines of FocalLossDisplay."""

import matplotlib
import numpy as np
import pytest
from scipy.special import expit, logit

from skfocal import FocalLossDisplay
from skfocal.objectives import BinaryFocalLoss

matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

KINDS = ["loss", "modulating_factor", "gradient", "hessian", "posterior"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("against", ["probability", "raw"])
@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_curves_match_the_loss(kind, y, against):
    display = FocalLossDisplay.from_gammas(
        (0, 0.5, (1, 2)), kind=kind, y=y, alpha=0.25, against=against
    )
    raw = display.x if against == "raw" else logit(display.x)
    labels = np.full(len(raw), y)
    for gamma, curve in zip((0, 0.5, (1, 2)), display.curves, strict=True):
        loss = BinaryFocalLoss(gamma=gamma, alpha=0.25)
        expected = {
            "loss": lambda loss=loss: loss.loss(labels, raw),
            "modulating_factor": lambda g=gamma: (
                expit(raw if y == 0 else -raw) ** np.broadcast_to(g, 2)[y]
            ),
            "gradient": lambda loss=loss: loss.gradient(labels, raw),
            "hessian": lambda loss=loss: loss.gradient_hessian(labels, raw)[1],
            "posterior": lambda loss=loss: loss.predict_proba(raw)[:, 1],
        }[kind]()
        assert np.all(np.isfinite(curve))
        np.testing.assert_allclose(curve, expected, rtol=1e-12)  # rounding of a quotient of losses


def test_lines_match_stored_curves_and_are_labelled_with_gamma():
    display = FocalLossDisplay.from_gammas()
    assert display.gammas == [0, 1, 2, 3, 4]
    assert len(display.lines_) == 5
    for line, curve, gamma in zip(display.lines_, display.curves, display.gammas, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), display.x)
        np.testing.assert_array_equal(line.get_ydata(), curve)
        assert line.get_label().endswith(f"= {gamma:g}")
    assert display.ax_.figure is display.figure_
    assert display.ax_.get_xlabel()
    assert display.ax_.get_ylabel() == "Focal loss"


def test_plot_draws_on_given_axes():
    _, (left, right) = plt.subplots(1, 2)
    display = FocalLossDisplay.from_gammas((0, 2), ax=left)
    assert display.ax_ is left
    assert display.plot(ax=right) is display
    assert display.ax_ is right
    assert len(right.get_legend().get_texts()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "value"}, "kind must be one of .*'posterior'.*, got 'value'"),
        ({"against": "score"}, "against must be one of .*'raw'.*, got 'score'"),
        ({"y": 2}, "y must be 0 or 1, got 2"),
        ({"gammas": ()}, r"gammas must be a non-empty sequence .*, got \(\)"),
        ({"gammas": (0, -1)}, r"gammas must be .*got \(0, -1\): gamma must be in \[0, 100\]"),
        ({"gammas": 2}, "gammas must be .*, got 2"),
        ({"alpha": 2}, r"alpha must be in \(0, 1\)"),
    ],
    ids=str,
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        FocalLossDisplay.from_gammas(**arguments)
