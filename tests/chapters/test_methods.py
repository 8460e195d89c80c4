"""The chapter on CKA itself: it measures without a control, and refuses too few images."""

import pytest

from seelike.chapters import methods
from seelike.chapters.prepare import prepare
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.system.errors import InputError


def test_the_chapter_measures_and_records_without_a_control(tmp_path):
    parameters = read_parameters(find_chapter("methods")) | {"n_images": 32, "batch_size": 16}
    del parameters["results_dir"]
    run = prepare(methods.CHAPTER, str(tmp_path), **parameters)
    result = run.record(methods.measure_runs(run.load_models(), run), [])
    assert result.claims == {} and "cka_by_minibatch" in result.measures
    assert result.save(tmp_path).is_file()


def test_no_more_images_are_used_than_are_kept():
    assert methods.CHAPTER.most_images == methods.MOST_IMAGES == 1024


def test_too_few_images_are_refused(tmp_path):
    parameters = read_parameters(find_chapter("methods")) | {"n_images": 8, "batch_size": 8}
    del parameters["results_dir"]
    with pytest.raises(InputError, match="n_images must be 16 or more in this chapter, not 8"):
        prepare(methods.CHAPTER, str(tmp_path), **parameters)
