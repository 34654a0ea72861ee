"""What a built package says about its repository: its links, and a README whose links work.

The address stands in pyproject.toml, ``[tool.hatch.metadata.hooks.custom]``, and nowhere else.
"""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: A Markdown link or picture that leads to a file of the repository.
RELATIVE_LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!\w+:|#)([^)]+)\)")


def with_absolute_links(text, repository, branch):
    """Return a Markdown text whose links lead to files in the repository, wherever it is read."""

    def absolute(match):
        mark, label, path = match.groups()
        kind = "raw" if mark else "blob"
        return f"{mark}{label}({repository}/{kind}/{branch}/{path})"

    return RELATIVE_LINK.sub(absolute, text) if repository else text


class RepositoryHook(MetadataHookInterface):
    """Fill in the fields of the metadata that depend on the repository's address."""

    def update(self, metadata):
        """Set the README, and the links if there is an address."""
        repository, branch = self.config["repository"].rstrip("/"), self.config["branch"]
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = with_absolute_links(text, repository, branch)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        pages = {"Source": "", "Guide": f"/blob/{branch}/docs/guide/index.md",
                 "Changes": f"/blob/{branch}/CHANGELOG.md", "Issues": "/issues"}  # fmt: skip
        metadata["urls"] = {name: repository + page for name, page in pages.items() if repository}
