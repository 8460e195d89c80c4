"""A chapter's result without its page: the same on one process and on two, and a page that draws from it."""

import json
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
import torch
from ranks import PATIENCE, environments

from seelike.chapters.prepare import prepare
from seelike.chapters.registry import CHAPTERS
from seelike.cli import main
from seelike.execution import measure
from seelike.execution.notebook import execute, find_chapter, read_parameters
from seelike.results import reuse
from seelike.results.comparison import compare
from seelike.results.results import Result
from seelike.system.errors import InputError

FEW = {"n_images": 24, "batch_size": 4, "n_seeds": 1, "profile": "few"}
ABLATED = {"vit_noskip_early": "", "vit_noskip_late": ""}


def settings(**values) -> list[str]:
    return [f"{name}={value}" for name, value in (FEW | values).items()]


def test_memory_that_cannot_be_had_is_refused_by_the_command(monkeypatch, capsys):
    monkeypatch.setattr(measure, "_measure", lambda *_: torch.empty(2**50))
    assert main(["measure", "uniformity"]) == 2
    assert "seelike: uniformity needs more memory than there is: lower batch_size" in capsys.readouterr().err


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A small result of one process."""
    folder = tmp_path_factory.mktemp("one")
    return measure.measure_chapter("skip_connections", settings(results_dir=folder, **ABLATED))


def test_every_chapter_is_opened_as_its_notebook_opens_it():
    for name in CHAPTERS:
        cells = [c.source for c in nbformat.read(find_chapter(name), as_version=4).cells if c.cell_type == "code"]
        (call,) = (cell for cell in cells if "prepare_page(" in cell and "import" not in cell)
        assert re.fullmatch(r"run = prepare_page\((\w+\.)?CHAPTER, globals\(\)\)\nprint\(run\)", call), name


def start(n: int, chapter: str, folder, **values) -> list[subprocess.Popen]:
    """As torchrun would: n processes that measure a chapter together."""
    command = [sys.executable, "-m", "seelike", "measure", chapter, "-o", str(folder)]
    command += [word for setting in settings(**values) for word in ("-p", setting)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return [subprocess.Popen(command, env=env, **pipes) for env in environments(n)]


def check_same(one, two) -> None:
    """Arrays, effects and intervals of two result files, to 1e-6."""
    one, two = (Result.load(path) for path in (one, two))
    assert compare(one, two).agree(1e-6)
    intervals = [
        {id: part["interval"] for entry in found.claims.values() for id, part in entry["parts"].items()}
        for found in (one, two)
    ]
    assert intervals[0] == {id: pytest.approx(interval, abs=1e-6) for id, interval in intervals[1].items()}


@pytest.mark.processes
def test_two_processes_give_the_result_of_one(measured, tmp_path):
    both = start(2, "skip_connections", tmp_path, **ABLATED)
    (said, _), (silent, _) = (process.communicate(timeout=PATIENCE) for process in both)
    assert [process.returncode for process in both] == [0, 0] and silent == ""
    assert said.splitlines()[-1] == f"skip_connections: {tmp_path}/few/skip_connections.json"
    assert [path.name for path in (tmp_path / "few").iterdir()] == ["skip_connections.json"]
    check_same(measured, tmp_path / "few" / "skip_connections.json")


@pytest.mark.processes
def test_three_processes_give_the_result_of_one_where_models_are_shared_too(tmp_path):
    """Minibatches of attention maps, and one process for the receptive fields of each model."""
    few = {"n_field_images": 1, "vit_low_data": ""}
    one = measure.measure_chapter("attention_distance", settings(results_dir=tmp_path / "one", **few))
    three = start(3, "attention_distance", tmp_path / "three", **few)
    for process in three:
        process.communicate(timeout=PATIENCE)
    assert [process.returncode for process in three] == [0, 0, 0]
    check_same(one, tmp_path / "three" / "few" / "attention_distance.json")


@pytest.mark.processes
def test_a_process_that_is_killed_while_it_measures_leaves_no_file(tmp_path):
    first, second, killed = start(3, "uniformity", tmp_path, vit_small="")
    assert "24 images in 6 minibatches of 4" in first.stdout.readline()  # all is checked, and measuring begins
    killed.kill()
    errors = [process.communicate(timeout=PATIENCE)[1] for process in (first, second)]
    assert [first.wait(), second.wait(), killed.wait()] == [3, 3, -signal.SIGKILL]
    assert "seelike: another of 3 processes has ended; process 0 ends too, and nothing is left" in errors[0]
    assert "Traceback" not in "".join(errors)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.kernel
def test_a_page_takes_the_result_and_measures_nothing(measured, tmp_path):
    """The notebook up to where it has its result; what follows draws from that alone."""
    given = FEW | ABLATED | {"from_result": str(measured), "results_dir": str(tmp_path)}
    page = nbformat.read(find_chapter("skip_connections"), as_version=4)
    last = next(i for i, c in enumerate(page.cells) if "result.save" in c.source)
    page.cells = page.cells[: last + 1]
    page.cells.insert(last, nbformat.v4.new_code_cell("skip_connections.feed = None"))
    nbformat.write(page, tmp_path / "skip_connections.ipynb")
    execute(tmp_path / "skip_connections.ipynb", tmp_path / "drawn.ipynb", given)
    drawn = tmp_path / "few" / "skip_connections.json"
    assert json.loads(drawn.read_text()) == json.loads(measured.read_text())


def open_run(result, **changed):
    parameters = read_parameters(find_chapter("skip_connections")) | FEW | ABLATED | changed
    return prepare(CHAPTERS["skip_connections"], **parameters | {"from_result": str(result)})


def test_a_result_of_the_same_run_is_taken_and_nothing_asked_of_the_measures(measured):
    result = open_run(measured).record(iter(lambda: 1 / 0, None), iter(lambda: 1 / 0, None))
    assert result.claims == Result.load(measured).claims


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"seed": 1}, "from_result must be a result with seed=1, not with 0: 'skip_connections.json' is another run's"),
        ({"n_images": 28}, "a result with n_images=28, not with 24"),
        ({"profile": "other"}, "a result with profile='other', not with 'few'"),
        (
            {"vit_noskip_middle": ""},
            "a result with vit_noskip_middle='', not with 'vit_pocket_noskip4_patch8_56.shapes'",
        ),
    ],
)
def test_a_result_of_other_parameters_is_refused(measured, changed, complaint):
    with pytest.raises(InputError, match=complaint):
        open_run(measured, **changed)


def test_a_result_of_another_chapter_other_images_or_weights_is_refused(measured, tmp_path):
    for place, value, complaint in (
        (("chapter",), "uniformity", "a result of skip_connections, not of uniformity"),
        (("provenance", "dataset", "sha256"), "0", "a result on the same images of dataset, not on others"),
        (("provenance", "models", "vit", "state_sha256"), "0", "a result of the same weights of vit, not of others"),
        (("provenance", "models", "cnn_random", "state_sha256"), "0", "the same weights of cnn_random, not of others"),
    ):
        plain = inner = json.loads(measured.read_text())
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        forged = tmp_path / "skip_connections.json"
        forged.write_text(json.dumps(plain))
        with pytest.raises(InputError, match=complaint):
            open_run(forged).record((), ())
    with pytest.raises(
        InputError, match="from_result must be a file of `seelike measure`, not 'gone.json': the result file"
    ):
        open_run("gone.json")


def test_where_things_lie_does_not_count(measured):
    result = Result.load(measured)
    places = dict.fromkeys(reuse.PLACES, "elsewhere")
    datasets = {"dataset": result.provenance["dataset"]}
    assert reuse.read(str(measured), "skip_connections", result.parameters | {"profile": "few"} | places, datasets)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["scorecard"], "chapter must be one of uniformity, "),
        (["mixer", "-p", "n_imags=3"], "mixer has no parameter 'n_imags'; did you mean n_images?"),
        (["mixer", "-p", "vit=nonsense"], "vit='nonsense' is no model that timm knows"),
        (["mixer", "-p", "from_result=x.json"], "from_result is for a page that draws from a result"),
    ],
)
def test_refuses_in_one_sentence(arguments, complaint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["measure", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"seelike: {complaint}") and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_more_processes_than_minibatches_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("seelike.chapters.prepare.processes", SimpleNamespace(count=lambda: 7))
    with pytest.raises(
        InputError, match="n_images must fill at least one minibatch for each of the 7 processes, 28, no"
    ):
        measure._measure("methods", settings(results_dir=tmp_path), "")
    assert list(tmp_path.iterdir()) == []
