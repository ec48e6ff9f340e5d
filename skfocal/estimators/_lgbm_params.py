"""Validate ``lgbm_params`` against the parameters and aliases of the installed LightGBM."""

import difflib
import functools
import inspect
import json
import re
from pathlib import Path

from skfocal._private import get_all_param_aliases

# LightGBM's main name of each parameter that FocalLGBMClassifier has, and our name.
OUR_PARAMS = {
    "boosting": "boosting_type",
    "num_leaves": "num_leaves",
    "max_depth": "max_depth",
    "learning_rate": "learning_rate",
    "num_iterations": "n_estimators",
    "bin_construct_sample_cnt": "subsample_for_bin",
    "min_gain_to_split": "min_split_gain",
    "min_sum_hessian_in_leaf": "min_child_weight",
    "min_data_in_leaf": "min_child_samples",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "feature_fraction": "colsample_bytree",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "seed": "random_state",
    "num_threads": "n_jobs",
    "verbosity": "verbose",
    "early_stopping_round": "early_stopping",
    "early_stopping_min_delta": "early_stopping_min_delta",
}
# Parameters of FocalLGBMClassifier that are passed to LightGBM unchanged.
TREE_PARAMS = sorted(
    set(OUR_PARAMS.values())
    - {"n_estimators", "random_state", "n_jobs", "verbose"}
    - {"early_stopping", "early_stopping_min_delta"}
)

# Files that contain column indices.
FILES = ("forcedsplits_filename", "forcedbins_filename")

_WEIGHTS = "LightGBM ignores it under a custom objective; use alpha or class_weight"
_OTHER_OBJECTIVE = "it belongs to another objective; the focal loss has gamma and alpha"
_RANKING = "it applies to ranking only"
_OWN_METRIC = "it applies to LightGBM's own metrics; pass a callable as eval_metric to fit"
_FILES = "it applies to data files only"
_WRITING = "it applies to LightGBM's command line; use to_lightgbm() and save_model"
_PREDICTING = "training ignores it; pass it to to_lightgbm().predict"

# LightGBM's main name of each parameter that has no effect here, and what to do instead.
REPLACEMENTS = {
    "objective": "the focal loss is the objective; set gamma and alpha",
    "metric": "pass eval_metric to fit",
    "num_class": "it is inferred from y",
    "boost_from_average": "fit always starts from the constant that minimises the loss",
    "categorical_feature": "pass categorical_feature to fit",
    "feature_pre_filter": "fit sets it to False to support constant columns",
    "first_metric_only": "early stopping always uses the first metric",
    "is_provide_training_metric": "pass the training rows as an evaluation set to fit",
    "metric_freq": "set verbose",
    "input_model": "pass init_model to fit",
    "valid": "pass eval_X and eval_y to fit",
    "task": "call fit or predict",
    "refit_decay_rate": "use to_lightgbm().refit",
    "ignore_column": "drop the columns from X",
    "start_iteration_predict": "pass start_iteration to predict",
    "num_iteration_predict": "pass num_iteration to predict",
    "sigmoid": "the focal loss has no slope parameter",
    "alpha": "it belongs to other objectives; set the parameter 'alpha' to weight the classes",
} | {
    name: reason
    for reason, names in {
        _WEIGHTS: "scale_pos_weight is_unbalance pos_bagging_fraction neg_bagging_fraction",
        _OTHER_OBJECTIVE: "reg_sqrt fair_c poisson_max_delta_step tweedie_variance_power",
        _RANKING: "bagging_by_query eval_at group_column label_gain lambdarank_norm "
        "lambdarank_position_bias_regularization lambdarank_truncation_level objective_seed",
        _OWN_METRIC: "auc_mu_weights multi_error_top_k",
        _FILES: "config data header label_column parser_config_file precise_float_parser "
        "save_binary two_round weight_column",
        _WRITING: "convert_model convert_model_language output_model output_result snapshot_freq",
        _PREDICTING: "pred_early_stop pred_early_stop_freq pred_early_stop_margin predict_contrib "
        "predict_disable_shape_check predict_leaf_index predict_raw_score",
    }.items()
    for name in names.split()
}


def check_lgbm_params(lgbm_params):
    """Validate ``lgbm_params`` and return a copy.

    Raises ``ValueError`` for unknown names, for names of parameters that FocalLGBMClassifier has,
    for names without effect, and for two aliases of one parameter.
    """
    lgbm_params = dict(lgbm_params or {})
    given = {}
    for name in lgbm_params:
        hint = _hint(name)
        if hint is not None:
            raise ValueError(f"lgbm_params must not contain {name!r}: {hint}.")
        other = given.setdefault(_main_names()[name], name)
        if other != name:
            raise ValueError(
                f"lgbm_params must not contain both {other!r} and {name!r}: they are aliases of "
                "the same parameter."
            )
    return lgbm_params


def check_column_params(lgbm_params, estimator):
    """Raise ``ValueError`` for per-column parameters that LightGBM ignores or aborts on."""
    given = {_main_names()[name]: value for name, value in lgbm_params.items()}
    monotone = given.get("monotone_constraints")
    if monotone is not None:
        monotone = _numbers("monotone_constraints", monotone)
        constrained = [i for i in estimator._nominal if i < len(monotone) and monotone[i]]
        if constrained:
            raise ValueError(
                "monotone_constraints must be 0 for categorical columns, got other values for the "
                f"columns {constrained}."
            )
    for name, path in lgbm_params.items():
        if _main_names()[name] in FILES and path:
            _check_forced_features(name, path, estimator.n_features_in_)
    groups = given.get("interaction_constraints")
    if groups is not None:
        unknown = sorted(_grouped_columns(groups) - set(range(estimator.n_features_in_)))
        if unknown:
            raise ValueError(
                "interaction_constraints must contain column indices below "
                f"{estimator.n_features_in_}, got {unknown}."
            )


def _check_forced_features(name, path, n_features):
    """Raise ``ValueError`` unless a JSON file exists and its "feature" entries are columns of X.

    LightGBM ignores missing and invalid files, and aborts the process for negative features.
    """
    try:
        features = list(_feature_entries(json.loads(Path(path).read_text("utf-8"))))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"lgbm_params[{name!r}] must be the path of a JSON file, got {path!r}: {error}."
        ) from error
    if not features or not all(type(f) is int and 0 <= f < n_features for f in features):
        raise ValueError(
            f"The file lgbm_params[{name!r}] must contain 'feature' entries with column indices "
            f"below {n_features}, got {features}."
        )


def _feature_entries(content):
    """Yield the values of all keys "feature" in nested lists and dicts."""
    if isinstance(content, dict):
        if "feature" in content:
            yield content["feature"]
        content = list(content.values())
    if isinstance(content, list):
        for part in content:
            yield from _feature_entries(part)


def _numbers(name, values):
    """Return a parameter that LightGBM accepts as text or as a sequence as a list of numbers."""
    try:
        sequence = values.split(",") if isinstance(values, str) and values else values
        return [float(value) for value in sequence]
    except (TypeError, ValueError):
        raise ValueError(f"{name} must contain one number per column, got {values!r}.") from None


def _grouped_columns(groups):
    """Return the column indices in ``interaction_constraints``, as text or as lists in a sequence.

    LightGBM ignores groups that are not lists.
    """
    group = r"\s*\[[-\d\s,]*\]\s*"
    if isinstance(groups, str) and re.fullmatch(rf"({group}(,{group})*)?", groups):
        return set(map(int, re.findall(r"-?\d+", groups)))
    if not isinstance(groups, list | tuple) or not all(isinstance(g, list) for g in groups):
        raise ValueError(
            "interaction_constraints must be a list of lists of column indices, or text such as "
            f"'[0,1],[2]', got {groups!r}."
        )
    return {column for group in groups for column in group}


def hint_at_lightgbm_keywords(init):
    """Decorate ``__init__`` to raise a helpful ``TypeError`` for keywords of LightGBM."""
    our_names = set(inspect.signature(init).parameters)

    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        for name in kwargs.keys() - our_names:
            if name in _main_names():
                hint = _hint(name) or f"pass lgbm_params={{{name!r}: ...}}"
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}: {hint}.")
        init(self, *args, **kwargs)

    return wrapper


def _hint(name):
    """Return what to do instead of passing a parameter to LightGBM, or None if it is valid."""
    main = _main_names().get(name)
    if main is None:
        similar = difflib.get_close_matches(str(name), _main_names(), n=3)
        suggestion = f"; similar names are {similar}" if similar else ""
        return f"LightGBM has no such parameter{suggestion}"
    if main in OUR_PARAMS:
        return f"set the parameter {OUR_PARAMS[main]!r} instead"
    return REPLACEMENTS.get(main)


@functools.cache
def _main_names():
    """Return a dict that maps LightGBM's parameter names and aliases to the main names."""
    aliases = get_all_param_aliases()
    return {alias: main for main, names in aliases.items() for alias in names}
