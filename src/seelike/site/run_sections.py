"""Of the one cell that shows all published runs, a section a run: its figure with a caption and numbers of its own.

Such a cell bears in its metadata what its figures have in common, with placeholders as in `results.runs`, and `{run}`:
`"seelike": {"runs": {"caption": "… {vit} …", "name": "fig-uniformity-{run}", "alt": "…", "numbers": ["cka/vit"]}}`.
Of the numbers those stand beside a run's figure that its result holds.
"""

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from seelike.results.results import Result
from seelike.results.runs import read_runs
from seelike.tables.verdicts import phrases_of

NONE = "No other run of this chapter is published."


def expand(page: NotebookNode, results: dict[str, Result]) -> NotebookNode:
    """An executed page whose cells of all runs are replaced by cells for each.

    Args:
        results: run → result of the page's chapter.

    Raises InputError for a caption that names what a result does not hold.
    """
    page.cells = [part for cell in page.cells for part in (_split(cell, results) if _common(cell) else [cell])]
    return page


def _common(cell: NotebookNode) -> dict | None:
    return cell.metadata.get("seelike", {}).get("runs")


def _split(cell: NotebookNode, results: dict[str, Result]) -> list[NotebookNode]:
    """Text before the figure, the figure, and text after it, of every run that the cell has shown."""
    parts = []
    for output in cell.outputs:
        run = output.metadata.get("seelike", {}).get("run")
        if run and "text/markdown" in output.data:
            parts.append(new_markdown_cell("".join(output.data["text/markdown"])))
        elif run:
            parts.append(_make_figure(cell, output, results[run]))
    return parts or [new_markdown_cell(NONE)]


def _make_figure(cell: NotebookNode, output: NotebookNode, result: Result) -> NotebookNode:
    run = read_runs()[result.profile]
    known = phrases_of(result) | {"run": run.name}
    numbers = [name for name in _common(cell)["numbers"] if name.partition("/")[0] in result.measures]
    caption, name, alt = (run.fill(_common(cell)[key], known) for key in ("caption", "name", "alt"))
    metadata = {
        "mystnb": {"figure": {"caption": caption, "name": name}, "image": {"alt": alt}},
        "seelike": {"numbers": {f"{result.chapter}/{run.name}": numbers}},
        "tags": ["remove-input"],
    }
    source = f"# drawn from results/{run.name}/{result.chapter}.json"  # of a cell without source nothing would be shown
    return new_code_cell(source, metadata=nbformat.from_dict(metadata), outputs=[output])
