"""The order of a chapter's page: the answer first, and how it was computed folded behind the argument.

A notebook runs from top to bottom, so that its answer comes after parameters, loading and measuring. Its first cell
tagged `answer` ends that part. On the page the part lies in one fold before the provenance, text, code and what was
printed; what the cells show and glue is that of the very same execution.
"""

import re

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

ANSWER = "answer"  # the tag
HIDDEN = {"install", "remove-cell"}  # tags of cells that no page shows; those that glue must stay cells
BEFORE = "## Provenance"
FOLD = """\
## How this was computed

The notebook of this page begins with these cells. [Run it yourself](run.md) says how to set their parameters.

::::::{{dropdown}} Parameters, loading and measuring
{inside}
::::::
"""


def arrange(page: NotebookNode) -> NotebookNode:
    """An executed page in the order of reading; one that has no cell tagged `answer` is left as it is."""
    answers = (i for i, cell in enumerate(page.cells) if ANSWER in _tags(cell))
    first = next(answers, None)
    if first is None:
        return page
    title, *computing = page.cells[:first]
    shown = [cell for cell in computing if not HIDDEN & _tags(cell)]
    rest = [cell for cell in computing if HIDDEN & _tags(cell)] + page.cells[first:]
    end = next((i for i, cell in enumerate(rest) if cell.source.startswith(BEFORE)), len(rest))
    page.cells = [title, *rest[:end], fold(shown), *rest[end:]]
    return page


def fold(cells: list[NotebookNode]) -> NotebookNode:
    """Cells as one of Markdown that a reader may open: headings in bold, code as code, and what it printed."""
    parts = (_show_code(cell) if cell.cell_type == "code" else _flatten_headings(cell.source) for cell in cells)
    return new_markdown_cell(FOLD.format(inside="\n\n".join(parts)))


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _flatten_headings(text: str) -> str:
    return re.sub(r"^#+ (.*)$", r"**\1**", text, flags=re.M)


def _show_code(cell: NotebookNode) -> str:
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    blocks = [("python", cell.source), *([("text", printed.rstrip())] if printed else [])]
    return "\n\n".join(f"`````{language}\n{text}\n`````" for language, text in blocks)
