"""Gradient boosted trees trained with the focal loss."""

import warnings
from copy import copy
from numbers import Integral, Real

import lightgbm
import numpy as np
from sklearn.utils import check_random_state, check_scalar
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
from skfocal.estimators._boosting import (
    FIXED_PARAMS,
    constant_start,
    objective_params,
    train_booster,
    warn_about_small_weights,
)
from skfocal.estimators._continuation import check_init_model, read_init_model
from skfocal.estimators._evaluation import (
    check_callbacks,
    check_eval_metric,
    check_metrics_defined,
    check_unique_names,
    evaluation_metrics,
    name_training_rows,
    split_names,
    stop_early,
)
from skfocal.estimators._holdout import hold_out
from skfocal.estimators._inputs import dataset_features, lightgbm_input
from skfocal.estimators._lgbm_params import (
    TREE_PARAMS,
    check_column_params,
    check_lgbm_params,
    hint_at_lightgbm_keywords,
)
from skfocal.estimators._native import to_native
from skfocal.estimators._prior import class_shares, prediction_loss
from skfocal.estimators._progress import Progress, log_training
from skfocal.estimators._rows import (
    Rows,
    check_init_score,
    evaluation_names,
    evaluation_rows,
    evaluation_sets,
)
from skfocal.objectives import FocalMetric
from skfocal.objectives._blocks import n_threads
from skfocal.objectives._checks import check_option
from skfocal.objectives._lightgbm import CURVATURES


class FocalLGBMClassifier(FocalClassifier):
    """Gradient boosted trees (LightGBM) trained with the focal loss.

    The focal loss of a row is ``alpha * (1 - p)**gamma * -log(p)``, where p is the sigmoid or
    softmax probability of the row's true class.

    The parameters of the trees have the same names and meanings as in
    ``lightgbm.LGBMClassifier``. Some defaults differ, because in our benchmarks the values here
    gave better models without tuning.

    Parameters
    ----------
    gamma : float or array-like of shape (n_classes,), default=1.0
        Focusing parameter, between 0 and 100: one value, or one per class in the order of
        ``classes_`` or, in a pandas Series, by label. The larger it is, the less the loss depends
        on rows that are already classified well. 0 gives cross-entropy, and values above 2
        rarely help.
    alpha : None, float in (0, 1) or array-like of shape (n_classes,), default=None
        Factor that multiplies the loss of each class, in the order of ``classes_`` or, in a pandas
        Series, by label. None means 1 for every class. In binary problems, a float ``a`` means
        ``(1 - a, a)``, so 0.25 *down*-weights the positive class.
    curvature : {"geometric", "majorant", "newton"}, default="geometric"
        Second-order term that the trees use in place of the second derivative of the loss.

        - "geometric": geometric mean of the two terms below, but at least a fifth of "majorant".
          With ``learning_rate <= 0.2`` and without row sampling or dart, no tree increases the
          training loss.
        - "majorant": ``1 + max(gamma)`` times the absolute gradient (twice that for multiclass).
          With ``learning_rate <= 1`` and without row sampling or dart, no tree increases the
          training loss.
        - "newton": the exact second derivative, or its Gauss-Newton part if that is larger. At
          ``gamma=0``, the trees are those of ``LGBMClassifier`` with the same parameters.
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
    boosting_type : {"gbdt", "dart", "goss"}, default="gbdt"
        Gradient boosting, dropout boosting, or gradient-based one-side sampling.
    num_leaves : int, default=31
        Maximum number of leaves of a tree.
    max_depth : int, default=-1
        Maximum depth of a tree; no limit if <= 0.
    learning_rate : float or "auto", default="auto"
        Factor that multiplies the output of each tree. "auto" is
        ``max(0.04, sqrt(n_samples / 1e7))``, multiplied by ``300 / n_estimators`` if there are
        fewer than 300 rounds, and at most 0.2. Above 16,000 rows, it increases with the number of
        rows. ``n_samples`` counts the training rows with positive weight.
    n_estimators : int, default=300
        Number of boosting rounds.
    subsample_for_bin : int, default=200000
        Number of rows used to construct the bins of the features.
    min_split_gain : float, default=0.0
        Minimum gain of a split.
    min_child_weight : float, default=1e-3
        Minimum sum of second-order terms in a leaf. Gradients and second-order terms are scaled
        so that ``min_child_weight``, ``reg_alpha``, ``reg_lambda`` and ``min_split_gain`` have a
        similar effect for every gamma.
    min_child_samples : int, default=20
        Minimum number of rows in a leaf.
    subsample : float, default=0.7
        Fraction of rows to sample. Ignored by "goss", which samples rows by their gradients.
    subsample_freq : int, default=1
        Sample rows every ``subsample_freq`` rounds; never if <= 0.
    colsample_bytree : float, default=0.7
        Fraction of features to sample for each tree.
    reg_alpha : float, default=0.0
        L1 regularisation of the leaf values.
    reg_lambda : float, default=0.5
        L2 regularisation of the leaf values.
    importance_type : {"split", "gain"}, default="split"
        What :attr:`feature_importances_` contains for each feature: the number of its splits, or
        their total gain.
    class_weight : dict, "balanced" or None, default=None
        Class weights by label, which multiply ``alpha``. "balanced" means
        ``n_samples / (n_classes * np.bincount(y))``, with counts weighted by ``sample_weight``.
    early_stopping : bool, default=False
        Whether to stop training if the validation metric has not improved for
        ``n_iter_no_change`` rounds. The metric is the first ``eval_metric``, by default the focal
        loss, on the first evaluation set that is not the training data. If ``fit`` gets no
        evaluation set, it holds out part of the training rows.
    validation_fraction : float in (0, 1), default=0.1
        Fraction of the rows of each class to hold out if ``fit`` gets no evaluation set. At least
        one row of each class is held out, unless the class has only one row with positive weight.
    n_iter_no_change : int, default=10
        Number of rounds without improvement before early stopping.
    early_stopping_min_delta : float, default=0.0
        Minimum change of the metric that counts as an improvement.
    random_state : int, RandomState or None, default=None
        Seed for LightGBM and for the choice of held-out rows. None means LightGBM's default
        seeds, and different held-out rows in each fit.
    n_jobs : int or None, default=None
        Number of threads; ``-1`` means all cores. ``None`` means the value of
        ``joblib.parallel_config`` if it is set, and OpenMP's default otherwise.
    verbose : int, default=0
        Print the metrics of the evaluation sets, or the training loss if there are none, every
        ``verbose`` rounds. 0 and -1 print nothing.
    lgbm_params : dict or None, default=None
        Other parameters of LightGBM, such as ``max_bin``.

    Attributes
    ----------
    booster_ : lightgbm.Booster
        The trained trees. Their raw score does not include :attr:`start_`.
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    class_share_ : ndarray of shape (n_classes,)
        Share of each class in the total ``sample_weight`` of the training rows, without held-out
        rows. ``alpha`` and ``class_weight`` do not affect it, except that a class whose
        ``class_weight`` is 0 has a share of 0.
    loss_ : BinaryFocalLoss or MulticlassFocalLoss
        The loss, with the given ``gamma`` and with ``alpha`` multiplied by ``class_weight``.
    start_ : float or ndarray of shape (n_classes,)
        Constant that :meth:`raw_predict` adds to the trees. It minimises the training loss, with
        two exceptions. If ``fit`` gets ``init_score``, the constant is 0. If ``fit`` gets
        ``init_model``, it is the constant of that model, or 0 for a LightGBM model, whose trees
        already include their constant.
    learning_rate_ : float
        Learning rate of the trees.
    best_iteration_ : int
        Number of boosting rounds that predictions use by default.
    n_iter_, n_estimators_ : int
        Number of boosting rounds in the model, including those of ``init_model``.
    evals_result_ : dict
        Metrics of each evaluation set in each round: ``{name: {metric: list of values}}``.
    best_score_ : dict
        Metrics of each evaluation set in the best round.
    feature_importances_ : ndarray of shape (n_features,)
        Importance of each feature, of the type that ``importance_type`` selects.
    feature_name_ : list of str
        Names of the features in ``booster_``.
    n_features_in_ : int
        Number of features seen during ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features seen during ``fit``. Defined only if X has string column names.

    See Also
    --------
    FocalLogisticRegression : Linear model with the same loss.

    Notes
    -----
    LightGBM ignores weights when it bins the features and counts the rows of a leaf, so a row of
    weight 2 is not exactly equivalent to two rows.

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

    Predict for a population in which the second class is rarer:

    >>> model = model.set_params(class_prior={0: 0.99, 1: 0.01})
    >>> model.predict_proba(X).shape
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

    @hint_at_lightgbm_keywords
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
        """Fit the boosted trees.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Training data. NaN means missing. Unordered categorical columns of pandas and all
            categorical columns of polars dataframes are treated as categorical features. Ordered
            categorical columns of pandas are treated as numbers, in the order of their categories.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.
        init_score : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Initial raw scores, which replace the constant :attr:`start_`. As in LightGBM, they are
            not added to predictions.
        eval_X : {array-like, sparse matrix, dataframe} or tuple of those, default=None
            Features of one or more evaluation sets. An evaluation set that equals the training
            data is ignored by early stopping.
        eval_y : array-like or tuple of those, default=None
            Labels of the evaluation sets.
        eval_names : list of str, default=None
            Names of the evaluation sets; ``valid_0``, ``valid_1``, ... by default.
        eval_sample_weight : array-like or list of those, default=None
            Weights of the evaluation sets. None in a list means that the set has no weights.
        eval_class_weight : dict, "balanced" or list of those, default=None
            Class weights of the evaluation sets, which multiply ``eval_sample_weight``. Must be
            None if the parameter ``class_weight`` is set, because the focal loss already includes
            ``class_weight``.
        eval_init_score : array-like or list of those, default=None
            Initial raw scores of the evaluation sets. Required if ``init_score`` is given, and not
            allowed otherwise.
        eval_metric : str, callable or list of those, default=None
            Metrics to compute on the evaluation sets: "focal_loss", "auc", "average_precision",
            "logloss" or "error". "focal_loss" is added at the end if it is missing. LightGBM's
            names "binary_logloss", "multi_logloss", "binary_error" and "multi_error" also work. A
            callable takes ``(y_true, proba)`` or ``(y_true, proba, weight)`` and returns
            ``(name, value, is_higher_better)`` or a list of such tuples. ``y_true`` contains class
            indices. ``proba`` contains the probability of class 1 (binary) or of each class.
        categorical_feature : "auto" or list of int or str, default="auto"
            Names or indices of categorical features. "auto" means the unordered categorical
            columns of a dataframe.
        callbacks : list of callable, default=None
            LightGBM callbacks.
        init_model : FocalLGBMClassifier, lightgbm.Booster, str or Path, default=None
            Model to continue training from: a fitted estimator, the result of :meth:`to_lightgbm`,
            or the path of a file with such a model. X must have the same features and categories.
        eval_set : None
            Not supported. Use ``eval_X`` and ``eval_y``.

        Returns
        -------
        self : FocalLGBMClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter of the estimator or an argument of ``fit`` has an invalid value.
        TypeError
            If an argument has the wrong type, or if ``eval_set`` is given.

        Warns
        -----
        UserWarning
            If ``init_model`` was fitted with another loss, if early stopping cannot hold out a row
            of some class, because only one row of the class has positive weight, if the weights
            are so small that ``reg_lambda`` shrinks the trees too much, or if a column in
            ``categorical_feature`` contains codes above 100,000.
        """
        if eval_set is not None:
            raise TypeError("eval_set is not supported. Pass eval_X and eval_y instead.")
        self._check_combinations(eval_class_weight, init_model, init_score)
        progress = Progress(
            self, X, y, sample_weight, step="boosting-round", max_steps=self.n_estimators
        )
        params = self._train_params()
        metrics = check_eval_metric(eval_metric, has_rows=self.early_stopping or eval_X is not None)
        callbacks = check_callbacks(callbacks)
        init_model = copy(self) if init_model is self else init_model
        self._reset()

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
        sets = evaluation_sets(
            train.init_score,
            eval_X=eval_X,
            eval_y=eval_y,
            eval_sample_weight=eval_sample_weight,
            eval_class_weight=eval_class_weight,
            eval_init_score=eval_init_score,
        )
        evaluation = [evaluation_rows(self, classes, *of_set) for of_set in sets]
        if self.early_stopping and not evaluation:
            train, *evaluation = hold_out(
                train, self.validation_fraction, self.random_state, classes
            )
        names = evaluation_names(eval_names, len(evaluation))
        validation, training = split_names(train, evaluation, names)
        check_metrics_defined(metrics, evaluation, names, classes)

        fitted, loss_params, feval = self._loss_settings(
            loss, classes, train, train.n_weighted, first, metrics
        )
        fitted["evals_result_"] = {}
        features = dataset_features(self)
        train_set = train.usable().dataset(params, features)
        booster = train_booster(
            params | loss_params,
            train_set,
            num_boost_round=self.n_estimators,
            valid_sets=[rows.dataset(params, features, reference=train_set) for rows in evaluation],
            valid_names=names,
            feval=feval,
            callbacks=[
                *callbacks,
                check_unique_names(),
                lightgbm.record_evaluation(fitted["evals_result_"]),
                *self._printing(None if evaluation else feval[-1]),
                name_training_rows(training, validation),
                *self._stopping(validation),
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
        """Return the raw score of each row: the sum of the trees plus :attr:`start_`.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The input samples.
        start_iteration : int, default=0
            First boosting round to use. The constant :attr:`start_` is added only if
            ``start_iteration`` is 0, the first round of the model.
        num_iteration : int or None, default=None
            Number of rounds to use. None means :attr:`best_iteration_` if ``start_iteration`` is 0,
            and all remaining rounds otherwise. Values <= 0 mean all rounds.

        Returns
        -------
        raw_prediction : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The raw scores.
        """
        check_is_fitted(self)
        largest = np.iinfo(np.int32).max
        check_scalar(start_iteration, "start_iteration", Integral, max_val=largest)
        if num_iteration is not None:
            check_scalar(num_iteration, "num_iteration", Integral, max_val=largest)
        X = lightgbm_input(self, X, reset=False)
        raw_prediction = self.booster_.predict(
            X,
            raw_score=True,
            start_iteration=start_iteration,
            num_iteration=num_iteration,
            num_threads=n_threads(self.n_jobs),
        )
        return raw_prediction + self.start_ if start_iteration <= 0 else raw_prediction

    def to_lightgbm(self, *, probability=None):
        """Return a standard LightGBM model whose trees include the constant :attr:`start_`.

        Its ``predict(X, raw_score=True)`` returns the same scores as :meth:`raw_predict`. Its
        ``predict(X)`` returns the "score" probability, regardless of the estimator's parameter
        ``probability``. Use ``loss_.predict_proba``, which ignores ``class_prior``, to convert raw
        scores to other probabilities.

        Parameters
        ----------
        probability : {"score"} or None, default=None
            "score" confirms that you want the "score" probability. With None, a warning is issued
            if that probability differs from the result of :meth:`predict_proba`.

        Returns
        -------
        booster : lightgbm.Booster
            Copy of the model with the objective "binary" or "multiclass".

        Raises
        ------
        ValueError
            If ``probability`` is invalid, or if the installed LightGBM writes models in an
            unsupported version of its text format.
        RuntimeError
            If the LightGBM model does not reproduce the raw scores of the estimator.

        Warns
        -----
        UserWarning
            If ``probability`` is None and the booster's ``predict`` differs from
            :meth:`predict_proba`.
        """
        check_is_fitted(self)
        if probability not in ("score", None):
            raise ValueError(
                f"probability must be 'score' or None, got {probability!r}. For other "
                "probabilities, pass raw scores to loss_.predict_proba."
            )
        if probability is None and not self._predicts_score():
            prior = "" if self.class_prior is None else ", which ignores class_prior"
            warnings.warn(
                "The booster's predict returns the 'score' probability, which differs from "
                f"predict_proba. For the {self.probability!r} probability{prior}, use "
                "loss_.predict_proba(booster.predict(X, raw_score=True), "
                f"{self.probability!r}). To silence this warning, pass probability='score' to "
                "to_lightgbm.",
                stacklevel=2,
            )
        return to_native(self.booster_, self.start_, len(self.classes_))

    def predict(self, X, *, start_iteration=0, num_iteration=None):
        """Predict the most probable class of each row.

        Parameters
        ----------
        X, start_iteration, num_iteration
            As in :meth:`raw_predict`.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            The predicted classes.
        """
        return self._most_probable(
            self.raw_predict(X, start_iteration=start_iteration, num_iteration=num_iteration)
        )

    def predict_proba(self, X, *, start_iteration=0, num_iteration=None):
        """Predict class probabilities.

        The estimator's parameters ``probability`` and ``class_prior`` determine which probabilities
        are returned.

        Parameters
        ----------
        X, start_iteration, num_iteration
            As in :meth:`raw_predict`.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            The class probabilities; columns are in the order of ``classes_``.
        """
        return self._probabilities(
            self.raw_predict(X, start_iteration=start_iteration, num_iteration=num_iteration)
        )

    @property
    def feature_importances_(self):
        """Number of splits or total gain of each feature, depending on ``importance_type``."""
        check_is_fitted(self)
        check_option("importance_type", self.importance_type, ("split", "gain"))
        return self.booster_.feature_importance(importance_type=self.importance_type)

    @property
    def feature_name_(self):
        """Names of the features in :attr:`booster_`."""
        check_is_fitted(self)
        return self.booster_.feature_name()

    @property
    def best_score_(self):
        """Metrics of each evaluation set in the best round."""
        check_is_fitted(self)
        return self.booster_.best_score

    @property
    def n_iter_(self):
        """Number of boosting rounds in the model, including those of ``init_model``."""
        check_is_fitted(self)
        return self.booster_.current_iteration()

    @property
    def n_estimators_(self):
        """Number of boosting rounds in the model, the same as :attr:`n_iter_`."""
        return self.n_iter_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags

    def _predicts_score(self):
        """Return whether :meth:`predict_proba` is the sigmoid or softmax of the raw score.

        We compare the probabilities of a few scores instead of the parameters.
        """
        scores = np.linspace(-1, 1, self.loss_.n_classes)
        rows = scores if self.loss_.n_classes == 2 else scores[np.newaxis]
        return np.allclose(self._probabilities(rows), self.loss_.predict_proba(rows, "score"))

    def _train_params(self):
        """Return LightGBM's parameters except the objective."""
        params = check_lgbm_params(self.lgbm_params) | FIXED_PARAMS
        params |= {name: getattr(self, name) for name in TREE_PARAMS}
        if "goss" in (self.boosting_type, params.get("data_sample_strategy")):
            params["subsample_freq"] = 0  # LightGBM does not support GOSS with bagging
        params |= {"num_threads": n_threads(self.n_jobs), "verbosity": -1}
        if self.random_state is not None:
            params["seed"] = self._seed()
        return params

    def _learning_rate(self, n_rows):
        """Return the learning rate; "auto" grows with the number of rows."""
        if self.learning_rate != "auto":
            return self.learning_rate
        at_300_rounds = max(0.04, np.sqrt(n_rows / 1e7))
        return float(min(0.2, at_300_rounds * max(1, 300 / self.n_estimators)))

    def _seed(self):
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _check_combinations(self, eval_class_weight, init_model, init_score):
        """Raise ``ValueError`` for arguments that are incompatible with each other."""
        if init_model is not None and init_score is not None:
            raise ValueError(
                "init_model and init_score must not be given together, because init_model already "
                "includes a constant initial score. Pass only one of them."
            )
        if self.early_stopping and self.boosting_type == "dart":
            raise ValueError(
                "early_stopping must be False if boosting_type='dart', because dart modifies "
                "earlier trees and the best round cannot be restored."
            )
        if eval_class_weight is not None and self.class_weight is not None:
            raise ValueError(
                "eval_class_weight must be None if class_weight is set, because the focal loss "
                "already includes class_weight. Use eval_sample_weight instead."
            )

    def _training_rows(self, X, y, sample_weight, init_score):
        """Validate y and the weights, and return the classes and the training rows."""
        check_consistent_length(X, y)
        classes, y = encode_labels(y)
        if init_score is not None:
            init_score = check_init_score(init_score, len(classes))
        weight = check_weight(sample_weight, X, dtype=np.float32)
        weight = apply_zero_class_weights(weight, y, zero_weight_classes(self, classes))
        return classes, Rows(X, y, weight, init_score)

    def _loss_settings(self, loss, classes, rows, n_weighted, first, metrics):
        """Return fitted attributes, parameters of LightGBM and its ``feval``, all for one loss.

        ``rows`` contains the training rows or, on Dask, one row per class.
        """
        start = constant_start(loss, rows, first)
        share = class_shares(rows.y, rows.weight, len(classes))
        rate = self._learning_rate(n_weighted)
        warn_about_small_weights(loss, rows.y, rows.weight, n_weighted, self.reg_lambda)
        feval = self._metrics(metrics, loss, start, prediction_loss(self, loss, classes, share))
        params = {"learning_rate": rate, **objective_params(loss, start, rows, self.curvature)}
        fitted = {"classes_": classes, "class_share_": share, "loss_": loss, "start_": start}
        return fitted | {"learning_rate_": rate}, params, feval

    def _metrics(self, metrics, loss, start, prediction):
        """Return LightGBM's ``feval`` for the metrics and the focal loss.

        Metrics receive the same probabilities as ``predict_proba`` returns. ``prediction`` is the
        result of :func:`prediction_loss`.
        """
        proba_loss, probability = prediction

        def to_proba(raw_prediction):
            return proba_loss.predict_proba(raw_prediction + start, probability)

        focal = FocalMetric(
            loss.gamma, loss.alpha, n_classes=loss.n_classes, offset=start, predictions="raw"
        )
        return evaluation_metrics(metrics, focal, to_proba, loss.n_classes)

    def _printing(self, training_metric):
        """Return LightGBM callbacks that print ``training_metric``, by default all metrics."""
        if self.verbose <= 0:
            return []
        if training_metric is not None:
            return [log_training(int(self.verbose), training_metric)]
        return [lightgbm.log_evaluation(int(self.verbose))]

    def _stopping(self, validation):
        """Return LightGBM callbacks for early stopping on the first validation set."""
        if not self.early_stopping:
            return []
        if not validation:
            raise ValueError(
                "early_stopping requires an evaluation set that is not the training data. Pass "
                "another evaluation set, or pass none so that fit holds out rows."
            )
        return [stop_early(self.n_iter_no_change, self.early_stopping_min_delta, validation[0])]
