"""What a page says of numbers that its result does not hold, such as those of models that are still to be trained.

A cell bears in its metadata which claim or measure it is about, `"seelike": {"needs": "P5"}`, and is on the page if
that was measured; one with `"lacks"` instead is there if it was not.
"""

from nbformat import NotebookNode

from seelike.results.results import Result


def leave_out(page: NotebookNode, result: Result | None) -> NotebookNode:
    """An executed page without the cells that do not suit its own result; all are left of a page without one."""
    if result:
        known = result.claims.keys() | result.measures.keys()
        page.cells = [cell for cell in page.cells if _suits(cell.metadata.get("seelike", {}), known)]
    return page


def _suits(told: dict, known: set[str]) -> bool:
    return told.get("needs", "") in {"", *known} and told.get("lacks") not in known
