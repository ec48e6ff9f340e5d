"""Sphinx configuration.

To build the documentation, run ``sphinx-build -W -b html docs docs/_build/html``. The build needs
no network access.
"""

import os
import re
import sys
import tomllib
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
# Worker processes of the examples must import this copy of the package, too.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])

import skfocal  # noqa: E402

URLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
THUMBNAIL = 640, 448
GALLERY = (ROOT / "examples" / "index.rst").read_text("utf-8")


def gallery_order(path):
    """Position of an example on the gallery page."""
    return GALLERY.index(Path(path).name)


project = "skfocal"
author = "The skfocal developers"
copyright = author
version = release = skfocal.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/*.md5", "auto_examples/*.py", "auto_examples/*.ipynb"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]

# Base URLs of other projects' documentation, with local inventories (see inventories.py).
intersphinx_mapping = {
    name: (url, f"inventories/{name}.txt")
    for name, url in {
        "imblearn": "https://imbalanced-learn.org/stable/",
        "lightgbm": "https://lightgbm.readthedocs.io/en/stable/",
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "optuna": "https://optuna.readthedocs.io/en/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "sklearn": "https://scikit-learn.org/stable/",
        "xgboost": "https://xgboost.readthedocs.io/en/stable/",
    }.items()
}

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the class template lists them, including inherited ones

plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 160)]
plot_include_source = False

sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "examples"),
    "gallery_dirs": "auto_examples",
    "copyfile_regex": r"index\.rst",  # defines the sections, since all files are in one folder
    "minigallery_sort_order": gallery_order,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skfocal",),
    "reference_url": {"skfocal": None},
    "thumbnail_size": THUMBNAIL,
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "matplotlib_animations": False,
    "write_computation_times": False,
}
copybutton_prompt_text = ">>> |\\.\\.\\. "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = "skfocal"
html_static_path = ["_static"]
html_css_files = ["skfocal.css"]
html_show_sourcelink = False
html_sidebars = {"**": []}  # leave the width to code blocks
html_theme_options = {
    "logo": {"text": f"skfocal {version}"},
    "icon_links": [
        {"name": "Repository", "url": URLS["Repository"], "icon": "fa-brands fa-github"}
    ],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 5,
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_math_renderer = "mathml"


def visit_math(translator, node):
    """Write a formula as MathML, which browsers render without JavaScript."""
    as_block = isinstance(node, nodes.math_block)
    # Docutils does not convert apostrophes to primes. The prime character is already raised.
    tex = re.sub("'+", lambda primes: r"\text{" + "\N{PRIME}" * len(primes[0]) + "}", node.astext())
    mathml = tex2mathml(tex, as_block=as_block)
    translator.body.append(f'<div class="formula">{mathml}</div>' if as_block else mathml)
    raise nodes.SkipNode


def crop_thumbnails(app):
    """Crop the thumbnails of wide or tall figures to the first panel, to keep them readable."""
    images = Path(app.srcdir) / "auto_examples" / "images"
    for thumbnail in (images / "thumb").glob("*_thumb.png"):
        picture = images / thumbnail.name.replace("_thumb", "_001")
        if picture.exists():
            with Image.open(picture) as image:
                width = min(image.width, image.height * THUMBNAIL[0] // THUMBNAIL[1])
                height = min(image.height, image.width * THUMBNAIL[1] // THUMBNAIL[0])
                panel = image.crop((0, 0, width, height))
            panel.thumbnail(THUMBNAIL)
            panel.save(thumbnail)


def setup(app):
    """Register the formula renderer, and crop thumbnails after sphinx-gallery has created them."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
    app.connect("builder-inited", crop_thumbnails, priority=900)
