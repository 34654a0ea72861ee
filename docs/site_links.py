"""Where links of the site lead: to its own pages, and from public names to the reference."""

import re
from pathlib import Path
from urllib.parse import unquote

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging

import skattn

#: A Markdown link that leaves docs/ for a file that has a page on the site.
LINK = re.compile(r"\]\((?:\.\./)+(?:(benchmarks/RESULTS\.md)|(CHANGELOG\.md)|examples/(\w+)\.py)")

LOGGER = logging.getLogger(__name__)

#: What holds code that is no text: it has a link already, or is too large for one.
NO_TEXT = nodes.title | nodes.reference | addnodes.pending_xref


def stay_on_the_site(app, docname, source):
    """Point links to files beside docs/ to the pages that show them."""

    def page(link):
        results, changes, example = link.groups()
        return "](" + ("/results.md" if results else "/changes.md" if changes else
                       f"/gallery/{example}.rst")  # fmt: skip

    source[0] = LINK.sub(page, source[0])


def link_public_names(app, doctree):
    """Link each public name that stands as code in the text to its page of the reference."""
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if name in skattn.__all__ and not isinstance(literal.parent, NO_TEXT):
            link = addnodes.pending_xref("", refdomain="py", reftype="obj", refexplicit=True)
            link["reftarget"], link["refdoc"] = f"skattn.{name}", app.env.docname
            literal.replace_self(link)
            link += literal


def leave_out_inherited(app, what, name, obj, skip, options):
    """Skip methods that scikit-learn and Keras make: their pages are elsewhere."""
    is_request = re.fullmatch(r"set_\w+_request", name)
    module = getattr(obj, "__module__", None) or ""
    return True if is_request or module.startswith(("sklearn.", "keras.")) else None


def warn_of_dead_links(app, exception):
    """Warn of each link in a built page to a file that is not there."""
    if exception or app.builder.name != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        if "_static" in page.parts:
            continue
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            is_outside = re.match(r"\w+:|//", link)
            if not is_outside and not (page.parent / unquote(link)).exists():
                LOGGER.warning("%s leads to %s, which is not there", page, link)
