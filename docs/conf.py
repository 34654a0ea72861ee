"""Sphinx configuration: ``sphinx-build docs build/docs``."""

import importlib.metadata

project = "skattn"
author = "the skattn developers"
version = release = importlib.metadata.version("skattn")
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
extensions += ["sphinx.ext.mathjax", "sphinx_gallery.gen_gallery"]
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
autosummary_generate = True
suppress_warnings = ["config.cache"]
html_theme = "alabaster"
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
}
