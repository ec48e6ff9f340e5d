"""Private names of skl2onnx, which no other file imports (extra ``onnx``)."""

import skl2onnx

__all__ = [
    "_parse_sklearn_classifier",
    "get_converter",
    "get_model_alias",
    "register_converter",
    "sklearn_parsers_map",
    "update_registered_parser",
]

try:
    from skl2onnx._parse import (
        _parse_sklearn_classifier,
        sklearn_parsers_map,
        update_registered_parser,
    )
    from skl2onnx._supported_operators import get_model_alias
    from skl2onnx.common._registration import get_converter, register_converter
except ImportError as error:
    raise ImportError(
        f"skfocal.onnx does not work with skl2onnx {skl2onnx.__version__}: {error}. "
        "Upgrade skfocal, or install an older release of skl2onnx."
    ) from error
