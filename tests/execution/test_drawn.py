"""What is drawn before pages are forked is what their chapters look at."""

import sys

from seelike.chapters.registry import CHAPTERS
from seelike.execution import notebook
from seelike.images.drawings import KEPT, _draw_once


def test_it_is_what_most_chapters_choose_and_all_of_it_is_kept():
    sys.modules.pop("seelike.execution.drawn", None)
    _draw_once.cache_clear()
    from seelike.execution import drawn

    assert _draw_once.cache_info().currsize == sum(drawn.MOST.values()) < KEPT
    chosen = [notebook.read_parameters(notebook.find_chapter(name)) for name in CHAPTERS]
    shapes = [each for each in chosen if each["dataset"] == "shapes"]
    assert len(shapes) > len(chosen) / 2
    for each in shapes:
        assert each["seed"] == drawn.SEED and each["n_images"] <= drawn.MOST[each["split"]]
