"""Solvers for the linear objective: L-BFGS, and proximal Newton for the L1 penalty."""

import warnings

import numpy as np
from scipy import linalg, optimize, sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

from skfocal.objectives._blocks import one_blas_thread

# L-BFGS updates its preconditioner after this many iterations. It rarely takes more than 20.
RENEWAL = 40


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


def _null_gradient(objective, null):
    """Return the gradient at the null model; raise ``ValueError`` if its square overflows."""
    _, gradient = objective.value_gradient(null)
    largest = np.finfo(objective.template.dtype if objective.xp is np else np.float64).max
    if not np.abs(gradient).max() < np.sqrt(largest):  # also raises for NaN
        raise _overflow_error(objective)
    return gradient


def _overflow_error(objective):
    return ValueError(
        f"X contains values too large for {objective.template.dtype} (their squares overflow). "
        "Scale the features."
    )


def _limit(objective, null_gradient, tol):
    """Return the gradient at which to stop: ``tol`` times the null gradient, or rounding noise."""
    rounding = 100 * objective.eps * np.sqrt(objective.n_samples)
    return max(tol * np.abs(null_gradient).max(), rounding)


def _minimize_smooth(objective, start, null, tol, max_iter, callback):
    """Run SciPy's L-BFGS-B with a preconditioner, so that the Hessian is roughly the identity.

    As a result, the number of iterations and the tolerance do not depend on the scales and
    correlations of the features. The preconditioner is computed at the null model, and again at
    the current coefficients after every ``RENEWAL`` iterations.
    """
    null_gradient = _null_gradient(objective, null)
    coef, center, n_iter = start, null, 0
    while True:
        scaling = _preconditioner(objective, center)
        # The first step of L-BFGS-B has length 1. Make it the Newton step of the null model.
        length = np.linalg.norm(scaling.T @ null_gradient) or 1.0
        limit = _limit(objective, scaling.T @ null_gradient, tol)
        n_steps = min(RENEWAL, max_iter - n_iter)
        scaling = scaling * length
        result = _lbfgs(objective, coef, scaling, limit * length, n_steps, callback)
        coef, n_iter = coef + scaling @ result.x, n_iter + result.nit
        violation = np.abs(result.jac).max() / length
        stopped = result.status != 1  # 1 means that the iteration limit was reached
        if violation <= limit or n_iter >= max_iter or stopped:
            return result.fun, violation, limit, coef, n_iter
        center = coef


def _lbfgs(objective, start, scaling, limit, max_iter, callback):
    """Minimise ``objective(start + scaling @ steps)`` over ``steps`` by L-BFGS-B."""

    def value_gradient(steps):
        value, gradient = objective.value_gradient(start + scaling @ steps)
        return value, scaling.T @ gradient

    def report(intermediate_result):  # with this argument name, SciPy also passes the value
        if callback(start + scaling @ intermediate_result.x, intermediate_result.fun):
            raise StopIteration

    # ftol only stops the solver when the value no longer changes beyond rounding.
    options = {"gtol": limit, "maxiter": max_iter, "ftol": np.finfo(float).eps, "maxls": 50}
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
    diagonal = hessian.diagonal().copy()
    diagonal[diagonal == 0] = diagonal.max()
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
    unit = np.sqrt(_check_finite(objective.hessian_diagonal(null), objective))
    unit[unit == 0] = 1  # features that are always 0
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
