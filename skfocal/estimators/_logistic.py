"""Logistic regression with the focal loss."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skfocal._private import Interval, StrOptions, _fit_context
from skfocal._rows import check_weight, encode_labels
from skfocal.estimators._base import (
    N_JOBS,
    FocalClassifier,
    apply_zero_class_weights,
    build_loss,
    zero_weight_classes,
)
from skfocal.estimators._inputs import numeric_input
from skfocal.estimators._prior import class_shares, prediction_loss
from skfocal.estimators._progress import Progress
from skfocal.estimators._solvers import minimize_linear
from skfocal.objectives._arrays import (
    SUPPORTED,
    as_like,
    move_like,
    namespace,
    refuse_other_namespace,
    to_numpy,
)
from skfocal.objectives._linear import LinearObjective


class FocalLogisticRegression(FocalClassifier):
    """Logistic regression trained with the focal loss.

    The coefficients minimise ``C * sum_i w_i f_i + penalty(coef)``, where ``w_i`` is the sample
    weight of row i and ``f_i`` is the focal loss of its score ``x_i @ coef + intercept``. The
    focal loss is ``alpha * (1 - p)**gamma * -log(p)``, where p is the sigmoid or softmax
    probability of the row's true class. The penalty is that of
    :class:`sklearn.linear_model.LogisticRegression`. At ``gamma=0``, both estimators have the same
    solution. The intercept is not penalised.

    Parameters
    ----------
    gamma : float or array-like of shape (n_classes,), default=0.5
        Focusing parameter, between 0 and 100: one value, or one per class in the order of
        ``classes_`` or, in a pandas Series, by label. The larger it is, the less the loss depends
        on rows that are already classified well. 0 gives cross-entropy.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factor that multiplies the loss of each class, in the order of ``classes_`` or, in a pandas
        Series, by label. None means 1 for every class. In binary problems, a float ``a`` means
        ``(1 - a, a)``, so 0.25 *down*-weights the positive class, and 0.5 halves the loss, which
        is equivalent to halving ``C``.
    C : float, default=1.0
        Inverse of the regularisation strength. Must be positive; ``np.inf`` means no penalty.
        Focal losses are smaller than cross-entropy, so the same ``C`` regularises more as
        ``gamma`` grows. Tune both together.
    l1_ratio : float in [0, 1], default=0.0
        Elastic-net mixing parameter: 0 is an L2 penalty, 1 is an L1 penalty.
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    class_weight : dict, "balanced" or None, default=None
        Class weights by label, which multiply ``alpha``. "balanced" means
        ``n_samples / (n_classes * np.bincount(y))``, with counts weighted by ``sample_weight``.
    probability : {"posterior", "unweighted", "score"}, default="posterior"
        Which probabilities :meth:`predict_proba` returns.

        - "posterior": class probabilities in the training population, with rows weighted by
          ``alpha``, ``class_weight`` and ``sample_weight``.
        - "unweighted": the same, but with rows weighted by ``sample_weight`` only.
        - "score": sigmoid or softmax of the raw score, which is under-confident if ``gamma > 0``.
    class_prior : None, "uniform", dict or array-like of shape (n_classes,), default=None
        Class shares of the population to predict for: positive numbers that sum to 1, in the
        order of ``classes_`` or by label (dict or pandas Series). "uniform" gives all classes the
        same share. None means the population defined by ``probability``. If shares are given, the
        "unweighted" posterior is multiplied by ``class_prior / class_share_`` and normalised;
        ``probability="score"`` then raises a ``ValueError``. The result is exact if the
        population differs from the training data only in its class shares, for example after
        random undersampling of a class. This parameter can be changed after ``fit``.
    solver : {"auto", "lbfgs", "prox-newton"}, default="auto"
        Optimisation algorithm: L-BFGS, or proximal Newton for an L1 penalty. "auto" selects the
        one that supports the penalty.
    tol : float, default=1e-4
        Tolerance. The solver stops when the largest component of the gradient is at most ``tol``
        times its value for the best model without features. The components are scaled to be
        independent of the units of the features. With an L1 penalty, the violation of the
        optimality conditions replaces the gradient.
    max_iter : int, default=100
        Maximum number of iterations. If the solver has not converged by then, it issues a
        ``ConvergenceWarning``.
    warm_start : bool, default=False
        Whether to start from the coefficients of the previous fit.
    n_jobs : int or None, default=None
        Number of threads for passes over dense X; ``-1`` means all cores. ``None`` means the value
        of ``joblib.parallel_config`` if it is set, and OpenMP's default otherwise. BLAS is limited
        to one thread during ``fit``.
    verbose : int, default=0
        Print the objective every ``verbose`` iterations; 0 prints nothing.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients of the features.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; zero if ``fit_intercept=False``.
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    class_share_ : ndarray of shape (n_classes,)
        Share of each class in the total ``sample_weight`` of the training rows. ``alpha`` and
        ``class_weight`` do not affect it, except that a class whose ``class_weight`` is 0 has a
        share of 0.
    loss_ : BinaryFocalLoss or MulticlassFocalLoss
        The loss, with the given ``gamma`` and with ``alpha`` multiplied by ``class_weight``.
    n_iter_ : ndarray of shape (1,)
        Number of iterations of the solver.
    n_features_in_ : int
        Number of features seen during ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features seen during ``fit``. Defined only if X has string column names.

    See Also
    --------
    FocalLGBMClassifier : Gradient boosted trees with the same loss.

    Notes
    -----
    With scikit-learn 1.9 or later, X may be an array from another library, such as PyTorch or CuPy,
    if array API dispatch is enabled with ``sklearn.config_context(array_api_dispatch=True)`` and
    there is no L1 penalty. Computations over all rows then run on the device of X and in its
    dtype. ``coef_``, ``intercept_``, ``class_share_``, ``n_iter_`` and predictions are arrays from
    the same library as X, and ``classes_`` is an array from the same library as y.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skfocal import FocalLogisticRegression
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> model = FocalLogisticRegression(gamma=1.0).fit(X, y)
    >>> model.predict_proba(X).shape
    (100, 2)

    Predict for a population in which the second class is rarer:

    >>> model = model.set_params(class_prior={0: 0.99, 1: 0.01})
    >>> model.predict_proba(X).shape
    (100, 2)
    """

    _parameter_constraints: dict = {
        **FocalClassifier._parameter_constraints,
        "C": [Interval(Real, 0, None, closed="right")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "solver": [StrOptions({"auto", "lbfgs", "prox-newton"})],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        gamma=0.5,
        *,
        alpha=None,
        C=1.0,
        l1_ratio=0.0,
        fit_intercept=True,
        class_weight=None,
        probability="posterior",
        class_prior=None,
        solver="auto",
        tol=1e-4,
        max_iter=100,
        warm_start=False,
        n_jobs=None,
        verbose=0,
    ):
        self.gamma = gamma
        self.alpha = alpha
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.probability = probability
        self.class_prior = class_prior
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. float32 and float64 data keep their dtype, and sparse data stay sparse.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : FocalLogisticRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter of the estimator or an argument of ``fit`` has an invalid value.
        TypeError
            If an argument has the wrong type.

        Warns
        -----
        ConvergenceWarning
            If the solver does not reach the tolerance ``tol``, unless a scikit-learn callback
            stopped it.
        """
        progress = Progress(self, X, y, sample_weight, step="iteration", max_steps=self.max_iter)
        self._reset()
        l1, l2, scale = self._penalty()
        solver = self._choose_solver(l1)
        self._check_namespace(X, solver)
        X = self._check_features(X, reset=True)
        check_consistent_length(X, y)
        classes, codes = encode_labels(to_numpy(y))
        sample_weight = apply_zero_class_weights(
            check_weight(to_numpy(sample_weight), codes), codes, zero_weight_classes(self, classes)
        )
        loss = build_loss(self, classes, codes, sample_weight)
        share = class_shares(codes, sample_weight, len(classes))
        prediction_loss(self, loss, classes, share)  # validates class_prior
        penalty = {"scale": scale, "l2": l2, "fit_intercept": self.fit_intercept}
        objective = LinearObjective(loss, X, codes, sample_weight, n_jobs=self.n_jobs, **penalty)
        null = self._null_model(loss, X.shape[1], codes, sample_weight)
        labels = {"classes_": move_like(classes, y, namespace(y))}
        labels["class_share_"] = as_like(share, X, objective.xp)
        return self._solve(
            objective, null, solver, l1, self._start(classes, null), labels, progress
        )

    def raw_predict(self, X):
        """Return the raw score of each row, ``X @ coef_.T + intercept_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input samples.

        Returns
        -------
        raw_prediction : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The raw scores.

        Raises
        ------
        ValueError
            If X is invalid, or contains values so large that the scores overflow.
        """
        return self._score_rows(X, "raw_predict")

    def _score_rows(self, X, method):
        check_is_fitted(self)
        refuse_other_namespace(X, self, method)
        X = self._check_features(X, reset=False)
        xp = namespace(X)
        with np.errstate(over="ignore", invalid="ignore"):
            raw_prediction = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        if not xp.all(xp.isfinite(raw_prediction)):
            raise ValueError(
                "X contains values too large for the model: the raw scores overflow "
                f"{raw_prediction.dtype}."
            )
        return raw_prediction[:, 0] if self.loss_.n_classes == 2 else raw_prediction

    def sparsify(self):
        """Convert ``coef_`` to a sparse matrix.

        This saves memory if most coefficients are zero, as with a strong L1 penalty.

        Returns
        -------
        self : FocalLogisticRegression
            The fitted estimator.
        """
        check_is_fitted(self)
        self.coef_ = sparse.csr_matrix(self.coef_)
        return self

    def densify(self):
        """Convert ``coef_`` to a dense array, as after ``fit``.

        Returns
        -------
        self : FocalLogisticRegression
            The fitted estimator.
        """
        check_is_fitted(self)
        self.coef_ = self._dense_coef()
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        smooth = self.l1_ratio == 0 and self.solver in ("auto", "lbfgs")
        tags.array_api_support = SUPPORTED and smooth
        return tags

    def _check_features(self, X, *, reset, **arguments):
        xp = namespace(X)
        dtypes = [xp.float64, xp.float32]
        return numeric_input(self, X, reset=reset, accept_sparse="csr", dtype=dtypes, **arguments)

    def _dense_coef(self):
        return self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_

    def _check_namespace(self, X, solver):
        """Raise ``ValueError`` for arrays of other libraries if the solver needs NumPy arrays."""
        if namespace(X) is not np and solver == "prox-newton":
            raise ValueError(
                f"An L1 penalty requires NumPy arrays, got an array of {namespace(X).__name__}. "
                "Set l1_ratio=0 or convert X to a NumPy array."
            )

    def _penalty(self):
        """Return the factors of the L1 norm, of half the squared L2 norm and of the loss."""
        if np.isinf(self.C):
            return 0.0, 0.0, 1.0
        return float(self.l1_ratio), 1.0 - self.l1_ratio, float(self.C)

    def _choose_solver(self, l1):
        if self.solver == "auto":
            return "prox-newton" if l1 > 0 else "lbfgs"
        if (l1 > 0) != (self.solver == "prox-newton"):
            raise ValueError(
                f"solver={self.solver!r} does not support l1_ratio={self.l1_ratio} with "
                f"C={self.C}. Use 'prox-newton' with an L1 penalty, 'lbfgs' without one, or 'auto'."
            )
        return self.solver

    def _solve(self, objective, null, solver, l1, start, labels, progress):
        """Minimise the objective, warn if it did not converge, and set the fitted attributes."""

        def fitted(coef, n_iter):
            return self._fitted_arrays(objective, coef, n_iter) | labels | {"loss_": objective.loss}

        coef, n_iter, violation = minimize_linear(
            objective,
            start,
            null,
            solver=solver,
            l1=l1,
            tol=self.tol,
            max_iter=self.max_iter,
            callback=progress.solver_callback(fitted, self.verbose),
        )
        if not (violation <= 1 or progress.stopped):
            reached = n_iter >= self.max_iter
            remedy = f"increase max_iter (max_iter={self.max_iter})" if reached else "increase tol"
            warnings.warn(
                f"{solver} did not converge (n_iter={n_iter}): the optimality conditions are "
                f"violated by {violation:.2g} times the tolerance (tol={self.tol}). Scale the "
                f"features or {remedy}.",
                ConvergenceWarning,
                stacklevel=4,  # the caller of fit, which scikit-learn wraps
            )
        vars(self).update(fitted(coef, n_iter))
        progress.end()
        return self

    def _null_model(self, loss, n_features, codes, sample_weight):
        """Return the flat coefficients of the best model without features."""
        null = np.zeros((n_features + self.fit_intercept, loss._n_outputs))
        if self.fit_intercept:
            start = loss.fit_intercept_only(codes, sample_weight)
            null[-1] = start - np.mean(start) if np.ndim(start) else start
        return null.ravel()

    def _start(self, classes, null):
        """Return the flat initial coefficients, from the previous fit if they are compatible."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return null
        previous = to_numpy(self._dense_coef()).T
        if self.fit_intercept:
            previous = np.vstack([previous, to_numpy(self.intercept_)])
        if previous.size != null.size or not np.array_equal(to_numpy(self.classes_), classes):
            return null
        return previous.ravel().astype(np.float64)

    def _fitted_arrays(self, objective, coef, n_iter):
        """Return ``coef_``, ``intercept_`` and ``n_iter_`` as arrays of X's library."""
        X, xp, n_features = objective.template, objective.xp, objective.n_features
        columns = coef.reshape(objective.shape[0], -1).copy()
        # A common shift of all scores changes no probability. We choose coefficients that sum to 0
        # over the classes, which minimises the L2 penalty. Under an L1 penalty, only the
        # intercepts can be shifted.
        if columns.shape[1] > 1:
            first_free = n_features if self._penalty()[0] > 0 else 0
            columns[first_free:] -= columns[first_free:].mean(axis=1, keepdims=True)
        intercept = columns[-1] if self.fit_intercept else np.zeros(columns.shape[1])
        return {
            "coef_": as_like(np.ascontiguousarray(columns[:n_features].T), X, xp),
            "intercept_": as_like(intercept.copy(), X, xp),
            "n_iter_": move_like(np.array([n_iter], dtype=np.int32), X, xp),
        }
