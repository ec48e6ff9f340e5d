"""LightGBM trees trained with the focal loss."""

from copy import copy
from numbers import Integral, Real

import lightgbm
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skfocal.estimators._base import FocalClassifier, build_loss, check_weight, encode_labels
from skfocal.estimators._evaluation import (
    check_callbacks,
    check_eval_metric,
    probability_metric,
    stop_early,
)
from skfocal.estimators._frames import categories, lightgbm_input
from skfocal.estimators._lgbm_params import OWN, check_lgbm_params
from skfocal.estimators._native import read_native, to_native
from skfocal.estimators._progress import Progress, log_training
from skfocal.estimators._rows import (
    Rows,
    check_init_score,
    evaluation_names,
    evaluation_rows,
    feature_arguments,
    hold_out,
)
from skfocal.objectives import FocalMetric, FocalObjective
from skfocal.objectives._blocks import n_threads
from skfocal.objectives._lightgbm import CURVATURES, curvature_scale

# Constant or tiny data without a usable feature end in an error otherwise (LightGBM #5667).
FIXED_PARAMS = {"metric": "None", "feature_pre_filter": False}


class FocalLGBMClassifier(FocalClassifier):
    """Gradient boosted trees of LightGBM that minimise the focal loss.

    Parameters
    ----------
    gamma : float or array-like of shape (n_classes,), default=1.0
        Focusing exponent from 0 to 100, of all classes or of each in the order of ``classes_``.
        0 is cross-entropy; values above 2 seldom pay.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factors of the classes' losses. Binary, a float ``a`` means ``(1 - a, a)``, so 0.25
        *down*-weights the positives.
    curvature : {"geometric", "majorant", "newton"}, default="geometric"
        Second-order term of the trees. "majorant": ``1 + max(gamma)`` times the gradient's size
        (twice that for several classes); with ``learning_rate <= 1`` and full batches no tree
        raises the training loss. "newton": the positive part of the exact Hessian; at
        ``gamma=0`` the trees are those of ``LGBMClassifier``. "geometric": the geometric mean of
        both; no tree raises the training loss with ``learning_rate <= 0.1`` and full batches.
    probability : {"posterior", "unweighted", "score"}, default="posterior"
        What :meth:`predict_proba` means. "posterior": the probability in the population as
        weighted by alpha, class_weight and sample_weight. "unweighted": without alpha and
        class_weight. "score": the sigmoid or softmax of the raw score, under-confident for
        ``gamma > 0``.
    boosting_type : {"gbdt", "dart", "goss"}, default="gbdt"
    num_leaves : int, default=31
    max_depth : int, default=-1
    learning_rate : float, default=0.1
    n_estimators : int, default=100
    subsample_for_bin : int, default=200000
    min_split_gain : float, default=0.0
    min_child_weight : float, default=1e-3
    min_child_samples : int, default=20
    subsample : float, default=1.0
    subsample_freq : int, default=0
    colsample_bytree : float, default=1.0
    reg_alpha : float, default=0.0
    reg_lambda : float, default=0.0
        As in ``lightgbm.LGBMClassifier``. ``min_child_weight``, ``reg_alpha``, ``reg_lambda`` and
        ``min_split_gain`` mean the same at every gamma: gradients are scaled so that the trees
        start from cross-entropy's curvature.
    importance_type : {"split", "gain"}, default="split"
        Kind of :attr:`feature_importances_`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into alpha. "balanced" is the weighted
        ``n_samples / (n_classes * np.bincount(y))``.
    early_stopping : bool, default=False
        Whether to stop when the focal loss (or the first ``eval_metric``) of the first
        evaluation set, or else of held-out rows, has not improved for ``n_iter_no_change``
        rounds.
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows to hold out, stratified, where ``fit`` gets no evaluation set.
    n_iter_no_change : int, default=10
    random_state : int, RandomState or None, default=None
        Seed of LightGBM and of the held-out rows.
    n_jobs : int or None, default=None
        Threads; ``None`` means as many as OpenMP would use, which respects joblib's limits.
    verbose : int, default=0
        Print the evaluation metrics, without an evaluation set the training rows' focal loss,
        every so many rounds; 0 and LightGBM's -1 print nothing.
    lgbm_params : dict or None, default=None
        Parameters for which LightGBM has no scikit-learn name, such as ``max_bin``.

    Attributes
    ----------
    booster_ : lightgbm.Booster
        The trees as trained. Their raw score lacks the constant start that
        :meth:`raw_predict` adds.
    classes_ : ndarray of shape (n_classes,)
    loss_ : BinaryFocalLoss or MulticlassFocalLoss
    best_iteration_ : int
        Rounds that predictions use by default.
    evals_result_ : dict
        Metrics per evaluation set and round.
    feature_importances_ : ndarray of shape (n_features,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where the columns of X have names.

    See Also
    --------
    FocalLogisticRegression : A linear model under the same loss.

    Notes
    -----
    As LightGBM bins and counts rows, a row of weight 2 is not quite the same as the row twice.

    References
    ----------
    Lin et al., Focal loss for dense object detection, ICCV 2017.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skfocal import FocalLGBMClassifier
    >>> X, y = make_classification(n_samples=500, weights=[0.9], random_state=0)
    >>> model = FocalLGBMClassifier(gamma=1.0, n_estimators=20).fit(X, y)
    >>> model.predict_proba(X).shape
    (500, 2)
    """

    _parameter_constraints: dict = {
        **FocalClassifier._parameter_constraints,
        "curvature": [StrOptions(set(CURVATURES))],
        "boosting_type": [StrOptions({"gbdt", "dart", "goss"})],
        "num_leaves": [Interval(Integral, 2, None, closed="left")],
        "max_depth": [Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "subsample_for_bin": [Interval(Integral, 1, None, closed="left")],
        "min_split_gain": [Interval(Real, 0, None, closed="left")],
        "min_child_weight": [Interval(Real, 0, None, closed="left")],
        "min_child_samples": [Interval(Integral, 0, None, closed="left")],
        "subsample": [Interval(Real, 0, 1, closed="right")],
        "subsample_freq": [Integral],
        "colsample_bytree": [Interval(Real, 0, 1, closed="right")],
        "reg_alpha": [Interval(Real, 0, None, closed="left")],
        "reg_lambda": [Interval(Real, 0, None, closed="left")],
        "importance_type": [StrOptions({"split", "gain"})],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": [None, Integral],
        "verbose": [Interval(Integral, -1, None, closed="left"), "boolean"],
        "lgbm_params": [dict, None],
    }

    def __init__(
        self,
        gamma=1.0,
        *,
        alpha=None,
        curvature="geometric",
        probability="posterior",
        boosting_type="gbdt",
        num_leaves=31,
        max_depth=-1,
        learning_rate=0.1,
        n_estimators=100,
        subsample_for_bin=200000,
        min_split_gain=0.0,
        min_child_weight=1e-3,
        min_child_samples=20,
        subsample=1.0,
        subsample_freq=0,
        colsample_bytree=1.0,
        reg_alpha=0.0,
        reg_lambda=0.0,
        importance_type="split",
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        random_state=None,
        n_jobs=None,
        verbose=0,
        lgbm_params=None,
    ):
        self.gamma = gamma
        self.alpha = alpha
        self.curvature = curvature
        self.probability = probability
        self.boosting_type = boosting_type
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.n_estimators = n_estimators
        self.subsample_for_bin = subsample_for_bin
        self.min_split_gain = min_split_gain
        self.min_child_weight = min_child_weight
        self.min_child_samples = min_child_samples
        self.subsample = subsample
        self.subsample_freq = subsample_freq
        self.colsample_bytree = colsample_bytree
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.importance_type = importance_type
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.lgbm_params = lgbm_params

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        init_score=None,
        eval_X=None,
        eval_y=None,
        eval_names=None,
        eval_sample_weight=None,
        eval_metric=None,
        categorical_feature="auto",
        callbacks=None,
        init_model=None,
        eval_set=None,
    ):
        """Fit the trees.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            NaN means missing. Categorical columns of pandas and polars frames are used as such.
        y : array-like of shape (n_samples,)
            Labels of any type.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        init_score : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Scores to start from instead of the constant of least loss. As in LightGBM,
            predictions do not add them.
        eval_X : {array-like, sparse matrix, dataframe} or tuple of those, default=None
            Features of evaluation sets.
        eval_y : array-like or tuple of those, default=None
            Their labels, of the same kind as y.
        eval_names : list of str, default=None
            Their names; ``valid_0``, ``valid_1``, ... by default.
        eval_sample_weight : array-like or list of those, default=None
            Their weights.
        eval_metric : str, callable or list of those, default=None
            Metrics of the evaluation sets besides the focal loss: "auc", "average_precision",
            "binary_logloss", "multi_logloss", "binary_error", "multi_error", or a callable
            ``(y_true, proba)`` or ``(y_true, proba, weight)`` that returns
            ``(name, value, is_higher_better)``, where y_true holds class indices and proba is
            the probability of class 1 or, multiclass, of every class.
        categorical_feature : "auto" or list of int or str, default="auto"
            As in LightGBM.
        callbacks : list of callable, default=None
            LightGBM's callbacks.
        init_model : FocalLGBMClassifier, lightgbm.Booster, str or Path, default=None
            Fitted model whose trees and start to go on from, also as :meth:`to_lightgbm` gives it
            or as the file it was saved to. X must have its features and their categories.
        eval_set : None
            Not supported: use ``eval_X`` and ``eval_y``.

        Returns
        -------
        self : FocalLGBMClassifier

        Raises
        ------
        ValueError
            If a parameter or an input is out of range.
        TypeError
            If ``eval_set`` is given, or an argument is of the wrong kind.
        """
        if eval_set is not None:
            raise TypeError("eval_set is not supported: pass eval_X and eval_y instead.")
        progress = Progress(
            self, X, y, sample_weight, step="boosting-round", max_steps=self.n_estimators
        )
        params = self._train_params()
        metrics, callbacks = check_eval_metric(eval_metric), check_callbacks(callbacks)
        init_model = copy(self) if init_model is self else init_model
        self._forget()
        X = lightgbm_input(self, X, reset=True)
        classes, y = encode_labels(y)
        if init_score is not None:
            init_score = check_init_score(init_score, len(classes))
        train = Rows(X, y, check_weight(sample_weight, X, dtype=np.float32), init_score)
        evaluation = evaluation_rows(self, eval_X, eval_y, eval_sample_weight, classes)
        features = feature_arguments(self, categorical_feature)
        init_booster, start = self._check_init_model(init_model, classes, X)
        loss = build_loss(self, classes, y, train.weight)
        if self.early_stopping and not evaluation:
            train, evaluation = hold_out(train, self.validation_fraction, self.random_state)
        names = evaluation_names(eval_names, len(evaluation))
        if start is None:
            start = loss.fit_intercept_only(train.y, train.weight) if init_score is None else 0.0

        fitted = {"classes_": classes, "loss_": loss, "_start": start, "evals_result_": {}}
        train_set, feval = train.dataset(params, features), self._metrics(loss, start, metrics)
        booster = _train(
            params | self._objective_params(loss, start, train),
            train_set,
            num_boost_round=self.n_estimators,
            valid_sets=[rows.dataset(params, features, reference=train_set) for rows in evaluation],
            valid_names=names,
            feval=feval,
            callbacks=[
                *callbacks,
                *self._callbacks(fitted["evals_result_"], None if evaluation else feval[-1]),
                *progress.boosting_callbacks(fitted),
            ],
            init_model=init_booster,
        )
        fitted["booster_"] = booster
        fitted["best_iteration_"] = booster.best_iteration or booster.current_iteration()
        vars(self).update(fitted)
        progress.end()
        return self

    def raw_predict(self, X, *, start_iteration=0, num_iteration=None):
        """Raw score on which the loss was minimised: the trees' sum plus the constant start.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        start_iteration : int, default=0
            First boosting round to use; the constant start goes with round 0.
        num_iteration : int or None, default=None
            Rounds to use; ``None`` is :attr:`best_iteration_` from round 0 on, all where <= 0.

        Returns
        -------
        raw_prediction : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        X = lightgbm_input(self, X, reset=False)
        raw_prediction = self.booster_.predict(
            X,
            raw_score=True,
            start_iteration=start_iteration,
            num_iteration=num_iteration,
            num_threads=self._num_threads(),
        )
        return raw_prediction + self._start if start_iteration <= 0 else raw_prediction

    def to_lightgbm(self):
        """Model that any LightGBM runtime reads, with the start inside its trees.

        ``predict(X, raw_score=True)`` of it is :meth:`raw_predict`, ``predict(X)`` the "score"
        probability; :attr:`loss_` turns raw scores into the other probabilities.

        Returns
        -------
        booster : lightgbm.Booster
            Of objective "binary" or "multiclass", independent of this estimator.

        Raises
        ------
        ValueError
            If the installed LightGBM writes models in a version that this skfocal does not know.
        """
        check_is_fitted(self)
        return to_native(self.booster_, self._start, len(self.classes_))

    def predict(self, X, *, start_iteration=0, num_iteration=None):
        """Most probable class of each row; parameters as in :meth:`raw_predict`.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        return self._most_probable(
            self.raw_predict(X, start_iteration=start_iteration, num_iteration=num_iteration)
        )

    def predict_proba(self, X, *, start_iteration=0, num_iteration=None):
        """Probabilities of the classes, in the sense of the parameter ``probability``.

        Parameters are those of :meth:`raw_predict`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._probabilities(
            self.raw_predict(X, start_iteration=start_iteration, num_iteration=num_iteration)
        )

    @property
    def feature_importances_(self):
        """Number of splits or their total gain per feature, by ``importance_type``."""
        check_is_fitted(self)
        return self.booster_.feature_importance(importance_type=self.importance_type)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def _train_params(self):
        """LightGBM's parameters, all but the objective."""
        params = check_lgbm_params(self.lgbm_params) | FIXED_PARAMS
        own = set(OWN) - {"early_stopping", "n_estimators", "random_state", "n_jobs", "verbose"}
        params |= {name: getattr(self, name) for name in own}
        params |= {"num_threads": self._num_threads(), "verbosity": -1}
        if self.random_state is not None:
            params["seed"] = self._seed()
        return params

    def _num_threads(self):
        """LightGBM's 0 respects the limits that joblib sets in its workers."""
        return n_threads(self.n_jobs) if self.n_jobs else 0

    def _seed(self):
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _check_init_model(self, init_model, classes, X):
        """Trees to go on from and their start, or None twice."""
        if init_model is None:
            return None, None
        if isinstance(init_model, FocalLGBMClassifier):
            check_is_fitted(init_model)
            if not np.array_equal(init_model.classes_, classes):
                raise ValueError(
                    f"init_model was fitted to the classes {init_model.classes_.tolist()}, "
                    f"y holds {classes.tolist()}."
                )
            booster, start = init_model.booster_, init_model._start
        else:
            booster, start = read_native(init_model), 0.0  # the start is inside its trees
        n_scores = 1 if len(classes) == 2 else len(classes)
        for what, fitted, given in [
            ("features", booster.num_feature(), self.n_features_in_),
            ("scores per row", booster.num_model_per_iteration(), n_scores),
        ]:
            if fitted != given:
                raise ValueError(
                    f"init_model was fitted to {fitted} {what}, X and y ask for {given}."
                )
        own = categories(X)
        if list(own.values()) != (booster.pandas_categorical or []):
            raise ValueError(
                "init_model was fitted to other categories than X has, or in another order: pass "
                f"the columns {list(own)} of X with .cat.set_categories."
            )
        return booster, start

    def _objective_params(self, loss, start, train):
        objective = FocalObjective(
            loss.gamma,
            loss.alpha,
            n_classes=loss.n_classes,
            curvature=self.curvature,
            offset=start,
            scale=curvature_scale(loss, train.y, train.weight),
        )
        several = {"num_class": loss.n_classes} if loss.n_classes > 2 else {}
        return {"objective": objective, **several}

    def _metrics(self, loss, start, metrics):
        """The metrics asked for, then the focal loss, as LightGBM's ``feval``."""

        def to_proba(raw_prediction):
            return loss.predict_proba(raw_prediction + start, self.probability)

        focal = FocalMetric(loss.gamma, loss.alpha, n_classes=loss.n_classes, offset=start)
        return [*(probability_metric(metric, to_proba) for metric in metrics), focal]

    def _callbacks(self, evals_result, training_metric):
        """LightGBM's callbacks; ``training_metric`` is to be printed, None with evaluation sets."""
        callbacks = [lightgbm.record_evaluation(evals_result)]
        if self.verbose > 0 and training_metric:
            callbacks.append(log_training(int(self.verbose), training_metric))
        elif self.verbose > 0:
            callbacks.append(lightgbm.log_evaluation(int(self.verbose)))
        if self.early_stopping:
            callbacks.append(stop_early(self.n_iter_no_change))
        return callbacks


def _train(params, train_set, **arguments):
    """``lightgbm.train``, with clear errors for failures that data or parameters cause."""
    try:
        booster = lightgbm.train(params, train_set, **arguments)
    except lightgbm.basic.LightGBMError as error:
        if "num_features" in str(error):
            raise ValueError(
                "X must hold a value other than zero, got none: LightGBM does not train on such X "
                "under a custom objective."
            ) from error
        if "_count" not in str(error):
            raise ValueError(f"LightGBM refuses the data or the parameters: {error}") from error
        raise ValueError(
            "LightGBM made an empty leaf (its issue #4739): raise min_child_samples or "
            f"min_child_weight. {error}"
        ) from error
    if not np.all(np.isfinite([booster.lower_bound(), booster.upper_bound()])):
        raise ValueError("LightGBM made a leaf of infinite value: raise min_child_weight.")
    return booster
