"""What search engines and other sites show of a page: the `description` in its front matter or notebook metadata."""

import html

from sphinx.application import Sphinx


def describe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Write a page's description into its head; sphinxext-opengraph, which comes after, takes it up."""
    about = context.get("meta") or {}
    if "description" in about:
        context["metatags"] += f'<meta name="description" content="{html.escape(about["description"])}" />\n'
        about["og:description"] = about["description"]


def setup(app: Sphinx) -> dict:
    """Register with Sphinx, before sphinxext-opengraph."""
    app.connect("html-page-context", describe, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
