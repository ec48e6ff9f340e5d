"""LightGBM trees trained with the focal loss."""

import warnings
from copy import copy
from numbers import Integral, Real

import lightgbm
import numpy as np
from sklearn.utils import check_random_state
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
from skfocal.estimators._boosting import (
    FIXED_PARAMS,
    constant_start,
    objective_params,
    train_booster,
)
from skfocal.estimators._continuation import check_init_model, read_init_model
from skfocal.estimators._evaluation import (
    check_callbacks,
    check_eval_metric,
    check_metrics_defined,
    evaluation_metrics,
    name_training_rows,
    refuse_equal_names,
    split_names,
    stop_early,
)
from skfocal.estimators._holdout import hold_out
from skfocal.estimators._inputs import dataset_features, lightgbm_input
from skfocal.estimators._lgbm_params import (
    TREE_PARAMS,
    check_column_params,
    check_lgbm_params,
    explain_unknown_parameters,
)
from skfocal.estimators._native import to_native
from skfocal.estimators._prior import class_shares, prediction_loss
from skfocal.estimators._progress import Progress, log_training
from skfocal.estimators._rows import (
    Rows,
    check_init_score,
    evaluation_names,
    evaluation_rows,
)
from skfocal.objectives import FocalMetric
from skfocal.objectives._blocks import n_threads
from skfocal.objectives._lightgbm import CURVATURES


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
        both; no tree raises the training loss with ``learning_rate <= 0.2`` and full batches.
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
    boosting_type : {"gbdt", "dart", "goss"}, default="gbdt"
    num_leaves : int, default=31
    max_depth : int, default=-1
    learning_rate : float or "auto", default="auto"
        "auto" is ``max(0.04, sqrt(n_samples / 1e7))``, so that it grows from 16,000 rows on, times
        ``300 / n_estimators`` if you ask for fewer rounds than 300, and at most 0.2.
    n_estimators : int, default=300
    subsample_for_bin : int, default=200000
    min_split_gain : float, default=0.0
    min_child_weight : float, default=1e-3
    min_child_samples : int, default=20
    subsample : float, default=0.7
        Not used with "goss", which samples rows in its own way.
    subsample_freq : int, default=1
    colsample_bytree : float, default=0.7
    reg_alpha : float, default=0.0
    reg_lambda : float, default=0.5
        As in ``lightgbm.LGBMClassifier``, with defaults that were measured to be better untuned.
        ``min_child_weight``, ``reg_alpha``, ``reg_lambda`` and ``min_split_gain`` mean the same at
        every gamma: gradients are scaled so that the trees start from cross-entropy's curvature.
    importance_type : {"split", "gain"}, default="split"
        Kind of :attr:`feature_importances_`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into alpha. "balanced" is the weighted
        ``n_samples / (n_classes * np.bincount(y))``.
    early_stopping : bool, default=False
        Whether to stop when the focal loss (or the first ``eval_metric``) of the first evaluation
        set other than the training rows, or else of held-out rows, has not improved for
        ``n_iter_no_change`` rounds.
    validation_fraction : float in (0, 1), default=0.1
        Share of each class's rows to hold out if ``fit`` gets no evaluation set; at least one row
        of each class that has two or more rows with positive weight.
    n_iter_no_change : int, default=10
    early_stopping_min_delta : float, default=0.0
        Least change of the metric that counts as an improvement.
    random_state : int, RandomState or None, default=None
        Seed of LightGBM and of the held-out rows.
    n_jobs : int or None, default=None
        Threads; ``-1`` means all cores. ``None`` means what ``joblib.parallel_config`` says, else
        as many as OpenMP would use.
    verbose : int, default=0
        Print the evaluation metrics, without an evaluation set the training rows' focal loss,
        every so many rounds; 0 and LightGBM's -1 print nothing.
    lgbm_params : dict or None, default=None
        Parameters for which LightGBM has no scikit-learn name, such as ``max_bin``.

    Attributes
    ----------
    booster_ : lightgbm.Booster
        The trees as trained. Their raw score lacks the constant :attr:`start_`.
    classes_ : ndarray of shape (n_classes,)
    class_share_ : ndarray of shape (n_classes,)
        Share of each class in the weight of the training rows: by sample_weight, without alpha
        and class_weight (but 0 for a class of weight 0), and without rows held out.
    loss_ : BinaryFocalLoss or MulticlassFocalLoss
    start_ : float or ndarray of shape (n_classes,)
        Constant start of least loss, which :meth:`raw_predict` adds to the trees.
    learning_rate_ : float
        Learning rate of the trees.
    best_iteration_ : int
        Rounds that predictions use by default.
    n_iter_, n_estimators_ : int
        Rounds that the model holds, as in ``LGBMClassifier``.
    evals_result_ : dict
        Metrics per evaluation set and round.
    best_score_ : dict
        Metrics per evaluation set at the best round.
    feature_importances_ : ndarray of shape (n_features,)
    feature_name_ : list of str
        Names of the features in ``booster_``.
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
    >>> model = FocalLGBMClassifier().fit(X, y)
    >>> model.predict_proba(X).shape
    (500, 2)

    In a population where the second class is rarer:

    >>> rarer = model.set_params(class_prior={0: 0.99, 1: 0.01})
    >>> rarer.predict_proba(X).shape
    (500, 2)
    """

    _parameter_constraints: dict = {
        **FocalClassifier._parameter_constraints,
        "curvature": [StrOptions(set(CURVATURES))],
        "boosting_type": [StrOptions({"gbdt", "dart", "goss"})],
        "num_leaves": [Interval(Integral, 2, None, closed="left")],
        "max_depth": [Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
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
        "early_stopping_min_delta": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "n_jobs": N_JOBS,
        "verbose": [Interval(Integral, -1, None, closed="left"), "boolean"],
        "lgbm_params": [dict, None],
    }

    @explain_unknown_parameters
    def __init__(
        self,
        gamma=1.0,
        *,
        alpha=None,
        curvature="geometric",
        probability="posterior",
        class_prior=None,
        boosting_type="gbdt",
        num_leaves=31,
        max_depth=-1,
        learning_rate="auto",
        n_estimators=300,
        subsample_for_bin=200000,
        min_split_gain=0.0,
        min_child_weight=1e-3,
        min_child_samples=20,
        subsample=0.7,
        subsample_freq=1,
        colsample_bytree=0.7,
        reg_alpha=0.0,
        reg_lambda=0.5,
        importance_type="split",
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        early_stopping_min_delta=0.0,
        random_state=None,
        n_jobs=None,
        verbose=0,
        lgbm_params=None,
    ):
        self.gamma = gamma
        self.alpha = alpha
        self.curvature = curvature
        self.probability = probability
        self.class_prior = class_prior
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
        self.early_stopping_min_delta = early_stopping_min_delta
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
        eval_class_weight=None,
        eval_init_score=None,
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
            Features of evaluation sets. The training rows may be one of them: early stopping
            does not watch them.
        eval_y : array-like or tuple of those, default=None
            Their labels, of the same kind as y.
        eval_names : list of str, default=None
            Their names; ``valid_0``, ``valid_1``, ... by default.
        eval_sample_weight : array-like or list of those, default=None
            Their weights; None in a list means no weights.
        eval_class_weight : dict, "balanced" or list of those, default=None
            Class weights of each set, multiplied into ``eval_sample_weight``. Must be None if the
            parameter ``class_weight`` is set, which the focal loss of each set includes.
        eval_init_score : array-like or list of those, default=None
            Scores that the sets start from; required with ``init_score``.
        eval_metric : str, callable or list of those, default=None
            Metrics of the evaluation sets. "focal_loss" comes last unless it is in the list.
            Others are "auc", "average_precision", "logloss", "error", LightGBM's names of the last
            two ("binary_logloss", "multi_logloss", "binary_error", "multi_error"), or a callable
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
        self._check_combinations(eval_class_weight, init_model, init_score)
        progress = Progress(
            self, X, y, sample_weight, step="boosting-round", max_steps=self.n_estimators
        )
        params = self._train_params()
        metrics = check_eval_metric(eval_metric, has_rows=self.early_stopping or eval_X is not None)
        callbacks = check_callbacks(callbacks)
        init_model = copy(self) if init_model is self else init_model
        self._forget()

        first = read_init_model(init_model, X)
        X = lightgbm_input(
            self,
            X,
            reset=True,
            categories=first.categories,
            categorical_feature=categorical_feature,
        )
        check_column_params(self.lgbm_params or {}, self)
        classes, train = self._training_rows(X, y, sample_weight, init_score)
        loss = build_loss(self, classes, train.y, train.weight)
        check_init_model(first, self, classes, loss)
        evaluation = evaluation_rows(
            self,
            classes,
            train.init_score,
            eval_X=eval_X,
            eval_y=eval_y,
            eval_sample_weight=eval_sample_weight,
            eval_class_weight=eval_class_weight,
            eval_init_score=eval_init_score,
        )
        if self.early_stopping and not evaluation:
            train, *evaluation = hold_out(
                train, self.validation_fraction, self.random_state, classes
            )
        names = evaluation_names(eval_names, len(evaluation))
        others, training = split_names(train, evaluation, names)
        check_metrics_defined(metrics, evaluation, names, classes)

        start = constant_start(loss, train, first)
        share = class_shares(train.y, train.weight, len(classes))
        params["learning_rate"] = self._learning_rate(train.n_weighted)
        fitted = {"classes_": classes, "class_share_": share, "loss_": loss, "start_": start}
        fitted |= {"learning_rate_": params["learning_rate"], "evals_result_": {}}
        features = dataset_features(self)
        feval = self._metrics(metrics, loss, start, prediction_loss(self, loss, classes, share))
        train_set = train.usable().dataset(params, features)
        booster = train_booster(
            params | objective_params(loss, start, train, self.curvature),
            train_set,
            num_boost_round=self.n_estimators,
            valid_sets=[rows.dataset(params, features, reference=train_set) for rows in evaluation],
            valid_names=names,
            feval=feval,
            callbacks=[
                *callbacks,
                refuse_equal_names(),
                lightgbm.record_evaluation(fitted["evals_result_"]),
                *self._printing(None if evaluation else feval[-1]),
                name_training_rows(training, others),
                *self._stopping(others),
                *progress.boosting_callbacks(fitted),
            ],
            init_model=first.booster,
        )
        booster.pandas_categorical = list(self._categories.values()) or None
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
        return raw_prediction + self.start_ if start_iteration <= 0 else raw_prediction

    def to_lightgbm(self, *, probability=None):
        """Model that any LightGBM runtime reads, with the start inside its trees.

        Its ``predict(X, raw_score=True)`` is :meth:`raw_predict`. Its ``predict(X)`` is the
        "score" probability, whatever the estimator's ``probability``; :attr:`loss_` turns raw
        scores into the other probabilities, those without ``class_prior``.

        Parameters
        ----------
        probability : {"score"} or None, default=None
            "score" states that the score probability is what you want. None warns if it differs
            from :meth:`predict_proba`.

        Returns
        -------
        booster : lightgbm.Booster
            Of objective "binary" or "multiclass", independent of this estimator.

        Raises
        ------
        ValueError
            If ``probability`` is neither, or if the installed LightGBM writes models in a version
            that this skfocal does not know.

        Warns
        -----
        UserWarning
            If ``probability`` is None and the booster's ``predict`` is not :meth:`predict_proba`.
        """
        check_is_fitted(self)
        if probability not in ("score", None):
            raise ValueError(
                f"probability must be 'score' or None, got {probability!r}: LightGBM cannot "
                "compute another one. loss_.predict_proba does, from raw scores."
            )
        if probability is None and not self._predicts_score():
            prior = "" if self.class_prior is None else " The former leaves class_prior out."
            warnings.warn(
                "The booster's predict returns the 'score' probability, not predict_proba: for the "
                f"{self.probability!r} probability, use loss_.predict_proba(booster.predict(X, "
                f"raw_score=True), {self.probability!r}), or pass probability='score' to "
                f"to_lightgbm if you want the score.{prior}",
                stacklevel=2,
            )
        return to_native(self.booster_, self.start_, len(self.classes_))

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
        """Probabilities of the classes, by the parameters ``probability`` and ``class_prior``.

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

    @property
    def feature_name_(self):
        """Names of the features in :attr:`booster_`, as LightGBM spells them."""
        check_is_fitted(self)
        return self.booster_.feature_name()

    @property
    def best_score_(self):
        """Metrics of each evaluation set at the round that predictions use by default."""
        check_is_fitted(self)
        return self.booster_.best_score

    @property
    def n_iter_(self):
        """Number of boosting rounds that the model holds, those of ``init_model`` included."""
        check_is_fitted(self)
        return self.booster_.current_iteration()

    @property
    def n_estimators_(self):
        """The same as :attr:`n_iter_`, under LightGBM's other name for it."""
        return self.n_iter_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def _predicts_score(self):
        """Whether :meth:`predict_proba` is the sigmoid or softmax of the raw score.

        Compared on a few scores, so that whatever changes the probabilities counts.
        """
        scores = np.linspace(-1, 1, self.loss_.n_classes)
        rows = scores if self.loss_.n_classes == 2 else scores[np.newaxis]
        return np.allclose(self._probabilities(rows), self.loss_.predict_proba(rows, "score"))

    def _train_params(self):
        """LightGBM's parameters, all but the objective."""
        params = check_lgbm_params(self.lgbm_params) | FIXED_PARAMS
        params |= {name: getattr(self, name) for name in TREE_PARAMS}
        if "goss" in (self.boosting_type, params.get("data_sample_strategy")):
            params["subsample_freq"] = 0  # LightGBM refuses to sample rows in two ways
        params |= {"num_threads": self._num_threads(), "verbosity": -1}
        if self.random_state is not None:
            params["seed"] = self._seed()
        return params

    def _learning_rate(self, n_rows):
        """The learning rate; "auto" takes longer steps where more rows inform each leaf."""
        if self.learning_rate != "auto":
            return self.learning_rate
        at_300_rounds = max(0.04, np.sqrt(n_rows / 1e7))
        return float(min(0.2, at_300_rounds * max(1, 300 / self.n_estimators)))

    def _num_threads(self):
        return n_threads(self.n_jobs)

    def _seed(self):
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _check_combinations(self, eval_class_weight, init_model, init_score):
        """Raise ``ValueError`` for settings that LightGBM would ignore or count twice."""
        if init_model is not None and init_score is not None:
            raise ValueError(
                "init_model and init_score must not be given together: init_model brings its own "
                "start. Pass one of them."
            )
        if self.early_stopping and self.boosting_type == "dart":
            raise ValueError(
                "early_stopping must be False for boosting_type='dart', which changes earlier "
                "trees: the best round cannot be restored."
            )
        if eval_class_weight is not None and self.class_weight is not None:
            raise ValueError(
                "eval_class_weight must be None if class_weight is set: the focal loss of "
                "evaluation sets has its factors already. Pass eval_sample_weight for others."
            )

    def _training_rows(self, X, y, sample_weight, init_score):
        """Classes, and rows whose weights include classes of weight 0."""
        check_consistent_length(X, y)
        classes, y = encode_labels(y)
        if init_score is not None:
            init_score = check_init_score(init_score, len(classes))
        weight = check_weight(sample_weight, X, dtype=np.float32)
        weight = without_silenced_classes(weight, y, silenced_classes(self, classes))
        return classes, Rows(X, y, weight, init_score)

    def _metrics(self, metrics, loss, start, prediction):
        """The metrics asked for, then the focal loss, as LightGBM's ``feval``.

        ``prediction`` is what :func:`prediction_loss` returns: metrics see ``predict_proba``.
        """
        to_proba_of, probability = prediction

        def to_proba(raw_prediction):
            return to_proba_of.predict_proba(raw_prediction + start, probability)

        focal = FocalMetric(loss.gamma, loss.alpha, n_classes=loss.n_classes, offset=start)
        return evaluation_metrics(metrics, focal, to_proba, loss.n_classes)

    def _printing(self, training_metric):
        """LightGBM's callbacks that print ``training_metric`` or, if None, all evaluations."""
        if self.verbose <= 0:
            return []
        if training_metric is not None:
            return [log_training(int(self.verbose), training_metric)]
        return [lightgbm.log_evaluation(int(self.verbose))]

    def _stopping(self, names):
        """LightGBM's callbacks that stop training early by the first of these evaluation sets."""
        if not self.early_stopping:
            return []
        if not names:
            raise ValueError(
                "early_stopping needs an evaluation set other than the training rows, got these "
                "only. Pass another one, or none to hold out rows."
            )
        return [stop_early(self.n_iter_no_change, self.early_stopping_min_delta, names[0])]
