"""Solvers for the linear objective: L-BFGS, and proximal Newton for the L1 penalty."""

import warnings

import numpy as np
from scipy import linalg, optimize, sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

from skfocal.objectives._blocks import one_blas_thread

# L-BFGS renews its preconditioner after this many iterations. Most fits take fewer than EASY. The
# others may be far from the null model, so a renewed preconditioner checks that they converged.
RENEWAL, EASY = 40, 15
ITERATION_LIMIT = 1  # status of SciPy's L-BFGS-B


@one_blas_thread()
def minimize_linear(objective, start, null, *, solver, l1, tol, max_iter, callback):
    """Minimise ``objective + l1 * ||coef||_1``; the intercept is not penalised.

    Parameters
    ----------
    objective : PenalisedObjective
    start : ndarray of shape (n_coefficients,)
        Initial coefficients, flat.
    null : ndarray of shape (n_coefficients,)
        Coefficients of the best model without features. ``tol`` is relative to the gradient at
        this point because, unlike the gradient at a warm start, it has the scale of the problem.
    solver : {"lbfgs", "prox-newton"}
    l1 : float
        Factor of the L1 penalty.
    tol : float
    max_iter : int
    callback : callable
        Called with the coefficients and the value after each iteration. The solver stops if it
        returns True.

    Returns
    -------
    coef : ndarray of shape (n_coefficients,)
    n_iter : int
        At least 1.
    violation : float
        Violation of the optimality conditions relative to the tolerance; converged if <= 1.
    """
    start = _better_start(objective, start, null, l1)
    if solver == "prox-newton":
        value, violation, limit, coef, n_iter = _proximal_newton(
            objective, start, null, l1, tol, max_iter, callback
        )
    else:
        value, violation, limit, coef, n_iter = _minimize_smooth(
            objective, start, null, tol, max_iter, callback
        )
    # Gradients below the noise floor change the value by less than its rounding error.
    noise_floor = np.sqrt(2 * objective.eps * abs(value))
    return coef, max(1, n_iter), violation / max(limit, noise_floor)


def _better_start(objective, start, null, l1):
    """Return the null model if a warm start is worse, as after a change of the features' units."""
    if np.array_equal(start, null):
        return null
    values = [
        objective.value_gradient(coef)[0] + l1 * np.abs(objective.is_penalised * coef).sum()
        for coef in (start, null)
    ]
    return start if values[0] <= values[1] else null


def _value_gradient_at_null(objective, null):
    """Return value and gradient at the null model; raise ``ValueError`` if a square overflows."""
    value, gradient = objective.value_gradient(null)
    largest = np.finfo(objective.template.dtype if objective.xp is np else np.float64).max
    if not np.abs(gradient).max() < np.sqrt(largest):  # also raises for NaN
        raise _overflow_error(objective)
    return value, gradient


def _overflow_error(objective):
    return ValueError(
        f"X contains values too large for {objective.template.dtype}: their squares, multiplied by "
        "C and the weights, overflow. Scale the features, or decrease C, alpha or the weights."
    )


def _limit(objective, null_value, null_gradient, tol):
    """Return the gradient at which to stop: ``tol`` times the null gradient, or rounding noise."""
    rounding = 100 * objective.eps * np.sqrt(abs(null_value))
    return max(tol * np.abs(null_gradient).max(), rounding)


def _minimize_smooth(objective, start, null, tol, max_iter, callback):
    """Run SciPy's L-BFGS-B with a preconditioner, so that the Hessian is roughly the identity.

    As a result, the number of iterations and the tolerance do not depend on the scales and
    correlations of the features. The preconditioner is computed at the null model. After
    ``RENEWAL`` iterations, and on convergence after more than ``EASY``, it is computed again at the
    current coefficients, where saturated rows may have left little of the initial curvature.
    """
    null_value, null_gradient = _value_gradient_at_null(objective, null)
    scaling = _preconditioner(objective, null)
    limit = _limit(objective, null_value, scaling.T @ null_gradient, tol)
    coef, n_iter, stopped = start, 0, False
    while True:
        value, gradient = objective.value_gradient(coef)
        violation = np.abs(scaling.T @ gradient).max()
        if violation <= limit or n_iter >= max_iter or stopped:
            return value, violation, limit, coef, n_iter
        # The first step of L-BFGS-B has length 1. Make it a Newton step.
        length = np.linalg.norm(scaling.T @ gradient)
        n_steps = min(RENEWAL, max_iter - n_iter)
        result = _lbfgs(objective, coef, scaling, length, limit, n_steps, callback)
        coef, n_iter = coef + length * (scaling @ result.x), n_iter + result.nit
        converged = np.abs(result.jac).max() <= limit / length
        stopped = not converged and result.status != ITERATION_LIMIT
        if n_iter > EASY and not stopped:
            scaling = _preconditioner(objective, coef)


def _lbfgs(objective, start, scaling, length, limit, max_iter, callback):
    """Minimise ``objective(start + length * scaling @ steps)`` over ``steps`` by L-BFGS-B.

    The value is divided by ``length**2``, because SciPy's tolerances and first steps do not suit
    values and gradients that are many orders of magnitude below 1.
    """

    def coef(steps):
        return start + length * (scaling @ steps)

    def value_gradient(steps):
        value, gradient = objective.value_gradient(coef(steps))
        return value / length**2, scaling.T @ gradient / length

    def report(intermediate_result):  # with this argument name, SciPy also passes the value
        value = intermediate_result.fun * length**2
        if callback(coef(intermediate_result.x), value):
            raise StopIteration

    # ftol only stops the solver when the value no longer changes beyond rounding. SciPy takes it
    # relative to the value or to 1, whichever is larger.
    ftol = np.finfo(float).eps * min(1.0, abs(objective.value_gradient(start)[0]) / length**2)
    options = {"gtol": limit / length, "maxiter": max_iter, "ftol": ftol, "maxls": 50}
    steps = np.zeros_like(start)
    return optimize.minimize(
        value_gradient, steps, method="L-BFGS-B", jac=True, callback=report, options=options
    )


def _preconditioner(objective, coef):
    """Return a matrix A such that ``A.T @ hessian(coef) @ A`` is roughly the identity.

    By default it is the inverse Cholesky factor of the Hessian of a sample of the rows. Its matrix
    products are cheap compared with passes over X: several hundred operations cost no more than
    reading one element of X. With very many coefficients it is a diagonal matrix instead.
    """
    size = len(coef)
    n_samples, n_features = objective.n_samples, objective.n_features
    n_sampled = min(2 * size + 5_000, n_samples)
    if size > 3_000 or n_sampled * size**2 > 1_000 * n_samples * n_features:
        diagonal = _check_finite(objective.hessian_diagonal(coef), objective)
        diagonal[diagonal == 0] = 1  # features that are always 0
        return sparse.diags_array(1 / np.sqrt(diagonal))
    hessian = objective.sample(n_sampled).hessian(coef, curvature="newton")
    _check_finite(hessian, objective)
    unseen = hessian.diagonal() <= objective.l2 * objective.is_penalised
    if unseen.any():  # features that are 0 in all sampled rows with weight
        exact = _check_finite(objective.hessian_diagonal(coef), objective)
        hessian[unseen, unseen] = exact[unseen]
    diagonal = hessian.diagonal().copy()
    diagonal[diagonal == 0] = diagonal.max()  # features that are always 0
    # The smallest ridge that makes the matrix positive definite. Collinear features need one, and
    # float32 features whose mean is much larger than their spread need a large one.
    for ridge in 10.0 ** np.arange(-6, 2):
        hessian[np.diag_indices_from(hessian)] = (1 + ridge) * diagonal
        factor, failed = linalg.lapack.dpotrf(hessian)
        if not failed:
            break
    return linalg.lapack.dtrtri(factor)[0]


def _check_finite(hessian, objective):
    """Return the Hessian; raise ``ValueError`` if it overflows."""
    if not np.all(np.isfinite(hessian)):
        raise _overflow_error(objective)
    return hessian


def _proximal_newton(objective, start, null, l1, tol, max_iter, callback):
    """Minimise the L1-penalised objective by proximal Newton steps over a working set.

    Each step minimises the quadratic approximation of the smooth part plus the L1 penalty. The
    working set contains the features with non-zero coefficients and those that violate their
    optimality condition.
    """
    unit = _units(objective, null)
    null_value, null_gradient = objective.value_gradient(null)
    limit = _limit(objective, null_value, null_gradient / unit, tol)
    penalty = l1 * objective.is_penalised
    coef, n_iter = start, 0
    value, gradient = objective.value_gradient(coef)
    violation = first = _violation(coef, gradient, penalty) / unit
    while n_iter < max_iter:
        if violation.max() <= limit:
            # The curvature may be much smaller here than at the null model.
            unit = np.minimum(unit, _units(objective, coef))
            violation = _violation(coef, gradient, penalty) / unit
            if violation.max() <= limit:
                break
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


def _units(objective, coef):
    """Return the root of the Hessian's diagonal, with which the solver divides the gradient."""
    unit = np.sqrt(_check_finite(objective.hessian_diagonal(coef), objective))
    unit[unit == 0] = 1  # features that are always 0
    return unit


def _violation(coef, gradient, penalty):
    """Return the violation of each coefficient's optimality condition under an L1 penalty."""
    active = np.abs(gradient + penalty * np.sign(coef))
    return np.where(coef == 0, np.maximum(np.abs(gradient) - penalty, 0), active)


def _working_set(objective, coef, violation):
    """Return the features to update and the flat indices of their coefficients and intercepts."""
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
    """Minimise ``gradient @ d + d @ hessian @ d / 2 + ||penalty * (coef + d)||_1`` over ``d``.

    The unpenalised coefficients are eliminated. scikit-learn's coordinate descent solves for the
    others with a duality gap of ``accuracy``.
    """
    free, bound = penalty == 0, penalty > 0
    # SciPy before 1.14 raises an error for an empty matrix.
    solve_free = linalg.pinvh(hessian[np.ix_(free, free)]) if free.any() else np.zeros((0, 0))
    coupling = hessian[np.ix_(bound, free)] @ solve_free
    reduced = hessian[np.ix_(bound, bound)] - coupling @ hessian[np.ix_(free, bound)]
    linear = reduced @ coef[bound] - (gradient[bound] - coupling @ gradient[free])
    step = np.zeros_like(coef)
    if bound.any():
        root, target = _least_squares(reduced, linear)
        tol = max(1e-15, accuracy / (target @ target or 1.0))
        with warnings.catch_warnings():
            # The outer iteration checks its own convergence.
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, path, _ = lasso_path(
                root, target, alphas=[penalty[bound][0] / len(target)],
                coef_init=coef[bound], tol=tol, max_iter=1000,
            )  # fmt: skip
        step[bound] = path[:, 0] - coef[bound]
    step[free] = -solve_free @ (gradient[free] + hessian[np.ix_(free, bound)] @ step[bound])
    return step


def _least_squares(hessian, linear):
    """Return R and r such that ``R.T @ R = hessian`` and ``R.T @ r = linear``."""
    try:
        root = linalg.cholesky(hessian)
        return np.asfortranarray(root), linalg.solve_triangular(root, linear, trans="T")
    except linalg.LinAlgError:  # the Hessian is singular
        values, vectors = linalg.eigh(hessian)
        kept = values > len(values) * np.finfo(float).eps * values[-1]
        root = np.sqrt(values[kept])[:, np.newaxis] * vectors[:, kept].T
        return np.asfortranarray(root), (vectors[:, kept].T @ linear) / np.sqrt(values[kept])


def _line_search(objective, coef, value, gradient, step, penalty):
    """Halve the step until it decreases the penalised value enough; return None if it does not."""
    norm = np.abs(penalty * coef).sum()
    expected_change = gradient @ step + np.abs(penalty * (coef + step)).sum() - norm
    for size in 0.5 ** np.arange(30):
        new_coef = coef + size * step
        new_value, new_gradient = objective.value_gradient(new_coef)
        change = new_value + np.abs(penalty * new_coef).sum() - value - norm
        if change <= 1e-4 * size * expected_change + 4 * np.finfo(float).eps * abs(value):
            return new_coef, new_value, new_gradient
    return None
