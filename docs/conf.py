"""How Sphinx builds the site: without a warning, and without any request to the outside."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import generate
from nbclient import NotebookClient

import tinygrad_lstm

# Kernels announce themselves and warn of unencrypted local sockets. Here only errors are news.
logging.getLogger("traitlets").setLevel(logging.ERROR)
NotebookClient.extra_arguments.default_args = (["--log-level=ERROR"],)

generate.pages(HERE / "generated")

project = "tinygrad_lstm"
author = "the tinygrad_lstm authors"
release = version = tinygrad_lstm.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build", "conf.py", "generate.py"]

myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_excludepatterns = ["generated/*"]  # the notebooks come with their outputs
nb_execution_raise_on_error = True
nb_execution_timeout = 120

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are listed once, not described once more each

html_theme = "furo"
html_title = "tinygrad_lstm"
html_static_path = ["_static"]
html_css_files = ["pictures.css"]
html_copy_source = False
html_show_sphinx = html_show_copyright = False

mathjax_path = "mathjax/tex-svg.js"
# Left on, MathJax 4 asks for a speech worker: a file of its own that is not vendored.
# The setting with a 3 in its name says the same to version 4, and older releases of Sphinx know it.
mathjax3_config = {
    "options": {
        "enableSpeech": False,
        "enableBraille": False,
        "enableExplorer": False,
        "menuOptions": {"settings": {"speech": False, "braille": False, "enrich": False}},
    }
}


def setup(app) -> None:
    app.connect("autodoc-process-docstring", generate.to_restructured_text, priority=400)
    app.connect("autodoc-process-docstring", generate.rejoin, priority=600)
