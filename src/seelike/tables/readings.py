"""The sections of a page that speak of published runs: of each its title, a figure, and how its numbers are to be read.

The text is the run's own (`results.runs`), filled from its result. A cell shows all runs, one after the other; the
built book makes a section of each, with a caption of its own (`site.run_sections`).
"""

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from matplotlib.axes import Axes

from seelike.results.results import Result
from seelike.results.runs import read_runs
from seelike.tables.verdicts import phrases_of

NO_READING = "What this run's numbers mean has not been written down."


def show(result: Result, axes: Axes | np.ndarray) -> None:
    """Show a run in a notebook: its title and images, the figure that `axes` belong to, and the chapter's reading."""
    figure = np.ravel(axes)[0].figure
    of_run = {"seelike": {"run": result.profile}}
    display(Markdown(introduce(result)), metadata=of_run)
    display(figure, metadata=of_run)
    plt.close(figure)
    display(Markdown(read(result)), metadata=of_run)


def introduce(result: Result) -> str:
    """The heading of a run's section and what it is made of."""
    run, known = read_runs()[result.profile], phrases_of(result)
    return f"### {run.fill(run.title, known)}\n\n{run.fill(run.images, known)}. {run.fill(run.lacks, known)}"


def read(result: Result) -> str:
    """What a run's numbers say in one chapter. Raises InputError for a reading that names what the result lacks."""
    run = read_runs()[result.profile]
    return run.fill(run.readings.get(result.chapter, NO_READING), phrases_of(result))
