"""Minimise the linear objective: SciPy's methods where it is smooth, proximal Newton under L1."""

import warnings

import numpy as np
from scipy import linalg, optimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

SMOOTH_SOLVERS = ("lbfgs", "trust-ncg", "trust-exact")
TRUST_EXACT_MAX_COEFFICIENTS = 300


def choose_solver(objective, l1):
    """What ``solver="auto"`` stands for; the rule is in the estimator's docstring."""
    if l1 > 0:
        return "prox-newton"
    small = np.prod(objective.shape) <= TRUST_EXACT_MAX_COEFFICIENTS
    return "trust-exact" if small else "lbfgs"


def minimize_linear(objective, start, null, *, solver, l1, tol, max_iter):
    """Minimise ``objective + l1 * ||coef||_1``, the intercept excepted from the penalty.

    Gradients are measured in units of the root of the Hessian's diagonal at the null model, so
    that neither progress nor convergence depends on the features' scales.

    Parameters
    ----------
    objective : LinearObjective
    start : ndarray of shape (n_coefficients,)
        Coefficients to begin with, flat.
    null : ndarray of shape (n_coefficients,)
        The best model without features. ``tol`` is relative to the gradient there, which,
        unlike that at a warm start, says how large this problem's gradients are.
    solver : {"lbfgs", "trust-ncg", "trust-exact", "prox-newton"}
    l1 : float
    tol : float
    max_iter : int

    Returns
    -------
    coef : ndarray of shape (n_coefficients,)
    n_iter : int
        At least 1.
    violation : float
        Violation of the optimality conditions, converged where <= 1.
    """
    unit = np.sqrt(objective.hessian_diagonal(null))
    unit[unit == 0] = 1  # a feature that is always 0
    _, null_gradient = objective.value_gradient(null)
    n_samples, dtype = len(objective.y), objective.X.dtype
    rounding = 100 * np.finfo(dtype).eps * np.sqrt(n_samples)  # of a sum over the rows
    limit = max(tol * np.abs(null_gradient / unit).max(), rounding)
    if solver == "prox-newton":
        coef, n_iter = _proximal_newton(objective, start, unit, limit, l1, max_iter)
    else:
        coef, n_iter = _minimize_smooth(objective, start, unit, limit, solver, max_iter)
    value, gradient = objective.value_gradient(coef)
    violation = _violation(coef, gradient, l1 * objective.is_penalised) / unit
    # A smaller gradient than this changes the value by less than its rounding.
    visible = np.sqrt(2 * np.finfo(dtype).eps * abs(value))
    return coef, max(1, n_iter), violation.max() / max(limit, visible)


def _minimize_smooth(objective, start, unit, limit, solver, max_iter):
    """SciPy's minimiser in coordinates ``coef * unit``, in which the Hessian's diagonal is ~1."""

    def value_gradient(scaled):
        value, gradient = objective.value_gradient(scaled / unit)
        return value, gradient / unit

    def hessian(scaled):
        return objective.hessian(scaled / unit) / np.outer(unit, unit)

    operators = {}  # of the latest point: trust-ncg multiplies many times at each

    def hessian_product(scaled, direction):
        point = scaled.tobytes()
        if point not in operators:
            operators.clear()
            operators[point] = objective.hessian_operator(scaled / unit)
        return operators[point](direction / unit) / unit

    if solver == "lbfgs":
        # Rounding of the value ends a search that tol would not: the violation tells.
        options = {"gtol": limit, "ftol": np.finfo(float).eps, "maxls": 50}
        extra = {"method": "L-BFGS-B"}
    else:
        _, gradient = value_gradient(start * unit)
        radius = max(np.linalg.norm(gradient), 1.0)
        options = {"gtol": limit, "initial_trust_radius": radius, "max_trust_radius": 1e4 * radius}
        extra = {"method": solver}
        extra |= {"hess": hessian} if solver == "trust-exact" else {"hessp": hessian_product}
    result = optimize.minimize(
        value_gradient, start * unit, jac=True, options=options | {"maxiter": max_iter}, **extra
    )
    return result.x / unit, result.nit


def _proximal_newton(objective, start, unit, limit, l1, max_iter):
    """Newton steps on the smooth part, each an L1-penalised quadratic over a working set.

    The working set holds the features in use and those that violate their optimality condition.
    """
    penalty = l1 * objective.is_penalised
    coef, n_iter, first = start, 0, None
    value, gradient = objective.value_gradient(coef)
    violation = _violation(coef, gradient, penalty) / unit
    while violation.max() > limit and n_iter < max_iter:
        first = violation.max() if first is None else first
        features, part = _working_set(objective, coef, violation)
        hessian = objective.hessian(coef, curvature="newton", features=features)
        accuracy = max(1e-15, 1e-4 * min(1, violation.max() / first) ** 2)
        step = np.zeros_like(coef)
        step[part] = _lasso_step(hessian, gradient[part], coef[part], penalty[part], accuracy)
        move = _line_search(objective, coef, value, gradient, step, penalty)
        if move is None:
            break
        coef, value, gradient = move
        violation = _violation(coef, gradient, penalty) / unit
        n_iter += 1
    return coef, n_iter


def _violation(coef, gradient, penalty):
    """Distance of each coefficient from its optimality condition under an L1 penalty."""
    active = np.abs(gradient + penalty * np.sign(coef))
    return np.where(coef == 0, np.maximum(np.abs(gradient) - penalty, 0), active)


def _working_set(objective, coef, violation):
    """Features worth moving, and the flat indices of their coefficients and the intercept's."""
    n_features = objective.X.shape[1]
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
    descent finds the others.
    """
    free, bound = penalty == 0, penalty > 0
    solve_free = linalg.pinvh(hessian[np.ix_(free, free)])
    coupling = hessian[np.ix_(bound, free)] @ solve_free
    reduced = hessian[np.ix_(bound, bound)] - coupling @ hessian[np.ix_(free, bound)]
    pull = reduced @ coef[bound] - (gradient[bound] - coupling @ gradient[free])
    step = np.zeros_like(coef)
    if bound.any():
        root, target = _least_squares(reduced, pull)
        with warnings.catch_warnings():
            # Whether the outer problem converges is judged by its own optimality conditions.
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, path, _ = lasso_path(
                root, target, alphas=[penalty[bound][0] / len(target)],
                coef_init=coef[bound], tol=accuracy, max_iter=1000,
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
