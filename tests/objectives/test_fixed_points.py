"""Values of the loss published in papers, tutorials and other packages."""

import numpy as np
import pytest
from scipy.special import logit

from skfocal import focal_loss
from skfocal.objectives import BinaryFocalLoss, MulticlassFocalLoss
from skfocal.objectives._linear import LinearObjective

# The published values have 16 digits. Converting p to a score and back adds a few ulps.
SIXTEEN_DIGITS = 2e-15


def loss_at(p, y, gamma):
    """Return the losses of labels y at probabilities p of class 1."""
    return BinaryFocalLoss(gamma=gamma).loss(np.atleast_1d(y), np.atleast_1d(logit(p)))


@pytest.mark.parametrize(
    ("y", "p", "gamma", "expected"),
    [
        (1, 0.9, 0, 0.10536051565782628),
        (1, 0.3, 0, 1.2039728043259361),
        (0, 0.3, 0, 0.35667494393873245),
        (0, 0.9, 0, 2.302585092994046),
        (1, 0.9, 2, 0.0010536051565782623),
        (1, 0.3, 2, 0.5899466741197086),
        (0, 0.3, (1, 2), 0.10700248318161973),
    ],
)
def test_published_losses_of_single_rows(y, p, gamma, expected):
    # Rounding p = 0.9 changes 1 - p by a relative 5e-16, which the power gamma magnifies.
    tolerance = SIXTEEN_DIGITS * (1 + np.max(gamma))
    np.testing.assert_allclose(loss_at(p, y, gamma), expected, rtol=tolerance)


def test_cross_entropy_of_eight_rows():
    p = np.array([0.3, 0.8, 0.7, 0.4, 0.6, 0.8, 0.9, 0.2])
    y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    expected = [
        0.35667494393873245,
        1.6094379124341005,
        1.203972804325936,
        0.5108256237659907,
        0.5108256237659907,
        0.2231435513142097,
        0.10536051565782628,
        1.6094379124341003,
    ]
    np.testing.assert_allclose(loss_at(p, y, 0), expected, rtol=SIXTEEN_DIGITS)


POSITIVES_BY_GAMMA = [
    (0, 1.203972804325936, 0.35667494393873245, 0.2231435513142097, 0.10536051565782628,
     2.039788675764166),
    (1, 0.8427809630281551, 0.10700248318161976, 0.04462871026284193, 0.010536051565782625,
     0.45822062080901443),
    (2, 0.5899466741197085, 0.03210074495448593, 0.008925742052568384, 0.0010536051565782623,
     0.1109374104849703),
    (3, 0.41296267188379593, 0.009630223486345782, 0.0017851484105136765, 0.00010536051565782622,
     0.028396910056575603),
    (4, 0.28907387031865717, 0.0028890670459037343, 0.0003570296821027352, 1.0536051565782618e-05,
     0.00758435460545271),
]  # fmt: skip


@pytest.mark.parametrize(
    ("gamma", "first", "at_07", "at_08", "at_09", "positives"), POSITIVES_BY_GAMMA
)
def test_loss_of_easy_positives_decreases_with_gamma(gamma, first, at_07, at_08, at_09, positives):
    p = np.array([0.7, 0.8, 0.7, 0.8, 0.8, 0.8, 0.9, 0.9, 0.8, 0.7])
    losses = loss_at(p, np.array([0] + [1] * 9), gamma)
    expected = [first] + [{0.7: at_07, 0.8: at_08, 0.9: at_09}[value] for value in p[1:]]
    tolerance = SIXTEEN_DIGITS * (1 + gamma)  # 1 - p is a rounded number, raised to gamma
    np.testing.assert_allclose(losses, expected, rtol=tolerance)
    assert losses[1:].sum() == pytest.approx(positives, rel=tolerance)


HARD, EASY = [-0.8, -2.5, -0.6, -0.58], [2, 6.25, 1.5, 1.47]


@pytest.mark.parametrize(
    ("x", "gamma", "expected", "last_digit"),
    [
        (HARD, 0, [0.66521171, 2.07878658, 0.49890878, 0.48227849], 1e-8),
        (HARD, 2, [0.79188105, 2.47462829, 0.59391079, 0.57411376], 1e-8),
        (EASY, 0, [-0.03581028, -0.11190713, -0.02685771, -0.02632056], 1e-8),
        (
            EASY,
            2,
            [-3.42348959e-5, -1.06984050e-4, -2.56761719e-5, -2.51626485e-5],
            [1e-13, 1e-12, 1e-13, 1e-13],
        ),
    ],
)
def test_gradient_of_linear_model_matches_published_automatic_differentiation(
    x, gamma, expected, last_digit
):
    loss, X, y = BinaryFocalLoss(gamma=gamma), np.array([x], dtype=float), np.array([1])
    objective = LinearObjective(loss, X, y, None, scale=1.0, l2=0.0, fit_intercept=False)
    _, gradient = objective.value_gradient(np.array([0.5, 0.16, 0.67, 0.68]))
    assert np.all(np.abs(gradient - expected) <= 0.51 * np.asarray(last_digit))


@pytest.mark.parametrize("gamma", [0, 1, 2, 3, 4])
def test_loss_is_cross_entropy_times_power_of_one_minus_p(gamma):
    p = np.linspace(0.01, 0.99, 99)
    ones = np.ones(99)
    tolerance = SIXTEEN_DIGITS * (1 + gamma) * 10  # converting p to a score and back near 0.99
    np.testing.assert_allclose(
        loss_at(p, ones, gamma), (1 - p) ** gamma * -np.log(p), rtol=tolerance
    )
    np.testing.assert_allclose(
        loss_at(p, 0 * ones, gamma), p**gamma * -np.log1p(-p), rtol=tolerance
    )


def test_keras_categorical_example():
    y, p = [1, 2], np.array([[0.05, 0.9, 0.05], [0.1, 0.85, 0.05]])
    loss = MulticlassFocalLoss(3, gamma=2.0, alpha=(0.25, 0.25, 0.25))
    np.testing.assert_allclose(loss.loss(y, np.log(p)), [2.63401289e-4, 0.675912094], rtol=2e-9)


def test_three_decimal_example():
    np.testing.assert_allclose(
        loss_at([0.1, 0.7, 0.9], [0, 1, 1], 2), [0.001, 0.032, 0.001], atol=5e-4
    )
    mean = focal_loss([0, 1, 1], [0.1, 0.7, 0.9], gamma=2)
    assert mean == pytest.approx((2 * 0.0010536051565782623 + 0.03210074495448593) / 3, rel=1e-14)
