"""Dataframes: categories, column types, column names and sparse columns."""

import datetime
import io
import pickle
import warnings
from decimal import Decimal

import lightgbm
import numpy as np
import pytest
from lightgbm_defaults import AS_IN_LIGHTGBM
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from skfocal import FocalLGBMClassifier, FocalLogisticRegression
from skfocal.estimators._frames import frame_values

pd = pytest.importorskip("pandas")

N_ROWS = 600
RNG = np.random.default_rng(0)
COLOUR = RNG.choice(["red", "green", "blue"], N_ROWS)
SHOP = RNG.choice([10, 20, 40], N_ROWS)
AMOUNT = RNG.normal(size=N_ROWS)
Y = (RNG.random(N_ROWS) < np.where((COLOUR == "green") | (SHOP == 20), 0.8, 0.05)).astype(int)


def trees(**parameters):
    return FocalLGBMClassifier(**{"n_estimators": 15, "n_jobs": 1} | parameters)


def frame(rows=slice(None), **columns):
    table = {"shop": SHOP, "amount": AMOUNT, "colour": COLOUR}
    table = pd.DataFrame(table)[rows].astype({"shop": "category", "colour": "category"})
    return table.assign(**columns)


def csv_round_trip(table):
    return pd.read_csv(io.StringIO(table.to_csv(index=False)))


@pytest.fixture(scope="module")
def model():
    return trees().fit(frame(), Y)


# Categories.


@pytest.mark.parametrize("rows", [slice(None), slice(0, 1), slice(3, 40)], ids=str)
def test_categories_are_restored_after_csv_round_trip(model, rows):
    expected = model.predict_proba(frame())[rows]
    from_csv = csv_round_trip(frame())[rows]
    assert not hasattr(from_csv["colour"].dtype, "categories")
    np.testing.assert_array_equal(model.predict_proba(from_csv), expected)


@pytest.mark.parametrize(
    "given",
    [
        lambda column: column.astype(object),
        lambda column: column.cat.reorder_categories(column.cat.categories[::-1]),
        lambda column: column.cat.add_categories(["violet"]).cat.as_ordered(),
        lambda column: column.astype(str).astype("string"),
        lambda column: column.astype(str).astype("string[pyarrow]"),
    ],
    ids=["objects", "other order", "more categories", "strings", "pyarrow strings"],
)
def test_categories_are_matched_by_value(model, given):
    table = frame(colour=given(frame()["colour"]))
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(frame()))


def test_numeric_categories_are_matched_as_floats_and_with_missing_values(model):
    table = frame(shop=SHOP.astype(float))
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(frame()))
    missing = frame()
    missing.loc[::3, "shop"] = np.nan
    from_csv = csv_round_trip(missing)
    np.testing.assert_array_equal(model.predict_proba(from_csv), model.predict_proba(missing))


def test_boolean_categories_are_matched():
    table = pd.DataFrame({"flag": pd.Categorical(COLOUR == "green"), "amount": AMOUNT})
    model = trees().fit(table, Y)
    expected = model.predict_proba(table)
    np.testing.assert_array_equal(model.predict_proba(csv_round_trip(table)), expected)
    with pytest.raises(
        ValueError, match="Column 'flag' of X must contain only the categories seen in fit"
    ):
        model.predict(table.assign(flag=(COLOUR == "green").astype(int)))


def test_unknown_categories_are_missing_values(model):
    table = frame(slice(0, 4), colour=pd.Categorical(["green", "pink", None, "violet"]))
    missing = frame(slice(0, 4), colour=pd.Categorical(["green", None, None, None]))
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(missing))


def test_categories_after_a_fit_without_any_are_missing_values():
    empty = frame(colour=pd.Categorical([None] * len(Y)))
    model = trees().fit(empty, Y)
    np.testing.assert_array_equal(model.predict_proba(frame()), model.predict_proba(empty))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("shop", [11]),
        ("shop", ["10"]),
        ("shop", [True]),
        ("shop", [10.5]),
        ("shop", pd.Categorical(["10"])),
        ("colour", ["pink"]),
        ("colour", [2]),
        ("colour", pd.Categorical([2])),
        ("colour", [datetime.date(2020, 1, 1)]),
        ("amount", ["much"]),
        ("amount", pd.Categorical(["much"])),
        ("amount", [datetime.datetime(2020, 1, 1)]),
        ("amount", [[1, 2]]),
    ],
    ids=str,
)
def test_unknown_values_raise_with_column_name(model, column, values):
    with pytest.raises(ValueError, match=f"Column '{column}' of X"):
        model.predict(frame(slice(0, 1), **{column: values}))


def test_unknown_value_error_lists_categories_and_advice(model):
    with pytest.raises(
        ValueError,
        match=r"in fit, \[10, 20, 40\], got the unknown values \['2x'\].*pandas category",
    ):
        model.predict(frame(slice(0, 1), shop=["2x"]))


def test_array_instead_of_frame_with_categories_raises(model):
    for array in (np.zeros((3, 3)), frame().to_numpy(), sparse.csr_matrix(np.zeros((3, 3)))):
        with pytest.raises(ValueError, match=r"must be a dataframe.*\['shop', 'colour'\]"):
            model.predict(array)


def test_numeric_column_may_become_categorical():
    table = pd.DataFrame({"shop": SHOP, "amount": AMOUNT})
    model = trees().fit(table, Y)
    categorical = table.astype({"shop": "category"})
    np.testing.assert_array_equal(model.predict_proba(categorical), model.predict_proba(table))
    with pytest.raises(ValueError, match="Column 'shop' of X must be numeric"):
        model.predict(table.assign(shop=pd.Categorical(SHOP.astype(str))))


def test_integer_codes_work_in_other_column_types():
    table = pd.DataFrame({"shop": SHOP, "amount": AMOUNT})
    model = trees().fit(table, Y, categorical_feature=["shop"])
    expected = model.predict_proba(table)
    for same in (table.astype({"shop": "category"}), table.astype({"shop": "Int64"})):
        np.testing.assert_array_equal(model.predict_proba(same), expected)
    with pytest.raises(ValueError, match=r"Column 'shop' of X .* integer codes .*, got \d+\.5"):
        model.predict(table.assign(shop=SHOP + 0.5))


@pytest.mark.parametrize("wrong", [1.5, 2.0**31])
@pytest.mark.parametrize("as_format", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_categorical_feature_must_contain_integer_codes(as_format, wrong):
    X = np.column_stack([AMOUNT, SHOP]).astype(float)
    trees().fit(as_format(X), Y, categorical_feature=[1])
    X[5, 1] = wrong
    with pytest.raises(ValueError, match="Column 1 of X is in categorical_feature"):
        trees().fit(as_format(X), Y, categorical_feature=[1])


def test_large_codes_warn():
    X = np.column_stack([np.where(COLOUR == "red", 10**7, 3), AMOUNT])
    with pytest.warns(UserWarning, match=r"Column 0 of X .* codes up to 10000000, .* Renumber"):
        model = trees(n_estimators=2).fit(X, Y, categorical_feature=[0])
    model.predict(X)  # does not warn


def test_evaluation_sets_use_the_categories_of_training():
    recorded = []
    for table in (frame(), csv_round_trip(frame()), frame(colour=pd.Categorical(COLOUR[::1]))):
        fitted = trees().fit(frame(), Y, eval_X=table[:300], eval_y=Y[:300])
        recorded.append(fitted.evals_result_["valid_0"]["focal_loss"])
    assert recorded[0] == recorded[1] == recorded[2]
    with pytest.raises(ValueError, match="Column 'colour' of X"):
        trees().fit(frame(), Y, eval_X=frame(colour=AMOUNT), eval_y=Y)


@pytest.mark.parametrize("form", ["pandas", "polars", "pyarrow"])
def test_categories_are_kept_across_dataframe_libraries(model, form):
    if form == "pandas":
        tables = [frame(), csv_round_trip(frame())]
    elif form == "polars":
        polars = pytest.importorskip("polars")
        tables = [polars.from_pandas(frame(shop=SHOP)), polars.from_pandas(csv_round_trip(frame()))]
        tables.append(tables[0].with_columns(polars.col("colour").cast(polars.Categorical)))
        names = polars.Enum(["blue", "green", "red", "violet"])
        tables.append(tables[1].with_columns(polars.col("colour").cast(names)))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        tables = [pyarrow.Table.from_pandas(t) for t in (frame(), csv_round_trip(frame()))]
    for table in tables:
        np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(frame()))
    for table in tables[2:]:
        again = trees().fit(table, Y)
        assert again._categories.keys() == {2}
        assert again._nominal == [2]


def test_ordered_categories_are_numeric_as_in_lightgbm():
    sizes = pd.Categorical(COLOUR, ["red", "green", "blue"], ordered=True)
    table = pd.DataFrame({"size": sizes, "amount": AMOUNT})
    settings = AS_IN_LIGHTGBM | {"n_estimators": 15, "n_jobs": 1}
    model = FocalLGBMClassifier(0, curvature="newton", **settings).fit(table, Y)
    expected = lightgbm.LGBMClassifier(**settings, verbose=-1).fit(table, Y)
    assert "==" not in str(model.booster_.dump_model()["tree_info"])
    np.testing.assert_allclose(model.predict_proba(table), expected.predict_proba(table), atol=1e-9)


@pytest.mark.parametrize("categorical_feature", ["auto", ["shop"], [2, "amount_class"], []])
def test_categorical_feature_matches_lightgbm(categorical_feature):
    table = frame(amount_class=np.digitize(AMOUNT, [-1, 0, 1]))
    settings = AS_IN_LIGHTGBM | {"n_estimators": 15, "n_jobs": 1}
    given = {"categorical_feature": categorical_feature}
    model = FocalLGBMClassifier(0, curvature="newton", **settings).fit(table, Y, **given)
    expected = lightgbm.LGBMClassifier(**settings, verbose=-1).fit(table, Y, **given)
    np.testing.assert_allclose(model.predict_proba(table), expected.predict_proba(table), atol=1e-9)


def test_lightgbm_models_contain_the_categories(model, tmp_path):
    model.to_lightgbm(probability="score").save_model(tmp_path / "model.txt")
    for booster in (
        model.booster_,
        model.to_lightgbm(probability="score"),
        lightgbm.Booster(model_file=tmp_path / "model.txt"),
    ):
        assert booster.pandas_categorical == [[10, 20, 40], ["blue", "green", "red"]]
        reordered = frame(colour=frame()["colour"].cat.reorder_categories(["red", "green", "blue"]))
        raw = booster.predict(reordered, raw_score=True)
        expected = model.booster_.predict(frame(), raw_score=True)
        assert np.ptp(raw - expected) < 1e-9  # equal up to rounding and the start


def test_categories_after_pickling_and_refitting(model):
    again = pickle.loads(pickle.dumps(model))
    from_csv = csv_round_trip(frame())
    np.testing.assert_array_equal(again.predict_proba(from_csv), model.predict_proba(frame()))
    again.fit(frame()[["amount"]], Y)
    assert not again._categories
    again.predict(frame()[["amount"]])


# init_model.


@pytest.mark.parametrize("saved", [False, True], ids=["estimator", "file"])
def test_init_model_keeps_its_categories(model, saved, tmp_path):
    first = model
    if saved:
        first = tmp_path / "first.txt"
        model.to_lightgbm(probability="score").save_model(first)
    expected = trees().fit(frame(), Y, init_model=first)
    reordered = frame(colour=frame()["colour"].cat.reorder_categories(["red", "green", "blue"]))
    fewer = frame(colour=frame()["colour"].cat.set_categories(["green", "red", "blue"]))
    for table in (reordered, fewer):
        on = trees().fit(table, Y, init_model=first)
        np.testing.assert_array_equal(on.predict_proba(table), expected.predict_proba(frame()))
    if not saved:
        on = trees().fit(csv_round_trip(frame()), Y, init_model=first)
        np.testing.assert_array_equal(on.predict_proba(frame()), expected.predict_proba(frame()))


@pytest.mark.parametrize("saved", [False, True], ids=["estimator", "file"])
def test_init_model_with_other_columns_raises(model, saved, tmp_path):
    first = model
    if saved:
        first = tmp_path / "first.txt"
        model.to_lightgbm(probability="score").save_model(first)
    cases = [
        (frame(colour=pd.Categorical(np.where(COLOUR == "red", "pink", COLOUR))), "categories"),
        (frame(colour=AMOUNT), r"Column 'colour' of X|2 categorical columns, but X has 1"),
        (frame()[["colour", "amount", "shop"]], "categories"),
        (frame().rename(columns={"amount": "price"}), r"fitted on the features \['shop', 'amount'"),
        (frame().assign(more=0), "init_model has 3 features, but this fit has 4"),
    ]
    for table, message in cases:
        with pytest.raises(ValueError, match=message):
            trees().fit(table, Y, init_model=first)


def test_init_model_with_other_categorical_columns():
    frame = pd.DataFrame({"amount": AMOUNT, "kind": np.arange(len(Y)) % 5})
    categorical = frame.assign(kind=pd.Categorical(frame["kind"]))
    plain, first = trees().fit(frame, Y), trees().fit(categorical, Y)
    for model in (plain, plain.to_lightgbm(probability="score")):
        with pytest.raises(ValueError, match=r"init_model was fitted on .*categor"):
            trees().fit(categorical, Y, init_model=model)
    expected = trees().fit(frame, Y, init_model=first).raw_predict(frame)
    polars = pytest.importorskip("polars").DataFrame(frame.to_dict("list"))
    continued = trees().fit(polars, Y, init_model=first)
    np.testing.assert_array_equal(continued.raw_predict(polars), expected)


def test_init_model_with_another_loss_warns():
    X, first = AMOUNT[:, np.newaxis], trees(gamma=1.0).fit(AMOUNT[:, np.newaxis], Y)
    for parameters in ({"gamma": 2.0}, {"gamma": 1.0, "alpha": 0.25}):
        with pytest.warns(UserWarning, match="was fitted with BinaryFocalLoss") as caught:
            trees(**parameters).fit(X, Y, init_model=first)
        assert caught[0].filename == __file__
    balanced = trees(gamma=1.0, class_weight="balanced")
    clone(balanced).fit(X[:300], Y[:300], init_model=balanced.fit(X, Y))  # no warning
    with pytest.raises(ValueError, match="init_model and init_score must not be given together"):
        trees(gamma=1.0).fit(X, Y, init_model=first, init_score=AMOUNT)


# Column types, alone and with a categorical column.


def null(values):
    return [None if i % 5 == 0 else value for i, value in enumerate(values)]


COLUMN_TYPES = {
    "nullable integers": lambda: pd.array(null(SHOP.tolist()), dtype="Int64"),
    "nullable floats": lambda: pd.array(null(AMOUNT.tolist()), dtype="Float64"),
    "nullable booleans": lambda: pd.array(null((SHOP > 10).tolist()), dtype="boolean"),
    "pyarrow floats": lambda: pd.array(null(AMOUNT.tolist()), dtype="double[pyarrow]"),
    "pyarrow integers": lambda: pd.array(null(SHOP.tolist()), dtype="int32[pyarrow]"),
    "pyarrow booleans": lambda: pd.array(null((SHOP > 10).tolist()), dtype="bool[pyarrow]"),
    "booleans": lambda: SHOP > 10,
    "float32": lambda: AMOUNT.astype(np.float32),
    "float16": lambda: AMOUNT.astype(np.float16),
    "uint8": lambda: SHOP.astype(np.uint8),
    "objects": lambda: np.array(null(SHOP.tolist()), dtype=object),
    "objects with pandas.NA": lambda: np.array([pd.NA, *SHOP[1:].tolist()], dtype=object),
    "decimals": lambda: np.array(null([Decimal(int(i)) for i in SHOP]), dtype=object),
    "object booleans": lambda: np.array(null((SHOP > 10).tolist()), dtype=object),
    "nothing": lambda: np.full(N_ROWS, None),
    "NaN": lambda: np.full(N_ROWS, np.nan),
    "sparse": lambda: pd.arrays.SparseArray(np.where(SHOP > 10, SHOP, 0)),
    "sparse booleans": lambda: pd.arrays.SparseArray(SHOP > 10),
    "sparse around 10": lambda: pd.arrays.SparseArray(SHOP, fill_value=10),
    "sparse around NaN": lambda: pd.arrays.SparseArray(np.where(SHOP > 10, AMOUNT, np.nan)),
}


def plain(column):
    """Return the values as a float64 column."""
    return (
        pd.Series(column)
        .astype(object)
        .map(lambda v: np.nan if pd.isna(v) else float(v))
        .astype(float)
    )


@pytest.mark.parametrize("other_columns", [[], ["colour"]], ids=["alone", "with a category"])
@pytest.mark.parametrize("column_type", COLUMN_TYPES)
def test_column_types_give_the_same_model_as_float64(column_type, other_columns):
    table = pd.DataFrame({"x": COLUMN_TYPES[column_type]()}).join(frame()[other_columns])
    expected = table.assign(x=plain(table["x"]))
    model = trees().fit(table, Y)
    np.testing.assert_array_equal(
        model.predict_proba(table), trees().fit(expected, Y).predict_proba(expected)
    )
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(expected))


@pytest.mark.parametrize("column_type", COLUMN_TYPES)
def test_linear_model_accepts_column_types(column_type):
    table = pd.DataFrame({"x": COLUMN_TYPES[column_type](), "amount": AMOUNT})
    expected = table.assign(x=plain(table["x"]))
    if expected["x"].isna().any():
        with pytest.raises(ValueError, match="contains NaN"):
            FocalLogisticRegression().fit(table, Y)
        table, expected = table[~expected["x"].isna()], expected.dropna()
        if not len(table):
            return
    y = Y[table.index]
    model = FocalLogisticRegression().fit(table, y)
    again = FocalLogisticRegression().fit(expected, y)
    # Sums over float32 columns are float32, and their order may differ.
    np.testing.assert_allclose(model.coef_, again.coef_, rtol=1e-4)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pandas.DataFrame with sparse columns found")
        LogisticRegression(max_iter=1000).fit(table, y)  # accepts the same columns


@pytest.mark.parametrize("value", [1e300, 2**24 + 1, 0.1])
def test_numeric_categories_are_not_rounded_to_float32(value):
    table = pd.DataFrame({"x": pd.Categorical([0, value])})
    np.testing.assert_array_equal(frame_values(table, {}, text_allowed=True)[:, 0], [0, value])


def test_linear_model_accepts_numeric_categories_and_numeric_text():
    table = pd.DataFrame({"shop": pd.Categorical(SHOP), "amount": AMOUNT.astype(str)})
    expected = pd.DataFrame({"shop": SHOP, "amount": AMOUNT})
    model = FocalLogisticRegression().fit(table, Y)
    np.testing.assert_allclose(
        model.coef_, FocalLogisticRegression().fit(expected, Y).coef_, rtol=1e-12
    )
    np.testing.assert_allclose(model.predict_proba(table), model.predict_proba(expected))
    LogisticRegression().fit(table, Y)


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        (COLOUR, "astype"),
        (COLOUR.astype(object), "astype"),
        (np.array(null(COLOUR.tolist()), dtype=object), "astype"),
        (SHOP.astype(str), "astype"),
        (np.array([1, "red"] * (N_ROWS // 2), dtype=object), "astype"),
        (pd.date_range("2020", periods=N_ROWS), "dates or times"),
        (pd.date_range("2020", periods=N_ROWS, tz="UTC"), "dates or times"),
        (pd.timedelta_range(0, periods=N_ROWS), "dates or times"),
        (pd.period_range("2020", periods=N_ROWS, freq="D"), "must be numeric"),
        (pd.interval_range(0, N_ROWS), "must be numeric"),
        ([datetime.date(2020, 1, 1)] * N_ROWS, "must be numeric"),
        (np.full(N_ROWS, 1j), "Complex data not supported"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(pd.Series(value).dtype),
)
@pytest.mark.parametrize("other_columns", [[], ["colour"]], ids=["alone", "with a category"])
def test_non_numeric_columns_raise_with_column_name(column, advice, other_columns):
    table = pd.DataFrame({"when": column}).join(frame()[other_columns])
    with pytest.raises(ValueError, match=f"Column 'when' of X.*{advice}|{advice}.*Column 'when'"):
        trees().fit(table, Y)
    if advice != "astype" and not other_columns:
        with pytest.raises(ValueError, match="Column 'when' of X"):
            FocalLogisticRegression().fit(table, Y)


def test_text_raises_in_linear_model_with_column_name():
    with pytest.raises(ValueError, match=r"Column 'colour' of X must be numeric.*OneHotEncoder"):
        FocalLogisticRegression().fit(pd.DataFrame({"colour": COLOUR}), Y)


@pytest.mark.parametrize("estimator", [trees(), FocalLogisticRegression()], ids=["trees", "linear"])
def test_arrays_of_dates_raise(estimator):
    X = np.array(pd.date_range("2020", periods=N_ROWS))[:, np.newaxis]
    for dates in (X, X - X[0]):
        with pytest.raises(ValueError, match="X must be numeric, got dates or times"):
            estimator.fit(dates, Y)


def test_polars_column_types():
    polars = pytest.importorskip("polars")
    columns = {
        "flag": null((SHOP > 10).tolist()),
        "count": null(SHOP.tolist()),
        "price": [Decimal(int(i)) for i in SHOP],
        "nothing": [None] * N_ROWS,
    }
    expected = pd.DataFrame({name: plain(values) for name, values in columns.items()})
    for other_columns in ({}, {"colour": polars.Series(COLOUR).cast(polars.Categorical)}):
        table = polars.DataFrame(columns).with_columns(**other_columns)
        same = expected.join(frame()[["colour"]]) if other_columns else expected
        np.testing.assert_array_equal(
            trees().fit(table, Y).predict_proba(table), trees().fit(same, Y).predict_proba(same)
        )
    with pytest.raises(TypeError, match=r"got a LazyFrame. Call X\.collect\(\)"):
        trees().fit(table.lazy(), Y)
    with pytest.raises(ValueError, match="Column 'colour' of X must be numeric, got text"):
        trees().fit(polars.DataFrame({"colour": COLOUR}), Y)


# Column names.


@pytest.mark.parametrize("with_category", [False, True])
@pytest.mark.parametrize(
    "names",
    [
        ["a:b", "c"], ['"', "c"], ["{}", "[]"], ["a,b", "c"], ["a\\", "c"],
        ["a b", "a_b"], ["a\tb", "c"], ["a\nb", "c"], ["a\u2028b", "c"], ["\x07", "c"],
        ["", "c"], [" ", "c"], ["größe", "数"], ["Column_1", "Column_0"], [0, 1],
        [("a", "x"), ("a", "y")],
    ],
    ids=repr,
)  # fmt: skip
def test_column_names_with_special_characters(names, with_category):
    table = pd.DataFrame({0: AMOUNT, 1: SHOP})
    if isinstance(names[0], tuple):
        table.columns = pd.MultiIndex.from_tuples(names)
    else:
        table.columns = names
    if with_category:
        column = ("b", "z") if isinstance(names[0], tuple) else 2 if 0 in names else "colour"
        table[column] = pd.Categorical(COLOUR)
    model = trees(n_estimators=5).fit(table, Y, eval_X=table, eval_y=Y)
    plain_names = pd.DataFrame({i: table.iloc[:, i] for i in range(table.shape[1])})
    plain_names.columns = [f"x{i}" for i in range(table.shape[1])]
    expected = trees(n_estimators=5).fit(plain_names, Y).predict_proba(plain_names)
    np.testing.assert_array_equal(model.predict_proba(table), expected)
    again = lightgbm.Booster(model_str=model.to_lightgbm(probability="score").model_to_string())
    assert again.num_feature() == table.shape[1]
    assert model.feature_name_ == again.feature_name()
    assert len(model.booster_.dump_model()["feature_names"]) == table.shape[1]


@pytest.mark.parametrize("estimator", [trees(), FocalLogisticRegression()], ids=["trees", "linear"])
@pytest.mark.parametrize("labels", [[3, 4], [("a", "x"), ("a", "y")]], ids=repr)
def test_columns_in_another_order_raise(estimator, labels):
    table = pd.DataFrame({0: AMOUNT, 1: SHOP})
    table.columns = pd.Index(labels)
    model = clone(estimator).fit(table, Y)
    with pytest.raises(ValueError, match="The columns of X must be in the same order as in fit"):
        model.predict(table.iloc[:, ::-1])
    model.predict(table.to_numpy())


@pytest.mark.parametrize("estimator", [trees(), FocalLogisticRegression()], ids=["trees", "linear"])
def test_frame_without_columns_raises(estimator):
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        clone(estimator).fit(pd.DataFrame(index=range(N_ROWS)), Y)


# Sparse columns and matrices.


@pytest.mark.parametrize("estimator", [trees(), FocalLogisticRegression()], ids=["trees", "linear"])
def test_sparse_dummies_stay_sparse(estimator):
    table = pd.get_dummies(pd.DataFrame({"shop": SHOP.astype(str), "colour": COLOUR}), sparse=True)
    dense = table.sparse.to_dense().astype(float)
    assert sparse.issparse(frame_values(table, {}, text_allowed=True))
    model = clone(estimator).fit(table, Y)
    expected = clone(estimator).fit(dense, Y)
    # rtol is the tolerance of the linear model's solver.
    np.testing.assert_allclose(model.predict_proba(table), expected.predict_proba(dense), rtol=1e-4)
    np.testing.assert_allclose(model.predict_proba(dense), model.predict_proba(table), rtol=1e-12)


@pytest.mark.parametrize("estimator", [trees(), FocalLogisticRegression()], ids=["trees", "linear"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse_matrices_with_64_bit_indices(estimator, form):
    rows = [
        {"shop": str(shop), "amount": abs(amount)}
        for shop, amount in zip(SHOP, AMOUNT, strict=True)
    ]
    X = DictVectorizer().fit_transform(rows).asformat(form)
    wide = X.copy()
    for part in ("indices", "indptr", "row", "col"):
        if hasattr(wide, part) and isinstance(getattr(wide, part), np.ndarray):
            setattr(wide, part, getattr(wide, part).astype(np.int64))
    np.testing.assert_allclose(
        clone(estimator).fit(wide, Y).predict_proba(wide),
        clone(estimator).fit(X, Y).predict_proba(X),
        rtol=1e-12,
    )
