"""Minimise the linear objective: SciPy's methods where it is smooth, proximal Newton under L1."""

import warnings

import numpy as np
from scipy import linalg, optimize, sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

from skfocal.objectives._blocks import one_blas_thread

RENEWAL = 40  # iterations of L-BFGS, which seldom takes 20, after which its units are outdated


@one_blas_thread()
def minimize_linear(objective, start, null, *, solver, l1, tol, max_iter, callback):
    """Minimise ``objective + l1 * ||coef||_1``, the intercept excepted from the penalty.

    Parameters
    ----------
    objective : PenalisedObjective
    start : ndarray of shape (n_coefficients,)
        Coefficients to begin with, flat.
    null : ndarray of shape (n_coefficients,)
        The best model without features. ``tol`` is relative to the gradient there, which,
        unlike that at a warm start, says how large this problem's gradients are.
    solver : {"lbfgs", "prox-newton"}
    l1 : float
    tol : float
    max_iter : int
    callback : callable
        Called with the coefficients and the value after each iteration; stops where True.

    Returns
    -------
    coef : ndarray of shape (n_coefficients,)
    n_iter : int
        At least 1.
    violation : float
        Violation of the optimality conditions, converged where <= 1.
    """
    if solver == "prox-newton":
        value, violation, limit, coef, n_iter = _proximal_newton(
            objective, start, null, l1, tol, max_iter, callback
        )
    else:
        value, violation, limit, coef, n_iter = _minimize_smooth(
            objective, start, null, tol, max_iter, callback
        )
    # A smaller gradient than this changes the value by less than its rounding.
    visible = np.sqrt(2 * objective.eps * abs(value))
    return coef, max(1, n_iter), violation / max(limit, visible)


def _null_gradient(objective, null):
    """Gradient at the null model; ``ValueError`` if X is so large that its square overflows."""
    _, gradient = objective.value_gradient(null)
    largest = np.finfo(objective.template.dtype if objective.xp is np else np.float64).max
    if not np.abs(gradient).max() < np.sqrt(largest):  # nor NaN
        raise _overflow(objective)
    return gradient


def _overflow(objective):
    return ValueError(f"X must hold smaller numbers: squares overflow {objective.template.dtype}.")


def _limit(objective, null_gradient, tol):
    """Gradient at which to stop: ``tol`` times that of the null model, or the sums' rounding."""
    rounding = 100 * objective.eps * np.sqrt(objective.n_samples)
    return max(tol * np.abs(null_gradient).max(), rounding)


def _minimize_smooth(objective, start, null, tol, max_iter, callback):
    """SciPy's L-BFGS-B, in units that make the Hessian about 1.

    So neither the number of iterations nor the tolerance depends on the features' scales and
    correlations. The units are those of the null model; a search that takes long has left it
    behind, and goes on in those of the point that it has reached.
    """
    null_gradient = _null_gradient(objective, null)
    coef, center, n_iter = start, null, 0
    while True:
        units = _units(objective, center)
        # L-BFGS-B begins with a step of length 1: let that be the null model's Newton step.
        length = np.linalg.norm(units.T @ null_gradient) or 1.0
        limit = _limit(objective, units.T @ null_gradient, tol)
        rounds = min(RENEWAL, max_iter - n_iter)
        units = units * length
        result = _search(objective, coef, units, limit * length, rounds, callback)
        coef, n_iter = coef + units @ result.x, n_iter + result.nit
        violation = np.abs(result.jac).max() / length
        stopped = result.status != 1  # for another reason than the number of its iterations
        if violation <= limit or n_iter >= max_iter or stopped:
            return result.fun, violation, limit, coef, n_iter
        center = coef


def _search(objective, start, units, limit, max_iter, callback):
    """Minimum of ``objective(start + units @ steps)`` over ``steps`` by L-BFGS-B."""

    def value_gradient(steps):
        value, gradient = objective.value_gradient(start + units @ steps)
        return value, units.T @ gradient

    def report(intermediate_result):  # the name by which SciPy gives the value too
        if callback(start + units @ intermediate_result.x, intermediate_result.fun):
            raise StopIteration

    # Only the value's rounding may end the search before the gradient does.
    options = {"gtol": limit, "maxiter": max_iter, "ftol": np.finfo(float).eps, "maxls": 50}
    steps = np.zeros_like(start)
    return optimize.minimize(
        value_gradient, steps, method="L-BFGS-B", jac=True, callback=report, options=options
    )


def _units(objective, coef):
    """Matrix A with ``A.T @ hessian(coef) @ A`` about 1: a Cholesky factor's inverse, or diagonal.

    For the former the Hessian of a sample of the rows is good enough. It takes products of
    matrices, several hundred of whose operations cost no more than reading one element of X in a
    pass, so it is the rule but for very many coefficients.
    """
    size = len(coef)
    n_samples, n_features = objective.n_samples, objective.n_features
    n_sampled = min(2 * size + 5_000, n_samples)
    if size > 3_000 or n_sampled * size**2 > 1_000 * n_samples * n_features:
        diagonal = _check_finite(objective.hessian_diagonal(coef), objective)
        diagonal[diagonal == 0] = 1  # a feature that is always 0
        return sparse.diags_array(1 / np.sqrt(diagonal))
    hessian = objective.sample(n_sampled).hessian(coef, curvature="newton")
    _check_finite(hessian, objective)
    diagonal = hessian.diagonal().copy()
    diagonal[diagonal == 0] = diagonal.max()
    # Collinear features make it singular to rounding: a slight ridge on the diagonal is harmless.
    hessian[np.diag_indices_from(hessian)] = (1 + 1e-6) * diagonal
    return linalg.lapack.dtrtri(linalg.cholesky(hessian))[0]


def _check_finite(hessian, objective):
    """Return the Hessian, or raise ValueError where the features' squares overflow."""
    if not np.all(np.isfinite(hessian)):
        raise _overflow(objective)
    return hessian


def _proximal_newton(objective, start, null, l1, tol, max_iter, callback):
    """Newton steps on the smooth part, each an L1-penalised quadratic over a working set.

    The working set holds the features in use and those that violate their optimality condition.
    """
    unit = np.sqrt(_check_finite(objective.hessian_diagonal(null), objective))
    unit[unit == 0] = 1  # a feature that is always 0
    limit = _limit(objective, objective.value_gradient(null)[1] / unit, tol)
    penalty = l1 * objective.is_penalised
    coef, n_iter = start, 0
    value, gradient = objective.value_gradient(coef)
    violation = first = _violation(coef, gradient, penalty) / unit
    while violation.max() > limit and n_iter < max_iter:
        features, part = _working_set(objective, coef, violation)
        hessian = objective.hessian(coef, curvature="newton", features=features)
        accuracy = 1e-4 * (violation.max() * min(1, violation.max() / first.max())) ** 2
        step = np.zeros_like(coef)
        step[part] = _lasso_step(hessian, gradient[part], coef[part], penalty[part], accuracy)
        move = _line_search(objective, coef, value, gradient, step, penalty)
        if move is None:
            break
        coef, value, gradient = move
        violation = _violation(coef, gradient, penalty) / unit
        n_iter += 1
        if callback(coef, value + np.abs(penalty * coef).sum()):
            break
    return value, violation.max(), limit, coef, n_iter


def _violation(coef, gradient, penalty):
    """Distance of each coefficient from its optimality condition under an L1 penalty."""
    active = np.abs(gradient + penalty * np.sign(coef))
    return np.where(coef == 0, np.maximum(np.abs(gradient) - penalty, 0), active)


def _working_set(objective, coef, violation):
    """Features worth moving, and the flat indices of their coefficients and the intercept's."""
    n_features = objective.n_features
    used = (coef != 0).reshape(objective.shape[0], -1).any(axis=1)[:n_features]
    worst = violation.reshape(objective.shape[0], -1).max(axis=1)[:n_features]
    room = max(100, 2 * used.sum())
    candidates = np.flatnonzero(used | (worst > 0))
    order = np.argsort(np.where(used, np.inf, worst)[candidates])[::-1]
    features = np.sort(candidates[order[:room]])
    rows = np.append(features, np.arange(n_features, objective.shape[0]))
    flat = np.arange(coef.size).reshape(objective.shape[0], -1)
    return features, flat[rows].ravel()


def _lasso_step(hessian, gradient, coef, penalty, accuracy):
    """Step to the minimum of ``gradient @ d + d @ hessian @ d / 2 + ||penalty * (coef + d)||_1``.

    The unpenalised coefficients, the last ones, are eliminated; scikit-learn's coordinate
    descent finds the others, to a duality gap of ``accuracy``.
    """
    free, bound = penalty == 0, penalty > 0
    # SciPy before 1.14 refuses an empty matrix.
    solve_free = linalg.pinvh(hessian[np.ix_(free, free)]) if free.any() else np.zeros((0, 0))
    coupling = hessian[np.ix_(bound, free)] @ solve_free
    reduced = hessian[np.ix_(bound, bound)] - coupling @ hessian[np.ix_(free, bound)]
    pull = reduced @ coef[bound] - (gradient[bound] - coupling @ gradient[free])
    step = np.zeros_like(coef)
    if bound.any():
        root, target = _least_squares(reduced, pull)
        tol = max(1e-15, accuracy / (target @ target or 1.0))
        with warnings.catch_warnings():
            # Whether the outer problem converges is judged by its own optimality conditions.
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, path, _ = lasso_path(
                root, target, alphas=[penalty[bound][0] / len(target)],
                coef_init=coef[bound], tol=tol, max_iter=1000,
            )  # fmt: skip
        step[bound] = path[:, 0] - coef[bound]
    step[free] = -solve_free @ (gradient[free] + hessian[np.ix_(free, bound)] @ step[bound])
    return step


def _least_squares(hessian, pull):
    """Matrix R and vector r with ``R.T @ R = hessian`` and ``R.T @ r = pull``."""
    try:
        root = linalg.cholesky(hessian)
        return np.asfortranarray(root), linalg.solve_triangular(root, pull, trans="T")
    except linalg.LinAlgError:  # semi-definite: no unique optimum
        values, vectors = linalg.eigh(hessian)
        kept = values > len(values) * np.finfo(float).eps * values[-1]
        root = np.sqrt(values[kept])[:, np.newaxis] * vectors[:, kept].T
        return np.asfortranarray(root), (vectors[:, kept].T @ pull) / np.sqrt(values[kept])


def _line_search(objective, coef, value, gradient, step, penalty):
    """First halving of the step that lowers the penalised value enough, or None."""
    norm = np.abs(penalty * coef).sum()
    promise = gradient @ step + np.abs(penalty * (coef + step)).sum() - norm
    for size in 0.5 ** np.arange(30):
        new_coef = coef + size * step
        new_value, new_gradient = objective.value_gradient(new_coef)
        gain = new_value + np.abs(penalty * new_coef).sum() - value - norm
        if gain <= 1e-4 * size * promise + 4 * np.finfo(float).eps * abs(value):
            return new_coef, new_value, new_gradient
    return None
