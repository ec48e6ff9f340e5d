"""Compare the scalar loss, its derivatives and the posterior with 50-digit arithmetic."""

import mpmath
import numpy as np
import pytest
import reference
from reference import GAMMAS, TOLERANCE, relative_error
from scipy.optimize import brentq
from scipy.special import expit, logit

from skfocal.objectives import _margin

DTYPES = [np.float64, np.float32]
EDGE = {np.float64: (700, 760), np.float32: (80, 110)}  # where exp(-m) stops being normal


def margins(dtype, gamma=0):
    """Margins from 1e-8 to 1e4 of both signs, denser where exp(-(1 + gamma) * |m|) underflows."""
    edge = np.linspace(*EDGE[dtype], 41)
    sizes = np.concatenate([np.logspace(-8, 4, 73), edge, edge / (1 + gamma)])
    return np.concatenate([-sizes, [0], sizes]).astype(dtype)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_reference_derivatives_are_numerical_derivatives_of_the_definition(gamma):
    for margin in (-30.0, -2.5, -0.1, 0.0, 1.3, 20.0):
        exact = reference.derivatives(margin, gamma)
        slope, curvature = (
            mpmath.diff(lambda m: reference.loss(m, gamma), margin, order) for order in (1, 2)
        )
        assert abs(slope - exact.slope) <= 1e-25 * abs(exact.slope)  # half of the 50 digits
        assert abs(curvature - exact.curvature) <= 1e-15 * exact.curvature_abs_sum  # a third


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_loss_and_slope_match_reference(gamma, dtype):
    margin = margins(dtype, gamma)
    exact = reference.all_derivatives(margin, gamma)
    size = [-slope for slope in exact.slope]
    loss, slope = _margin.focal_loss_slope(margin, gamma)
    assert loss.dtype == slope.dtype == dtype
    assert relative_error(loss, exact.loss) <= TOLERANCE[dtype]
    assert relative_error(slope, size) <= TOLERANCE[dtype]
    assert relative_error(_margin.focal_loss(margin, gamma), exact.loss) <= TOLERANCE[dtype]
    assert relative_error(_margin.focal_slope(margin, gamma), size) <= TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_second_derivative_matches_reference(gamma, dtype):
    margin = margins(dtype, gamma)
    exact = reference.all_derivatives(margin, gamma)
    slope, curvature = _margin.focal_slope_hessian(margin, gamma)
    assert curvature.dtype == dtype
    assert relative_error(slope, [-slope for slope in exact.slope]) <= TOLERANCE[dtype]
    assert relative_error(curvature, exact.curvature, exact.curvature_abs_sum) <= TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_newton_term_is_maximum_of_second_derivative_and_gauss_newton_term(gamma, dtype):
    margin = margins(dtype, gamma)
    exact = reference.all_derivatives(margin, gamma)
    probability = [1 / (1 + mpmath.exp(-m)) for m in margin.tolist()]
    newton = [
        max(b, -p * s) for b, p, s in zip(exact.curvature, probability, exact.slope, strict=True)
    ]
    slope, curvature = _margin.focal_slope_newton(margin, gamma)
    assert curvature.dtype == dtype
    assert relative_error(slope, [-slope for slope in exact.slope]) <= TOLERANCE[dtype]
    assert relative_error(curvature, newton) <= TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_geometric_term_is_geometric_mean_of_newton_and_majorant(gamma, dtype):
    margin = margins(dtype, gamma)
    exact = reference.all_derivatives(margin, gamma)
    probability = [1 / (1 + mpmath.exp(-m)) for m in margin.tolist()]
    newton = [
        max(b, -p * s) for b, p, s in zip(exact.curvature, probability, exact.slope, strict=True)
    ]
    majorant = [(1 + mpmath.mpf(gamma)) * -slope for slope in exact.slope]
    mean = [max(mpmath.sqrt(n * m), m / 5) for n, m in zip(newton, majorant, strict=True)]
    slope, curvature = _margin.focal_slope_newton(margin, gamma)
    geometric = _margin.geometric_curvature(curvature, (1 + gamma) * slope)
    assert geometric.dtype == dtype
    assert relative_error(geometric, mean) <= TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_gamma_per_margin_matches_reference(dtype):
    gamma = np.repeat(GAMMAS, 4).astype(dtype)
    margin = np.tile(np.array([-40, -0.5, 0.3, 12], dtype), len(GAMMAS))
    pairs = zip(margin.tolist(), gamma.tolist(), strict=True)
    exact = [reference.derivatives(m, g) for m, g in pairs]
    loss, slope = _margin.focal_loss_slope(margin, gamma)
    _, curvature = _margin.focal_slope_hessian(margin, gamma)
    assert loss.dtype == slope.dtype == curvature.dtype == dtype
    assert relative_error(loss, [e.loss for e in exact]) <= TOLERANCE[dtype]
    assert relative_error(slope, [-e.slope for e in exact]) <= TOLERANCE[dtype]
    sizes = [e.curvature_abs_sum for e in exact]
    assert relative_error(curvature, [e.curvature for e in exact], sizes) <= TOLERANCE[dtype]


@pytest.mark.parametrize("gamma", [8, 8.5, 9, 20.5, 100])
def test_error_is_at_most_proportional_to_large_gamma(gamma):
    margin = margins(np.float64, gamma)
    exact = reference.all_derivatives(margin, gamma)
    loss, slope = _margin.focal_loss_slope(margin, gamma)
    tolerance = gamma * np.finfo(float).eps + TOLERANCE[np.float64]  # gamma times the rounding of q
    assert relative_error(loss, exact.loss) <= tolerance
    assert relative_error(slope, [-s for s in exact.slope]) <= tolerance


@pytest.mark.parametrize("gamma", GAMMAS)
def test_second_derivative_is_bounded_by_slope(gamma):
    """The majorant is based on ``-q * |f'| < f'' <= (1 + gamma) * |f'|``."""
    margin = np.linspace(-60, 60, 1201)
    exact = reference.all_derivatives(margin, gamma)
    for m, slope, curvature in zip(margin.tolist(), exact.slope, exact.curvature, strict=True):
        assert slope / (1 + mpmath.exp(m)) < curvature <= (1 + mpmath.mpf(gamma)) * -slope


@pytest.mark.parametrize("gamma", GAMMAS)
def test_computed_second_derivative_is_bounded_by_computed_slope(gamma):
    margin = np.linspace(-700, 700, 100_001)
    slope, curvature = _margin.focal_slope_hessian(margin, gamma)
    # Relative rounding, and an absolute term if the slope underflows.
    rounding = TOLERANCE[np.float64] * slope + 4 * np.finfo(float).tiny
    assert np.all(-expit(-margin) * slope - rounding <= curvature)
    assert np.all(curvature <= (1 + gamma) * (slope + rounding))


@pytest.mark.parametrize(
    ("gamma", "threshold"), [(0.5, 0.0177), (1, 0.0432), (2, 0.0578), (5, 0.0502)]
)
def test_second_derivative_is_negative_below_known_probability(gamma, threshold):
    def curvature(probability):
        return _margin.focal_slope_hessian(logit([probability]), gamma)[1][0]

    assert brentq(curvature, 1e-4, 0.5) == pytest.approx(threshold, abs=5e-5)  # four decimals


@pytest.mark.parametrize("gamma", np.linspace(0, 20, 81))
def test_second_derivative_is_positive_above_probability_0_05845(gamma):
    _, curvature = _margin.focal_slope_hessian(logit(np.linspace(0.05845, 1 - 1e-6, 1001)), gamma)
    assert np.all(curvature > 0)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_log_posterior_matches_reference(gamma):
    margin = margins(np.float64)
    exact = [reference.log_posterior(m, gamma) for m in margin.tolist()]
    size = [1 + abs(value) for value in exact]
    assert relative_error(_margin.log_posterior(margin, gamma), exact, size) <= 1e-14


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 5e-6)])
@pytest.mark.parametrize(
    "gammas", [(gamma, gamma) for gamma in GAMMAS] + [(0, 2), (2, 0), (0.5, 5), (1.7, 0.1)]
)
def test_log_posterior_odds_match_reference(gammas, dtype, tolerance):
    raw = margins(dtype)
    exact = [
        reference.log_posterior(z, gammas[1]) - reference.log_posterior(-z, gammas[0])
        for z in raw.tolist()
    ]
    size = [1 + abs(value) for value in exact]
    odds = _margin.log_posterior_odds(raw, *gammas)
    assert odds.dtype == dtype
    assert relative_error(odds, exact, size) <= tolerance


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_posterior_odds_at_gamma_zero_are_the_score(dtype):
    raw = margins(dtype)
    np.testing.assert_array_equal(_margin.log_posterior_odds(raw, 0, 0), raw)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_huge_margins_give_finite_results(gamma, dtype):
    """Margins are so large that ``(1 + gamma) * margin`` nearly overflows."""
    huge = np.finfo(dtype).max / dtype(64)
    margin = np.array([-huge, -1e4, 1e4, huge], dtype)
    for evaluate in (_margin.focal_slope_hessian, _margin.focal_slope_newton):
        assert np.all(np.isfinite(evaluate(margin, gamma)))
    loss, slope = _margin.focal_loss_slope(margin, gamma)
    np.testing.assert_array_equal(loss[:2], -margin[:2])
    np.testing.assert_array_equal(slope[:2], 1)
    np.testing.assert_array_equal(loss[2:], 0)
    np.testing.assert_array_equal(slope[2:], 0)
    assert np.all(np.isfinite(_margin.log_posterior(margin, gamma)))
    assert np.all(np.isfinite(_margin.log_posterior_odds(margin, gamma, gamma)))
