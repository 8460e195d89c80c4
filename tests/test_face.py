"""`import seelike as sl`: what it offers, what it costs, and that timm knows the bundled models beside it."""

import subprocess
import sys

import pytest

import seelike as sl


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize(
    "imports",
    [
        "import seelike, timm",
        "import timm, seelike",
        "import seelike, timm.data",
        "import seelike.models.bundled, timm",
    ],
)
def test_timm_creates_a_bundled_model_whichever_is_imported_first(imports):
    done = run(f"{imports}\nimport timm\ntimm.create_model('vit_pocket_patch8_56.shapes', pretrained=True)")
    assert done.returncode == 0, done.stderr


def test_timm_alone_knows_no_bundled_model():
    done = run("import timm; timm.create_model('vit_pocket_patch8_56.shapes')")
    assert done.returncode and "vit_pocket_patch8_56" in done.stderr


def test_the_import_alone_loads_no_library_that_computes():
    done = run(
        "import sys, seelike; assert not {'torch', 'timm', 'numpy', 'matplotlib', 'pandas'} & sys.modules.keys()"
    )
    assert done.returncode == 0, done.stderr


def test_a_measure_needs_neither_timm_nor_a_plot():
    done = run(
        "import sys, seelike as sl; sl.cka; assert not {'timm', 'matplotlib', 'scipy.stats'} & sys.modules.keys()"
    )
    assert done.returncode == 0, done.stderr


def test_it_lists_and_gives_every_call():
    assert set(sl.__all__) <= set(dir(sl))
    assert all(callable(getattr(sl, name)) for name in sl.MEASURES)
    assert callable(sl.plot.heatmap)


def test_what_it_has_not_is_no_attribute():
    with pytest.raises(AttributeError, match="ckka"):
        sl.ckka  # noqa: B018
