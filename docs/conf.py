"""Sphinx configuration: ``python -m sphinx -W docs build``."""

import importlib.metadata
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import gallery_runs
import site_links

project = "skattn"
author = "the skattn developers"
copyright = f"2026, {author}"  # noqa: A001
version = release = importlib.metadata.version("skattn")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
default_role = "py:obj"
suppress_warnings = [
    "config.cache",  # the gallery's functions cannot be pickled
    "myst.header",  # RESULTS.md goes from the first level of headings to the third
]

# Pages in Markdown
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# Reference
autosummary_generate = True
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False

# Gallery
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": gallery_runs.Order,
    "reset_argv": gallery_runs.arguments,
    "image_scrapers": (gallery_runs.picture,),
    "doc_module": ("skattn",),
    "backreferences_dir": "generated/backreferences",
    "remove_config_comments": True,
    "show_signature": False,
    "thumbnail_size": (640, 448),
    "min_reported_time": 0,
    "notebook_extensions": set(),  # a notebook has no command line
    "download_all_examples": False,
}

# Look
html_theme = "pydata_sphinx_theme"
html_title = "skattn"
html_static_path = ["_static"]
html_css_files = ["skattn.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {
    page: [] for page in ("index", "evidence", "threat-model", "design", "results", "changes")
}
html_theme_options = {
    "logo": {"text": "skattn"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "header_links_before_dropdown": 8,
    "secondary_sidebar_items": {  # code of the gallery is wide: it gets the room
        "[!gi]*": ["page-toc"],
        "guide/*": ["page-toc"],
        "generated/*": ["page-toc"],
    },
    "navigation_with_keys": False,
}


def setup(app):
    """Connect what the extensions above do not know."""
    app.connect("source-read", site_links.stay_on_the_site)
    app.connect("doctree-read", site_links.link_public_names)
    app.connect("autodoc-skip-member", site_links.leave_out_inherited)
    app.connect("build-finished", site_links.warn_of_dead_links)
