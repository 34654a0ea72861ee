"""How the gallery runs the examples: in which order, with which arguments, for which picture."""

import shutil
import tempfile
from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

PICTURE = Path(tempfile.mkdtemp(prefix="skattn-gallery-")) / "picture.png"

ORDER = [
    "sunlight.py",
    "does_attention_help.py",
    "known_lag.py",
    "misleading_attention.py",
    "seasons.py",
    "half_day.py",
    "mornings.py",
]


class Order:
    """Sort the examples as they stand in `ORDER`."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        """Return the place of an example."""
        return ORDER.index(filename)


def arguments(gallery_conf, script_vars):
    """Return the command line of every example."""
    return ["--quick", "--picture", str(PICTURE)]


def picture(block, block_vars, gallery_conf):
    """Hand the gallery the picture that a block has written, if it has written one."""
    if not PICTURE.exists():
        return ""
    path = next(block_vars["image_path_iterator"])
    shutil.move(PICTURE, path)
    return figure_rst([path], gallery_conf["src_dir"])
