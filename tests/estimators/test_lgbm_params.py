"""``lgbm_params`` and keywords of LightGBM: passed to LightGBM, or a ``ValueError`` with a hint."""

import inspect
import pickle
import re

import lightgbm
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification

from skfocal import FocalLGBMClassifier
from skfocal.estimators._lgbm_params import OUR_PARAMS, REPLACEMENTS, _main_names

X, Y = make_classification(400, 8, n_informative=5, random_state=0)

# Parameters of LightGBM 4.6 and 4.7 that FocalLGBMClassifier passes to LightGBM.
PASSED_ON_TEXT = """
bagging_seed cat_l2 cat_smooth cegb_penalty_feature_coupled cegb_penalty_feature_lazy
cegb_penalty_split cegb_tradeoff data_random_seed data_sample_strategy deterministic
device_type drop_rate drop_seed enable_bundle extra_seed extra_trees feature_contri
feature_fraction_bynode feature_fraction_seed force_col_wise force_row_wise
forcedbins_filename forcedsplits_filename gpu_device_id gpu_device_id_list gpu_platform_id
gpu_use_dp histogram_pool_size interaction_constraints is_enable_sparse linear_lambda
linear_tree local_listen_port machine_list_filename machines max_bin max_bin_by_feature
max_cat_threshold max_cat_to_onehot max_delta_step max_drop min_data_in_bin
min_data_per_group monotone_constraints monotone_constraints_method monotone_penalty num_gpu
num_grad_quant_bins num_machines other_rate path_smooth pre_partition quant_train_renew_leaf
saved_feature_importance_type skip_drop stochastic_rounding time_out top_k top_rate
tree_learner uniform_drop use_missing use_quantized_grad xgboost_dart_mode zero_as_missing
"""
PASSED_ON = set(PASSED_ON_TEXT.split())
# Parameters that LightGBM 4.6 does not have.
NOT_IN_4_6 = {"gpu_device_id_list"}


def fit(lgbm_params, **parameters):
    model = FocalLGBMClassifier(
        n_estimators=4, n_jobs=1, random_state=0, lgbm_params=lgbm_params, **parameters
    )
    return model.fit(X, Y)


def test_every_lightgbm_parameter_is_classified():
    installed = set(_main_names().values())
    assert not OUR_PARAMS.keys() & REPLACEMENTS.keys()
    assert not PASSED_ON & (OUR_PARAMS.keys() | REPLACEMENTS.keys())
    known = OUR_PARAMS.keys() | REPLACEMENTS.keys() | PASSED_ON
    if tuple(map(int, lightgbm.__version__.split(".")[:2])) <= (4, 7):
        assert installed <= known
        assert known - installed <= NOT_IN_4_6


def test_our_params_are_parameters_of_the_estimator():
    assert set(OUR_PARAMS.values()) <= FocalLGBMClassifier().get_params().keys()


@pytest.mark.parametrize(
    "name",
    [name for name, main in _main_names().items() if main in OUR_PARAMS or main in REPLACEMENTS],
)
def test_name_without_effect_raises_with_hint(name):
    main = _main_names()[name]
    hint = REPLACEMENTS.get(main, f"set the parameter '{OUR_PARAMS.get(main)}' instead")
    message = f"lgbm_params must not contain {name!r}: {hint}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fit({"max_bin": 63, name: 1})


@pytest.mark.parametrize(
    ("name", "similar"), [("max_binz", "max_bin"), ("cat_smoth", "cat_smooth"), ("xyz", None)]
)
def test_unknown_name_raises_with_suggestions(name, similar):
    hint = f"; similar names are .*'{similar}'" if similar else "\\."
    with pytest.raises(ValueError, match=f"'{name}': LightGBM has no such parameter{hint}"):
        fit({name: 1})
    with pytest.raises(ValueError, match="must not contain 3: LightGBM has no such parameter"):
        fit({3: 1})


def test_two_aliases_of_one_parameter_raise():
    with pytest.raises(
        ValueError, match="both 'max_bin' and 'max_bins': they are aliases of the same"
    ):
        fit({"max_bin": 63, "max_bins": 15})


@pytest.mark.parametrize(
    "lgbm_params",
    [{"max_bin": 7}, {"max_bins": 7}, {"extra_trees": True}, {"feature_fraction_bynode": 0.3},
     {"monotone_constraints": [1] + 7 * [0]}, {"mc": [1] + 7 * [0]}, {"path_smooth": 9.0},
     {"interaction_constraints": [[0, 1], [2, 3]]}, {"use_quantized_grad": True},
     {"linear_tree": True}, {"max_delta_step": 0.01}, {"data_sample_strategy": "goss"},
     {"feature_contri": [0.01] + 7 * [1.0]}, {"min_data_in_bin": 60}, {"zero_as_missing": True}],
    ids=str,
)  # fmt: skip
def test_lgbm_params_change_the_trees(lgbm_params):
    data = np.where(np.abs(X) < 0.3, 0, X)
    settings = {"n_estimators": 4, "n_jobs": 1, "random_state": 0, "num_leaves": 63}
    settings |= {"min_child_samples": 5, "learning_rate": 0.5}
    changed = FocalLGBMClassifier(**settings, lgbm_params=lgbm_params).fit(data, Y)
    plain = FocalLGBMClassifier(**settings).fit(data, Y)
    assert np.abs(changed.raw_predict(data) - plain.raw_predict(data)).max() > 1e-3


def test_column_params_that_abort_lightgbm_raise():
    codes = np.column_stack([X, np.arange(len(X)) % 4])
    for name in ("monotone_constraints", "mc"):
        model = FocalLGBMClassifier(n_estimators=4, lgbm_params={name: [1] + 7 * [0] + [-1]})
        expected = model.fit(codes, Y).raw_predict(codes)
        with pytest.raises(ValueError, match=r"must be 0 for categorical columns.*\[8\]"):
            model.fit(codes, Y, categorical_feature=[8])
        for form in (np.array([1] + 7 * [0] + [-1]), "1,0,0,0,0,0,0,0,-1"):
            forms = FocalLGBMClassifier(n_estimators=4, lgbm_params={name: form}).fit(codes, Y)
            np.testing.assert_array_equal(forms.raw_predict(codes), expected)
            with pytest.raises(ValueError, match=r"must be 0 for categorical columns.*\[8\]"):
                forms.fit(codes, Y, categorical_feature=[8])
    with pytest.raises(ValueError, match="monotone_constraints must contain one number per column"):
        fit({"monotone_constraints": "up,down"})
    for groups in ([0, 1], [(0, 1), (2, 3)], "0,1;2,3", "(0,1),(2,3)", "[0,1],[2,3"):
        with pytest.raises(ValueError, match="interaction_constraints must be a list of lists"):
            fit({"interaction_constraints": groups})
    with pytest.raises(ValueError, match=r"column indices below 8, got \[11\]"):
        fit({"interaction_constraints": "[0,1],[2,11]"})
    expected = fit({"interaction_constraints": [[0, 1], [2, 3]]}).raw_predict(X)
    for groups in (([0, 1], [2, 3]), "[0,1],[2,3]"):
        constrained = fit({"interaction_constraints": groups})
        np.testing.assert_array_equal(constrained.raw_predict(X), expected)
    fit({"interaction_constraints": "", "monotone_constraints": ""})  # none
    with pytest.raises(ValueError, match=r"column indices below 8, got \[8, 11\]"):
        fit({"interaction_constraints": [[0, 1], [8, 11]]})


@pytest.mark.parametrize("name", ["forcedsplits_filename", "forced_splits", "forcedbins_filename"])
def test_missing_and_invalid_files_raise(name, tmp_path):
    with pytest.raises(ValueError, match=f"'{name}'.* must be the path of a JSON file"):
        fit({name: str(tmp_path / "splits.json")})
    (tmp_path / "splits.json").write_text("{feature: 3}")
    with pytest.raises(ValueError, match=r"must be the path of a JSON file, .* property name"):
        fit({name: str(tmp_path / "splits.json")})
    for content in (
        '{"feature": -1, "threshold": 0.1}',
        '{"threshold": 0.1}',
        '[{"feature": 8}]',
        "3",
    ):
        (tmp_path / "splits.json").write_text(content)
        with pytest.raises(ValueError, match="'feature' entries with column indices below 8"):
            fit({name: str(tmp_path / "splits.json")})
    (tmp_path / "splits.json").write_text('{"feature": 3, "threshold": 0.1}')
    trees = fit({"fs": str(tmp_path / "splits.json")}).booster_.dump_model()["tree_info"]
    assert {tree["tree_structure"]["split_feature"] for tree in trees} == {3}


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("scale_pos_weight", "use alpha or class_weight"),
        ("is_unbalance", "use alpha or class_weight"),
        ("unbalance", "use alpha or class_weight"),
        ("early_stopping_rounds", "set the parameter 'early_stopping' instead"),
        ("lambda_l2", "set the parameter 'reg_lambda' instead"),
        ("num_iterations", "set the parameter 'n_estimators' instead"),
        ("eta", "set the parameter 'learning_rate' instead"),
        ("objective", "set gamma and alpha"),
        ("metric", "pass eval_metric to fit"),
        ("max_bin", r"pass lgbm_params=\{'max_bin': \.\.\.\}"),
        ("monotone_constraints", r"pass lgbm_params=\{'monotone_constraints': \.\.\.\}"),
    ],
)
def test_lightgbm_keyword_raises_with_hint(keyword, hint):
    message = f"FocalLGBMClassifier has no parameter '{keyword}': .*{hint}"
    with pytest.raises(TypeError, match=message):
        FocalLGBMClassifier(**{keyword: 1})


def test_other_keywords_raise_and_signature_is_kept():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        FocalLGBMClassifier(colour=1)
    names = list(inspect.signature(FocalLGBMClassifier).parameters)
    assert names == list(inspect.signature(FocalLGBMClassifier.__init__).parameters)[1:]
    assert names[0] == "gamma"
    assert set(names) == FocalLGBMClassifier().get_params().keys()
    model = FocalLGBMClassifier(2.0, num_leaves=7)
    for same in (clone(model), pickle.loads(pickle.dumps(model))):
        assert same.get_params() == model.get_params()


def test_subclass_may_add_parameters():
    class Mine(FocalLGBMClassifier):
        def __init__(self, max_bin=255, gamma=1.0):
            super().__init__(gamma, lgbm_params={"max_bin": max_bin})
            self.max_bin = max_bin

    assert Mine(max_bin=63).lgbm_params == {"max_bin": 63}
