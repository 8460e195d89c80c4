"""Several chapters in one command: each takes its own parameters, what was done is kept, a stop leaves nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from ranks import PATIENCE

from seelike.cli import main
from seelike.execution import rerun
from seelike.execution.notebook import find_chapter
from seelike.execution.rerun import read_settings, run, stamp_place
from seelike.system.errors import InputError

PARAMETERS = 'profile = "pocket"\nn_images = 8\nresults_dir = "results"\n'
# A chapter that notes that it ran, fails where told to, and writes its result.
CODE = """from pathlib import Path
with open("ran", "a") as log: log.write("{name} ")
if "{name}" == Path("fail").read_text(): raise RuntimeError("stop")
Path(results_dir, profile).mkdir(parents=True, exist_ok=True)
Path(results_dir, profile, "{name}.json").write_text(str(n_images))
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Two small chapters, "one" with a parameter of its own, and an empty folder to work in."""
    book = tmp_path / "book"
    (book / "profiles").mkdir(parents=True)
    for name, own in (("one", "layers = 'all'\n"), ("two", "")):
        cells = [nbformat.v4.new_code_cell(PARAMETERS + own, metadata={"tags": ["parameters"]}),
                 nbformat.v4.new_code_cell(CODE.format(name=name))]  # fmt: skip
        kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), book / f"{name}.ipynb")
    (book / "profiles" / "large.yaml").write_text("profile: large\nn_images: 16\nlayers: blocks\n")
    monkeypatch.setattr("seelike.execution.notebook.BOOK", book)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    Path("fail").write_text("")


@pytest.fixture
def chapters(book, one_kernel):
    """The two chapters, executed in one kernel."""


def stamp_files(given: dict) -> dict[str, list]:
    return rerun.stamp_files(given, stamp_place)


def test_files_are_known_by_what_they_are_not_by_where_they_lie(tmp_path, monkeypatch):
    monkeypatch.delenv("SEELIKE_CIFAR10", raising=False)
    weights, folder = tmp_path / "own.safetensors", tmp_path / "pictures"
    (folder / "cats").mkdir(parents=True)
    (folder / "cats" / "1.png").write_bytes(b"a cat")
    weights.write_bytes(b"weights")
    given = {"vit_checkpoint": str(weights), "data_dir": str(folder), "cnn_checkpoint": "", "n_images": 8}
    before = stamp_files(given)
    assert before == stamp_files(given | {"n_images": 9}) and before["cnn_checkpoint"] == []
    weights.write_bytes(b"others!")
    os.utime(weights, ns=(1, 1))
    later = stamp_files(given)
    assert later["vit_checkpoint"] != before["vit_checkpoint"] and later["data_dir"] == before["data_dir"]
    (folder / "cats" / "2.png").write_bytes(b"another")
    assert stamp_files(given)["data_dir"] != before["data_dir"]
    monkeypatch.setenv("SEELIKE_CIFAR10", str(folder))
    assert stamp_files({"data_dir": ""})["data_dir"] == stamp_files(given)["data_dir"]


def test_of_a_part_of_weights_the_whole_file_is_known(tmp_path):
    weights = tmp_path / "own.pth"
    weights.write_bytes(b"weights")
    whole, part = stamp_files({"vit_checkpoint": str(weights)}), stamp_files({"vit_checkpoint": f"{weights}#teacher"})
    assert whole == part and len(whole["vit_checkpoint"]) == 1


def test_a_folder_of_images_is_looked_through_once_for_all_chapters_of_a_run(chapters, tmp_path, monkeypatch):
    add_parameters('data_dir = ""\n')
    pictures, looked = str(tmp_path / "pictures"), []
    monkeypatch.setattr(rerun, "stamp_place", lambda place: looked.append(place) or stamp_place(place))
    run(["one", "two"], [f"data_dir={pictures}"])
    assert looked == [pictures] and ran() == ["one", "two"]
    run(["one", "two"], [f"data_dir={pictures}"])
    assert looked == [pictures] * 2  # what has changed between runs is noticed


def add_parameters(lines: str) -> None:
    """To both chapters."""
    for notebook in Path("../book").glob("*.ipynb"):
        page = nbformat.read(notebook, as_version=4)
        page.cells[0].source += lines
        nbformat.write(page, notebook)


def test_a_chapter_runs_again_when_its_weights_have_changed(chapters, capsys):
    add_parameters('vit_checkpoint = ""\n')
    weights = Path("own.safetensors")
    weights.write_bytes(b"weights")
    run(["one", "two"], [f"vit_checkpoint={weights}"])
    run(["one", "two"], [f"vit_checkpoint={weights}"])
    assert ran() == ["one", "two"]
    weights.write_bytes(b"other weights")
    run(["one", "two"], [f"vit_checkpoint={weights}"])
    assert ran() == ["one", "two"] * 2


def ran() -> list[str]:
    return Path("ran").read_text().split()


def test_a_stopped_run_goes_on_at_the_first_chapter_not_done(chapters, capsys):
    Path("fail").write_text("two")
    with pytest.raises(Exception, match="stop"):
        run(["one", "two"], [])
    assert Path("one.out.ipynb").is_file() and not Path("two.out.ipynb").exists()
    Path("fail").write_text("")
    run(["one", "two"], [])
    assert ran() == ["one", "two", "two"]
    assert "one: done before, one.out.ipynb is kept" in capsys.readouterr().out
    run(["one", "two"], [], again=True)
    assert ran() == ["one", "two", "two", "one", "two"]
    run(["one"], [])  # one alone is asked for by name, so it runs
    assert ran()[-1] == "one"


def test_what_was_done_with_other_parameters_or_lost_its_result_runs_anew(chapters):
    run(["one", "two"], [])
    run(["one", "two"], ["layers=blocks"])
    assert ran() == ["one", "two", "one"]
    Path("results/pocket/two.json").unlink()
    run(["one", "two"], ["layers=blocks"])
    assert ran() == ["one", "two", "one", "two"]


def test_each_chapter_takes_the_parameters_that_it_has(chapters):
    run(["one", "two"], ["layers=blocks", "n_images=9"], output="out")
    assert Path("results/mine/one.json").read_text() == Path("results/mine/two.json").read_text() == "9"
    assert sorted(page.name for page in Path("out").iterdir()) == ["one.out.ipynb", "two.out.ipynb"]
    with pytest.raises(InputError, match="one two has no parameter 'layer'; did you mean layers?"):
        run(["one", "two"], ["layer=blocks"])
    with pytest.raises(InputError, match="two has no parameter 'layers'"):
        run(["two"], ["layers=blocks"])


def test_a_profile_holds_parameters_of_some_chapter(chapters, tmp_path):
    profile = tmp_path / "own.yaml"
    profile.write_text("n_images: 9\nlayers: blocks\n")
    run(["two"], [], profile=str(profile))  # layers are of another chapter
    profile.write_text("n_imags: 9\n")
    with pytest.raises(InputError, match="profile .* has no parameter 'n_imags'; did you mean n_images?"):
        run(["two"], [], profile=str(profile))
    profile.write_text("n_runs: 2\n")
    with pytest.raises(InputError, match="profile .* has no parameter 'n_runs'; .*'n_seeds'"):
        run(["two"], [], profile=str(profile))


@pytest.mark.parametrize(
    ("settings", "profile", "called"),
    [
        ([], "", "pocket"),
        (["n_images=9"], "", "mine"),
        (["n_images=8"], "", "pocket"),
        (["n_images=9", "profile=own"], "", "own"),
        (["results_dir=results"], "", "pocket"),
        ([], "large", "large"),
        (["n_images=16"], "large", "large"),
        (["n_images=8"], "large", "mine"),
    ],
)
def test_a_run_that_is_not_the_published_one_does_not_take_its_place(chapters, settings, profile, called):
    run(["two"], settings, profile)
    assert [path.parent.name for path in Path("results").rglob("two.json")] == [called]


@pytest.mark.parametrize(
    ("pictures", "profile", "called"),
    [
        ("far/cue-conflict-224.tar", "saliency-resnet50", "saliency-resnet50"),
        ("far/others.tar", "saliency-resnet50", "mine"),
        ("far/cue-conflict-224.tar", "", "mine"),
    ],
)
def test_of_cue_conflicts_the_file_counts_by_its_name(pictures, profile, called):
    chapter = "intriguing_properties"
    given = [f"conflicts_data_dir={pictures}", "conflicts_classes=far/cue-conflict-classes.json"]
    values = read_settings(given, profile, {chapter: find_chapter(chapter)})[chapter]
    assert values["profile"] == called and values["conflicts_data_dir"] == pictures


def test_a_profile_may_be_a_file_of_ones_own(chapters):
    Path("own.yaml").write_text("profile: own\nn_images: 12\n")
    run(["two"], [], "own.yaml")
    assert Path("results/own/two.json").read_text() == "12"
    Path("bad.yaml").write_text("n_images: [1")
    with pytest.raises(InputError, match="profile 'bad.yaml' cannot be read"):
        run(["two"], [], "bad.yaml")
    Path("bad.yaml").write_text("n_images: twelve")
    with pytest.raises(InputError, match="n_images must be a whole number, not 'twelve'"):
        run(["two"], [], "bad.yaml")
    Path("bad.yaml").write_text("- n_images")
    with pytest.raises(InputError, match="profile 'bad.yaml' must hold lines such as 'n_images: 512'"):
        run(["two"], [], "bad.yaml")


def test_a_chapter_that_fails_unforeseen_ends_with_3_and_its_lines(chapters, capfd):
    Path("fail").write_text("two")
    assert main(["run", "two"]) == 3
    said = capfd.readouterr().err
    assert "RuntimeError: stop" in said and said.strip().endswith("please report the lines above")
    assert not Path("two.out.ipynb").exists()


@pytest.mark.kernel
def test_a_chapter_that_the_system_ends_is_refused_in_a_sentence(book):
    page = nbformat.read("../book/two.ipynb", as_version=4)
    page.cells[-1].source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    nbformat.write(page, "../book/two.ipynb")
    with pytest.raises(InputError, match="two was ended by the system; if that was for want of memory, lower batch"):
        run(["two"], [])


@pytest.mark.parametrize("ask", ["raise MemoryError", "import torch\ntorch.empty(2**50)"])
def test_out_of_memory_is_refused_in_a_sentence(chapters, ask):
    page = nbformat.read("../book/two.ipynb", as_version=4)
    page.cells[-1].source = ask
    nbformat.write(page, "../book/two.ipynb")
    with pytest.raises(InputError, match="two needs more memory than there is: .*lower batch_size"):
        run(["two"], [])


@pytest.mark.kernel
def test_ctrl_c_ends_with_130_and_leaves_neither_file_nor_kernel(tmp_path):
    command = [sys.executable, "-m", "seelike.cli", "run", "uniformity", "-p", "profile=mine"]
    started = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_hear_ctrl_c
    )
    kernel = _wait_for_kernel(started.pid)
    started.send_signal(signal.SIGINT)
    assert started.wait(PATIENCE) == 130
    assert "seelike: stopped; nothing is left half-written" in started.stderr.read()
    assert list(tmp_path.iterdir()) == []
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{kernel}").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not Path(f"/proc/{kernel}").exists()


def _hear_ctrl_c() -> None:
    """As in a terminal; what a script starts in the background is deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _wait_for_kernel(parent: int) -> int:
    """The process in which the notebook runs, once it has begun."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("needs /proc to look at processes")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                above = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if above == parent and b"ipykernel_launcher" in words:
                time.sleep(3)  # until it is at work
                return int(process.name)
        time.sleep(0.2)
    raise AssertionError("no kernel was started")


@pytest.mark.kernel
def test_a_dry_run_rehearses_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "mixer", "--dry-run", "-p", "n_images=64"]) == 0
    said = capsys.readouterr().out
    assert "mixer suits these models (mixer 0." in said and "64 images" in said
    assert list(tmp_path.iterdir()) == [] and "SEELIKE_DRY_RUN" not in os.environ
    assert main(["run", "scorecard", "--dry-run"]) == 2
    assert main(["run", "mixer", "--dry-run", "-p", "n_images=64", "-o", "said"]) == 0
    assert json.loads(Path("said/mixer.json").read_text())["images"] == 64
