"""Arrays of NumPy and, under scikit-learn's array API dispatch, of other libraries.

``xp`` is the namespace of an array: the module ``numpy`` itself, or what scikit-learn has for
another library. This is the only file that uses scikit-learn's array API support.
"""

import numpy as np

from skfocal._private import HAS_ARRAY_API as SUPPORTED
from skfocal._private import get_config

if SUPPORTED:  # before scikit-learn 1.9 every array is taken as NumPy takes it
    from skfocal._private import (
        _is_numpy_namespace,
        _max_precision_float_dtype,
        array_namespace,
        check_same_namespace,
        get_namespace,
        is_array_api_obj,
        move_to,
    )


def namespace(array):
    """Namespace to compute in: the array's under scikit-learn's dispatch, else NumPy's."""
    if not (SUPPORTED and get_config()["array_api_dispatch"] and is_array_api_obj(array)):
        return np
    xp, _ = get_namespace(array)
    return np if _is_numpy_namespace(xp) else xp


def own_namespace(array):
    """Namespace of an array of any library, whether or not dispatch is enabled."""
    if isinstance(array, np.ndarray) or not SUPPORTED or not is_array_api_obj(array):
        return np
    xp = array_namespace(array)
    return np if _is_numpy_namespace(xp) else xp


def move_like(values, array, xp):
    """``values`` in the namespace and on the device of an array, in their own dtype."""
    if xp is np:
        return to_numpy(values)
    if type(values) is type(array) and values.device == array.device:
        return values
    values = values if hasattr(values, "__dlpack__") else np.asarray(values)
    return move_to(values, xp=xp, device=array.device)


def as_like(values, array, xp):
    """``values`` in the namespace, on the device and in the dtype of an array."""
    if xp is np:
        return np.asarray(values, array.dtype)
    return xp.asarray(move_like(values, array, xp), dtype=array.dtype)


def is_complex(values, xp):
    """Whether an array is of complex numbers."""
    kind = "complex floating"
    return values.dtype.kind == "c" if xp is np else xp.isdtype(values.dtype, kind)


def floating(name, values, xp):
    """``values`` of another library in their own floating dtype, or in its widest one."""
    if is_complex(values, xp):
        raise TypeError(f"{name} must be numeric, got {values!r}.")
    if values.dtype in (xp.float32, xp.float64):
        return values
    return xp.astype(values, _max_precision_float_dtype(xp, values.device))


def to_numpy(values):
    """``values`` as NumPy has them where they are another library's under dispatch."""
    return values if namespace(values) is np else move_to(values, xp=np, device="cpu")


def total(values, xp, axis=None):
    """Sum in float64, as a NumPy array; in float32 on devices that have nothing larger."""
    if xp is np:
        return np.sum(values, axis=axis, dtype=np.float64)
    dtype = _max_precision_float_dtype(xp, values.device)
    return np.asarray(to_numpy(xp.sum(values, axis=axis, dtype=dtype)), np.float64)


def refuse_other_namespace(X, estimator, method):
    """Raise ValueError unless X is of the namespace and device that ``coef_`` is of."""
    if SUPPORTED:
        check_same_namespace(X, estimator, attribute="coef_", method=method)
