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
    build_loss,
    silenced_classes,
    without_silenced_classes,
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
    """Logistic regression that minimises the focal loss.

    The coefficients minimise ``C * sum_i w_i f_i + penalty(coef)``, f the focal loss of the score
    ``x @ coef + intercept`` and the penalty that of
    :class:`sklearn.linear_model.LogisticRegression`: at ``gamma=0`` so is the minimum.

    Parameters
    ----------
    gamma : float or array-like of shape (n_classes,), default=0.5
        Focusing exponent from 0 to 100, of all classes or of each in the order of ``classes_``.
        0 is cross-entropy.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factors of the classes' losses. Binary, a float ``a`` means ``(1 - a, a)``: 0.25
        *down*-weights the positives, and 0.5 halves the loss, so it halves C.
    C : float, default=1.0
        Inverse strength of the penalty, > 0; ``np.inf`` for none. Focal losses are smaller than
        cross-entropy, so the same C penalises more as gamma grows: tune both together.
    l1_ratio : float in [0, 1], default=0.0
        Share of the L1 penalty: 0 is L2, 1 is L1, between is elastic net.
    fit_intercept : bool, default=True
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into alpha. "balanced" is the weighted
        ``n_samples / (n_classes * np.bincount(y))``.
    probability : {"posterior", "unweighted", "score"}, default="posterior"
        What :meth:`predict_proba` means. "posterior": the probability in the population as
        weighted by alpha, class_weight and sample_weight. "unweighted": without alpha and
        class_weight. "score": the sigmoid or softmax of the raw score, under-confident for
        ``gamma > 0``.
    class_prior : None, "uniform", dict or array-like of shape (n_classes,), default=None
        Shares of the classes in the population that predictions speak of: one of each class in
        the order of ``classes_``, or by label (dict or pandas Series), positive and of sum 1.
        "uniform" gives all classes the same share. None is the population of the training, in the
        sense of ``probability``. Otherwise the "unweighted" posterior is multiplied with prior
        over :attr:`class_share_` and normalised, whether ``probability`` is "posterior" or
        "unweighted"; "score" is refused. Exact if the populations differ in these shares only,
        as where rows of a class were dropped at random. May be set after ``fit``.
    solver : {"auto", "lbfgs", "prox-newton"}, default="auto"
        L-BFGS, or proximal Newton, which alone takes an L1 penalty. "auto" is prox-newton for
        ``l1_ratio > 0`` and lbfgs otherwise.
    tol : float, default=1e-4
        Largest component of the gradient at which to stop, relative to the gradient at the
        model without features.
    max_iter : int, default=100
        Iterations after which to stop with a ConvergenceWarning.
    warm_start : bool, default=False
        Whether to start from the coefficients of the last fit.
    n_jobs : int or None, default=None
        Threads for passes over dense X; ``-1`` means all cores. ``None`` means what
        ``joblib.parallel_config`` says, else as many as OpenMP would use. BLAS uses one thread
        meanwhile.
    verbose : int, default=0
        Print the objective every so many iterations.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
    intercept_ : ndarray of shape (1,) or (n_classes,)
    classes_ : ndarray of shape (n_classes,)
    class_share_ : ndarray of shape (n_classes,)
        Share of each class in the weight of the training rows: by sample_weight, without alpha
        and class_weight (but 0 for a class of weight 0).
    loss_ : BinaryFocalLoss or MulticlassFocalLoss
    n_iter_ : ndarray of shape (1,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where the columns of X have names.

    See Also
    --------
    FocalLGBMClassifier : Boosted trees under the same loss.

    Notes
    -----
    Under ``sklearn.config_context(array_api_dispatch=True)`` and without an L1 penalty, X may be
    an array of any library that scikit-learn (1.9 or later) dispatches on, such as PyTorch or
    CuPy. Passes over X are computed on its device in its dtype. ``coef_``, ``intercept_``,
    ``class_share_``, ``n_iter_`` and predictions are arrays of X's library, ``classes_`` of y's.

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

    In a population where the second class is rarer:

    >>> rarer = model.set_params(class_prior={0: 0.99, 1: 0.01})
    >>> rarer.predict_proba(X).shape
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
            float32 and float64 are used as they are; sparse X is never made dense.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        self : FocalLogisticRegression

        Raises
        ------
        ValueError
            If a parameter or an input is out of range.
        TypeError
            If an input is of the wrong kind.

        Warns
        -----
        ConvergenceWarning
            If the optimality conditions do not hold to ``tol`` when the solver stops by itself.
        """
        progress = Progress(self, X, y, sample_weight, step="iteration", max_steps=self.max_iter)
        self._forget()
        l1, l2, scale = self._penalty()
        solver = self._choose_solver(l1)
        self._check_namespace(X, solver)
        X = self._check_features(X, reset=True)
        check_consistent_length(X, y)
        classes, codes = encode_labels(to_numpy(y))
        sample_weight = without_silenced_classes(
            check_weight(to_numpy(sample_weight), codes), codes, silenced_classes(self, classes)
        )
        loss = build_loss(self, classes, codes, sample_weight)
        share = class_shares(codes, sample_weight, len(classes))
        prediction_loss(self, loss, classes, share)  # refuses a class_prior that does not fit
        penalty = {"scale": scale, "l2": l2, "fit_intercept": self.fit_intercept}
        objective = LinearObjective(loss, X, codes, sample_weight, n_jobs=self.n_jobs, **penalty)
        null = self._null_model(loss, X.shape[1], codes, sample_weight)
        labels = {"classes_": move_like(classes, y, namespace(y))}
        labels["class_share_"] = as_like(share, X, objective.xp)
        return self._solve(
            objective, null, solver, l1, self._start(classes, null), labels, progress
        )

    def raw_predict(self, X):
        """Linear score ``X @ coef_.T + intercept_`` on which the loss was minimised.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        raw_prediction : ndarray of shape (n_samples,) or (n_samples, n_classes)
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
                f"X must hold smaller numbers: scores overflow {raw_prediction.dtype}."
            )
        return raw_prediction[:, 0] if self.loss_.n_classes == 2 else raw_prediction

    def sparsify(self):
        """Store ``coef_`` as a sparse matrix, which saves memory if an L1 penalty made most zero.

        Returns
        -------
        self : FocalLogisticRegression
        """
        check_is_fitted(self)
        self.coef_ = sparse.csr_matrix(self.coef_)
        return self

    def densify(self):
        """Store ``coef_`` as an array again, as after ``fit``.

        Returns
        -------
        self : FocalLogisticRegression
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
        """Refuse arrays of other libraries where they are to meet code for NumPy's alone."""
        if namespace(X) is not np and solver == "prox-newton":
            raise ValueError(
                f"An L1 penalty needs NumPy arrays, got X of {namespace(X).__name__}: "
                "set l1_ratio=0 or pass NumPy arrays."
            )

    def _penalty(self):
        """Factors of the L1 norm, of half the squared L2 norm and of the loss."""
        if np.isinf(self.C):
            return 0.0, 0.0, 1.0
        return float(self.l1_ratio), 1.0 - self.l1_ratio, float(self.C)

    def _choose_solver(self, l1):
        if self.solver == "auto":
            return "prox-newton" if l1 > 0 else "lbfgs"
        if (l1 > 0) != (self.solver == "prox-newton"):
            raise ValueError(
                f"solver={self.solver!r} does not fit l1_ratio={self.l1_ratio} and C={self.C}: "
                "use 'prox-newton' with an L1 penalty, 'lbfgs' without, or 'auto'."
            )
        return self.solver

    def _solve(self, objective, null, solver, l1, start, labels, progress):
        """Minimise the objective, warn unless that converged, and be fitted."""

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
            warnings.warn(
                f"{solver} stopped after {n_iter} iterations with optimality violated "
                f"{violation:.2g} times as much as tol={self.tol} allows. Scale the features or "
                f"raise max_iter={self.max_iter}.",
                ConvergenceWarning,
                stacklevel=4,  # beyond fit and what scikit-learn wraps it in
            )
        vars(self).update(fitted(coef, n_iter))
        progress.end()
        return self

    def _null_model(self, loss, n_features, codes, sample_weight):
        """Flat coefficients of the best model without features."""
        null = np.zeros((n_features + self.fit_intercept, loss._n_outputs))
        if self.fit_intercept:
            start = loss.fit_intercept_only(codes, sample_weight)
            null[-1] = start - np.mean(start) if np.ndim(start) else start
        return null.ravel()

    def _start(self, classes, null):
        """Flat coefficients to start from: those of the last fit where they can serve."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return null
        last = to_numpy(self._dense_coef()).T
        if self.fit_intercept:
            last = np.vstack([last, to_numpy(self.intercept_)])
        if last.size != null.size or not np.array_equal(to_numpy(self.classes_), classes):
            return null
        return last.ravel().astype(np.float64)

    def _fitted_arrays(self, objective, coef, n_iter):
        """``coef_``, ``intercept_`` and ``n_iter_`` as scikit-learn has them: arrays like X."""
        X, xp, n_features = objective.template, objective.xp, objective.n_features
        columns = coef.reshape(objective.shape[0], -1).copy()
        if columns.shape[1] > 1:  # scores are free up to a common shift: L2 is least at sum 0
            first_free = n_features if self._penalty()[0] > 0 else 0
            columns[first_free:] -= columns[first_free:].mean(axis=1, keepdims=True)
        intercept = columns[-1] if self.fit_intercept else np.zeros(columns.shape[1])
        return {
            "coef_": as_like(np.ascontiguousarray(columns[:n_features].T), X, xp),
            "intercept_": as_like(intercept.copy(), X, xp),
            "n_iter_": move_like(np.array([n_iter], dtype=np.int32), X, xp),
        }
