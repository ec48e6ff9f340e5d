"""Convert dataframes to float arrays, with integer codes for categorical columns.

LightGBM never receives a dataframe, so its results do not depend on how a table stores its
columns.
"""

import numpy as np

PLAIN_KINDS = "biuf"  # booleans, integers and floats, which scikit-learn converts


def is_frame(X):
    """Return whether X is a pandas dataframe."""
    return hasattr(X, "iloc") and hasattr(X, "columns")


def as_frame(X, *, keep_plain):
    """Convert polars and pyarrow tables to pandas, and return anything else unchanged.

    A polars ``Enum`` becomes an unordered category, like polars' ``Categorical``. With
    ``keep_plain``, polars dataframes of floats and integers are not converted either.
    """
    if hasattr(X, "collect_schema") and not hasattr(X, "to_pandas"):
        raise TypeError(f"X must be in memory, got a {type(X).__name__}. Call X.collect() first.")
    if is_frame(X) or not hasattr(X, "to_pandas") or not hasattr(X, "columns"):
        return X
    dtypes = getattr(X, "dtypes", None)  # pyarrow tables have none
    if keep_plain and dtypes and all(dtype.is_float() or dtype.is_integer() for dtype in dtypes):
        return X
    frame = X.to_pandas()
    for name, dtype in zip(X.columns, dtypes or [], strict=False):
        if type(dtype).__name__ == "Enum":
            frame[name] = frame[name].cat.as_unordered()
    return frame


def is_categorical(column):
    """Return whether a pandas column is categorical."""
    return hasattr(column.dtype, "categories")


def find_categories(X):
    """Return a dict that maps the position of each categorical column to its categories.

    Raises ``TypeError`` for categories other than strings and numbers, because LightGBM saves
    categories as JSON.
    """
    found = {}
    for i, column in _columns(X):
        if is_categorical(column):
            found[i] = column.cat.categories.tolist()
            for value in found[i]:
                if _kind(value) is None:
                    raise TypeError(
                        f"Categories must be strings or numbers, got {value!r} in column "
                        f"{column.name!r} of X. Rename them with .cat.rename_categories(str)."
                    )
    return found


def nominal_columns(X, categories):
    """Return the positions of the categorical columns of X that are unordered."""
    return [i for i in categories if not getattr(X.iloc[:, i].dtype, "ordered", False)]


def check_column_order(X, labels):
    """Raise ``ValueError`` if X has the columns of ``fit`` in another order.

    scikit-learn checks names that are strings. This checks other labels, such as tuples.
    """
    given = list(X.columns)
    if labels and given != labels and sorted(map(repr, given)) == sorted(map(repr, labels)):
        raise ValueError(
            f"The columns of X must be in the same order as in fit, {labels}, got {given}."
        )


def frame_values(X, categories, *, text_allowed):
    """Return the values of a pandas dataframe as floats, with codes for categorical columns.

    Parameters
    ----------
    X : pandas.DataFrame
    categories : dict of int to list
        Categories in ``fit``, by column position.
    text_allowed : bool
        Whether to parse numbers that are stored as text, as scikit-learn does.

    Returns
    -------
    values : pandas.DataFrame, ndarray or COO matrix
        X itself if all columns are already plain numbers.

    Raises
    ------
    ValueError
        If a column can be read neither as numbers nor as known categories. The message names
        the column.
    """
    if not categories and len(X.columns):
        if all(_is_plain(dtype) for dtype in X.dtypes):
            return X
        if all(_is_sparse(dtype) for dtype in X.dtypes):
            return _sparse_values(X)
    values = np.empty(X.shape, _common_dtype(X, categories), order="F")
    for i, column in _columns(X):
        if i in categories:
            values[:, i] = _codes(column, categories[i])
        else:
            values[:, i] = _numbers(column, text_allowed)
    return values


def _columns(X):
    if not is_frame(X):
        return []
    # Columns are selected by position because labels may repeat.
    return ((i, X.iloc[:, i]) for i in range(X.shape[1]))


def _is_plain(dtype):
    return isinstance(dtype, np.dtype) and dtype.kind in PLAIN_KINDS


def _is_sparse(dtype):
    """Return whether a pandas dtype is sparse with the fill value 0."""
    return hasattr(dtype, "fill_value") and dtype.fill_value == 0 and dtype.kind in PLAIN_KINDS


def _sparse_values(X):
    dtype = type(X.dtypes.iloc[0])
    return X.astype(dtype(np.float64, 0)).sparse.to_coo()


def _common_dtype(X, categories):
    """Return float32 if it represents the values of all columns exactly, else float64."""
    dtypes = [
        np.min_scalar_type(len(categories[i])) if i in categories else column.dtype
        for i, column in _columns(X)
    ]
    exact = all(map(_is_plain, dtypes)) and np.result_type(np.float32, *dtypes) == np.float32
    return np.float32 if exact else np.float64


def _codes(column, known):
    """Return the index of each value in the known categories; NaN means missing.

    In a categorical column, unknown categories are treated as missing, as in LightGBM. In any
    other column, an unknown value is more likely a mistake and raises ``ValueError``.
    """
    if is_categorical(column):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, values = column.factorize()
    code_of = {(_kind(value), value): code for code, value in enumerate(known)}
    found = np.array([code_of.get((_kind(value), value), np.nan) for value in values] + [np.nan])
    kinds = {_kind(value) for value in known} or {"text", "boolean", "number"}
    unknown = [
        value
        for value, code in zip(values, found, strict=False)
        if np.isnan(code) and not (is_categorical(column) and _kind(value) in kinds)
    ]
    if unknown:
        raise ValueError(
            f"Column {column.name!r} of X must contain only the categories seen in fit, "
            f"{_shortened(known)}, got the unknown values {_shortened(unknown)}. Pass the column "
            "as a pandas category with values of the same type as in fit."
        )
    return found[codes]


def _numbers(column, text_allowed):
    """Return a column as floats; NaN means missing."""
    if _is_plain(column.dtype):
        return column.to_numpy()
    if is_categorical(column):
        values = _numbers(column.cat.categories.to_series(name=column.name), text_allowed)
        return np.append(values, np.nan)[column.cat.codes]
    name = f"Column {column.name!r} of X"
    if column.dtype.kind in "mM":
        raise ValueError(
            f"{name} must be numeric, got dates or times ({column.dtype}). Convert it first, "
            "for example to days with (column - start).dt.days."
        )
    if column.dtype.kind == "c":
        raise ValueError(f"Complex data not supported. {name} must be real.")
    holds_text = column.dtype.kind == "O" and any(isinstance(value, str) for value in column)
    if holds_text and not text_allowed:
        raise ValueError(
            f"{name} must be numeric, got text. Convert it with .astype('category') before fit "
            "to use it as a category, or with .astype(float) if it contains numbers."
        )
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numeric, got {column.dtype} ({error}). Encode it first, for example "
            "with sklearn.preprocessing.OneHotEncoder."
        ) from error


def _kind(value):
    """Return the kind of a category; categories of different kinds never match (1 is not True)."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "number" if isinstance(value, int | float | np.number) else None


def _shortened(values):
    listed = ", ".join(map(repr, values[:5]))
    return f"[{listed}{', ...' if len(values) > 5 else ''}]"
