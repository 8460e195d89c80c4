"""Input that cannot be used, through the command as users give it: one sentence, and nothing left behind.

A kernel takes seconds to start, so most rows run the notebook's own cells in this process, up to and with the loading
of the models; a handful are executed for real.
"""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from seelike.cli import main
from seelike.execution import notebook as execute
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.models import bundled
from seelike.system.paths import BOOK, RESULTS

CHAPTERS = sorted(path.stem for path in BOOK.glob("*.ipynb"))
MEASURING = [chapter for chapter in CHAPTERS if "vit" in read_parameters(find_chapter(chapter))]
PICTURES = {"dataset": "folder", "n_images": 8, "batch_size": 4}


@cache
def read_cells(notebook: Path) -> list:
    """The code cells but for the one that installs the package."""
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    return [cell for cell in cells if "install" not in cell.metadata.get("tags", [])]


def open_here(notebook: Path, target: Path, parameters: dict, *_) -> None:
    """What a kernel does with a notebook until the measuring begins, in this process."""
    values: dict = {}
    for cell in read_cells(notebook):
        if "load_models()" in cell.source:
            next(iter(values["run"].load_models()))
            return
        exec(cell.source, values)
        if "parameters" in cell.metadata.get("tags", []):
            values |= parameters


@pytest.fixture
def no_kernel(monkeypatch):
    """Notebooks are opened in this process, and read once; what only tells one run from the next is left out."""
    monkeypatch.setattr(execute, "execute", open_here)
    monkeypatch.setattr(execute, "read_parameters", cache(read_parameters))
    monkeypatch.setattr(execute, "hash_chapter", lambda *_: "")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with a folder of eight pictures and one of a few bad files beside it."""
    (tmp_path / "work").mkdir()
    (tmp_path / "photos").mkdir()
    for i in range(8):
        Image.effect_noise((16, 16), 40 + i).convert("RGB").save(tmp_path / "photos" / f"{i}.png")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "work"


def refuse(arguments: list[str], complaint: str, capfd) -> None:
    """Assert that the command refuses its arguments as users want it to."""
    before = snapshot()
    assert main(arguments) == 2, "not refused"
    (said,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("seelike: ")]
    assert re.search(complaint, said), said
    assert len(said) < 1000 and "Traceback" not in said
    assert snapshot() == before


def snapshot() -> list[str]:
    """All that lies in the folder to work in and beside it; the cache of hub data sets is the library's."""
    return sorted(str(path) for path in Path("..").rglob("*"))


def flags(**parameters) -> list[str]:
    return [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]


def wrong_types() -> list[tuple[str, str, str, str]]:
    """Every parameter of every chapter that is a whole number, given what is none, or too little."""
    rows = []
    for chapter in CHAPTERS:
        for name, default in read_parameters(find_chapter(chapter)).items():
            if type(default) is int:
                for text in ("many", "2.5", "True", "nan", "inf", "1e999", "", "None", "[4]", "0x", "1" * 5000):
                    rows.append((chapter, name, text, rf"{name} must be (a whole number|at most|below|1 to)"))
                rows.append((chapter, name, "-1", rf"{name} must be \d.*, not -1"))
    return rows


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_whole_numbers_are_whole_numbers_in_range(here, no_kernel, capfd, chapter):
    for _, name, text, complaint in (row for row in wrong_types() if row[0] == chapter):
        refuse(["run", chapter, "-p", f"{name}={text}"], complaint, capfd)


def wrong_texts() -> list[tuple[str, str, dict, str]]:
    """Every parameter of every chapter that is text, given what is nothing of its kind."""
    rows = []
    for chapter in MEASURING:
        known = read_parameters(find_chapter(chapter))
        for name in (n for n, default in known.items() if type(default) is str):
            kind, source = name.rpartition("_")[2], name.replace("data_dir", "dataset")
            folder = {source: "folder"} if source in known else {}
            rows.append((chapter, name, *{
                "label": ({name: "mine"}, rf"{name} is for weights of your own: .* {name[:-6]}_checkpoint"),
                "checkpoint": ({name: "gone.safetensors"}, rf"^seelike: {name}='gone.safetensors' is not a file"),
                "dataset": ({name: "shapez"}, rf"^seelike: {name}='shapez' is not known.*did you mean shapes"),
                "dir": (folder | {name: "gone"}, rf"{name}='gone' is not there"),
                **dict.fromkeys(("sizes", "examples"), ({name: "resnet5O"}, f"^seelike: {name} must be whole numbers")),
                "classes": ({name: "gone.json"}, f"{name} is for pictures of your own"),
                "split": ({name: "dev"}, rf"^seelike: {name} must be one of train, validation, test"),
                "device": ({name: "tpu"}, "device must be auto, cpu or"),
                "profile": ({name: "a/b"}, "profile must be a plain name"),
                "result": ({name: "gone.json"}, "^seelike: from_result must be a file of `seelike measure`"),
                "geometry": ({name: "vitt"}, "geometry must be one of .*vit.* own, not 'vitt'; did you mean vit?"),
                "layers": ({name: "block"}, "layers must be one of blocks, all, not 'block'; did you mean blocks?"),
            }.get(kind, ({name: "resnet5O"}, rf"^seelike: {name}='resnet5O' is no model.*resnet50"))))  # fmt: skip
    return [row for row in rows if row[1] != "results_dir"]


@pytest.mark.parametrize("chapter", MEASURING)
def test_texts_are_known_names(here, no_kernel, capfd, chapter):
    for _, _, parameters, complaint in (row for row in wrong_texts() if row[0] == chapter):
        refuse(
            ["run", chapter, *flags(**{"n_images": 128, "batch_size": 4, "n_seeds": 1} | parameters)], complaint, capfd
        )


PARAMETERS = [
    ({"n_images": 0}, "n_images must be 4 or more, not 0"),
    ({"n_images": 3}, "n_images must be 4 or more, not 3"),
    ({"n_images": 10**6}, "n_images must be at most 10000, the size of this data set, not 1000000"),
    ({"batch_size": 1000}, "batch_size must be at most n_images, 768, not 1000"),
    ({"batch_size": 1}, "batch_size must be 4 or more, not 1"),
    ({"n_seeds": 0}, "n_seeds must be 1 or more, not 0"),
    ({"seed": 2**63}, r"seed must be below 2\*\*63"),
    ({"layers": "Blocks"}, "layers must be one of blocks, all, not 'Blocks'; did you mean blocks?"),
    ({"image_size": 100_000}, "image_size must be at most 4096, not 100000"),
    ({"image_size": 1}, "image_size=1 does not suit vit="),
    ({"image_size": 7}, "image_size=7 does not suit vit="),
    ({"vit": ""}, "vit='' is no model"),
    ({"vit": "vit_base_patch16_244"}, "vit='vit_base_patch16_244' is no model.*vit_base_patch16_224"),
    ({"vit": "vit_base_patch16_224.augreg_in22k"}, "augreg_in22k.*augreg_in21k"),
    ({"vit": "vit_pocket_patch8_56.shape"}, "vit='vit_pocket_patch8_56.shape'.*shapes"),
    ({"vit": "../../etc/passwd"}, "vit='../../etc/passwd' is no model"),
    ({"cnn": "mlp"}, "cnn='mlp' is no model"),
    ({"cnn": "  "}, "cnn='  ' is no model"),
    ({"device": "cuda:99"}, "device must be auto, cpu or a device that torch can use"),
    ({"device": ""}, "device must be auto, cpu or a device that torch can use"),
    ({"device": "meta"}, "device must be auto, cpu or a device that torch can use"),
    ({"profile": ""}, "profile must be a plain name"),
    ({"profile": ".."}, r"profile must be a plain name, such as pocket or mine, not '\.\.'"),
    ({"profile": "../up"}, "profile must be a plain name"),
    ({"profile": "a" * 300}, "profile must be a plain name"),
    ({"profile": "a\nb"}, "profile must be a plain name"),
    ({"results_dir": ""}, "results_dir must be the name of a folder, not ''"),
    ({"results_dir": "../photos/0.png"}, "results_dir must be a folder that can be written to"),
    ({"results_dir": "../photos/0.png/under"}, "results_dir must be a folder that can be written to"),
    ({"results_dir": "/proc/self/results"}, "results_dir must be a folder that can be written to"),
    ({"results_dir": "a" * 300}, "results_dir must be a folder that can be written to"),
    ({"results_dir": "~/results"}, "results_dir must be written out, without a ~"),
    ({"dataset": "Shapes"}, "dataset='Shapes' is not known.*did you mean shapes?"),
    ({"dataset": "imagenet"}, "dataset='imagenet' is not known"),
    ({"dataset": "torch/cifar11"}, "dataset='torch/cifar11' is not known: torch/ has .*did you mean torch/cifar10?"),
    ({"dataset": "tfds/cifar10"}, "dataset='tfds/cifar10' can only be streamed"),
    ({"dataset": "hfds/"}, "dataset='hfds/' must name a data set of the hub"),
    ({"dataset": "hfds//nowhere/at/all"}, "dataset='hfds//nowhere/at/all'.* cannot be"),
    ({"dataset": "torch/cifar10", "data_dir": ".."}, "dataset='torch/cifar10' with data_dir='..'.* cannot be read"),
    ({"dataset": "torch/image_folder", "data_dir": "../gone"}, "dataset='torch/image_folder'.* cannot be read"),
    ({"split": "validaton"}, "split must be one of train, validation, test for shapes, not 'validaton'; did you mean"),
    ({"split": ""}, "split must be one of train, validation, test"),
    (PICTURES, "data_dir='' is not there"),
    (PICTURES | {"data_dir": "../gone"}, "data_dir='../gone' is not there"),
    (PICTURES | {"data_dir": "."}, "data_dir='.' holds no pictures"),
    (PICTURES | {"data_dir": "../photos/0.png"}, "data_dir='../photos/0.png' is neither a folder nor a .tar"),
    (PICTURES | {"data_dir": "../photos", "n_images": 9}, "n_images must be at most 8"),
    (PICTURES | {"data_dir": "../photos", "split": ".."}, "split must be the plain name of a part of data_dir"),
]  # fmt: skip


@pytest.mark.parametrize("row", range(len(PARAMETERS)), ids=lambda row: str(PARAMETERS[row][0])[:60])
def test_parameters(here, no_kernel, capfd, row):
    parameters, complaint = PARAMETERS[row]
    refuse(["run", "uniformity", *flags(**parameters)], complaint, capfd)


@pytest.fixture
def result() -> bytes:
    return (RESULTS / "pocket" / "uniformity.json").read_bytes()


def test_a_damaged_published_result_is_refused_before_the_work_not_after_it(here, no_kernel, capfd, result):
    broken = here.parent / "results" / "pretrained" / "uniformity.json"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(result[:1000])
    arguments = flags(results_dir="../results", n_images=8, batch_size=4)
    refuse(["run", "uniformity", *arguments], "the result file .*uniformity.json is no JSON", capfd)


COMMANDS = [
    (["run", "uniformty"], "chapter must be one of .*, not 'uniformty'; did you mean uniformity?"),
    (["run", "../book/uniformity"], "chapter must be one of"),
    (["run", ""], "chapter must be one of"),
    (["params", "localisation"], "chapter must be one of .*did you mean localization?"),
    (["run", "uniformity", "-p", "n_images"], "-p takes NAME=VALUE, not 'n_images'"),
    (["run", "uniformity", "-p", ""], "-p takes NAME=VALUE, not ''"),
    (["run", "uniformity", "-p", "=8"], "has no parameter ''"),
    (["run", "skip_connections", "-p", "vit_cut_low="], "no parameter 'vit_cut_low'; .*'vit_noskip_early'"),
    (["run", "skip_connections", "-p", "vit_cut_high_checkpoint=w.pth"], "'vit_noskip_late_checkpoint'"),
    (["run", "uniformity", "-p", "n_runs=1"], "no parameter 'n_runs'; .*'n_seeds'"),
    (["run", "uniformity", "-p", "n_image=8"], "has no parameter 'n_image'; did you mean n_images?"),
    (["run", "uniformity", "-p", "vit_chekpoint=a"], "did you mean vit_checkpoint?"),
    (["run", "uniformity", "-p", "N_IMAGES=8"], "has no parameter 'N_IMAGES'"),
    (["run", "uniformity", "-p", "n_probe_images=8"], "uniformity has no parameter 'n_probe_images'"),
    (["run", "uniformity", "-p", " n_images=8"], "has no parameter ' n_images'; did you mean n_images?"),
    (["run", "uniformity", "--profile", "pretraned"], "profile must be one of .*'pretraned'; did you mean pretrained?"),
    (["run", "uniformity", "--profile", "../up"], "profile must be one of"),
    (["run", "uniformity", "--profile", "gone.yaml"], "profile must be one of"),
    (["run", "uniformity", "--profile", "../list.yaml"], "profile '../list.yaml' must hold lines such as"),
    (["run", "uniformity", "--profile", "../broken.yaml"], "profile '../broken.yaml' cannot be read"),
    (["run", "uniformity", "--profile", "../binary.yaml"], "profile '../binary.yaml' cannot be read"),
    (["run", "uniformity", "--profile", "../wrong.yaml"], "n_images must be a whole number, not 'many'"),
    (["run", "uniformity", "-o", ".."], "--output must be a file, not the folder '..'"),
    (["run", "uniformity", "-o", "../photos/0.png/out.ipynb"], "--output"),
    (["run", "uniformity", "-o", "a" * 300], "--output"),
    (["run", "uniformity", "-o", "/proc/self/out.ipynb"], "--output"),
    (["run", "uniformity", "mixer", "-o", "../photos/0.png"], "--output must be a folder for several chapters"),
    (["compare", "gone.json", "../good.json"], "the result file gone.json cannot be read: No such file"),
    (["compare", "../good.json", "../photos"], "or two folders of them, and ../good.json is no folder"),
    (["compare", "../good.json", "../photos/0.png"], "the result file ../photos/0.png is no JSON"),
    (["compare", "../good.json", "../short.json"], "the result file ../short.json is no JSON"),
    (["compare", "../good.json", "../empty.json"], "the result file ../empty.json is no JSON"),
    (["compare", "../good.json", "../list.json"], "the result file ../list.json is damaged at"),
    (["compare", "../good.json", "../deep.json"], "the result file ../deep.json is no JSON"),
    (["compare", "../good.json", "../mixer.json"], "two results of one chapter, not of uniformity and mixer"),
    (["compare", "../good.json", "../good.json", "--plot", "gone/a.png"], "--plot|gone/a.png"),
    (["compare", "../good.json", "../good.json", "--plot", "a.xyz"], "a.xyz"),
    (["figure", "gone.json", "a.png"], "the result file gone.json cannot be read"),
    (["figure", "../mixer.json", "a.png"], "../mixer.json holds no CKA of a ViT and a CNN to draw"),
    (["figure", "../good.json", "gone/a.png"], "gone/a.png"),
    (["figure", "../good.json", "a.xyz"], "a.xyz"),
    (["figure", "../good.json", ".."], "PICTURE|picture"),
]


@pytest.mark.parametrize("row", range(len(COMMANDS)), ids=lambda row: " ".join(COMMANDS[row][0])[:60])
def test_commands(here, no_kernel, capfd, result, row):
    files = {"good.json": result, "short.json": result[:2000], "empty.json": b"", "list.json": b"[]",
             "deep.json": b"[" * 100_000, "mixer.json": (RESULTS / "pocket" / "mixer.json").read_bytes(),
             "list.yaml": b"- a\n", "broken.yaml": b"a: [", "binary.yaml": b"\xff\xfe\x00",
             "wrong.yaml": b"n_images: many\n"}  # fmt: skip
    for name, content in files.items():
        (here.parent / name).write_bytes(content)
    refuse(COMMANDS[row][0], COMMANDS[row][1], capfd)


@pytest.mark.parametrize(
    "arguments", [[], ["ran"], ["run"], ["compare", "one.json"], ["compare", "a", "b", "--tolerance", "x"]]
)
def test_what_argparse_refuses_ends_with_2_too(here, capfd, arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2 and "Traceback" not in capfd.readouterr().err


OTHER = "vit_smallpocket_patch8_56.shapes"
CHECKPOINTS = [
    ("gone.safetensors", "vit_checkpoint='../gone.safetensors' is not a file"),
    ("empty.safetensors", "vit_checkpoint='../empty.safetensors' is truncated or no safetensors file"),
    ("short.safetensors", "vit_checkpoint='../short.safetensors' is truncated or no safetensors file"),
    ("text.safetensors", "vit_checkpoint='../text.safetensors' is truncated or no safetensors file"),
    ("other.safetensors", "vit_checkpoint='../other.safetensors' does not fit vit_pocket_patch8_56"),
    ("nothing.safetensors", "vit_checkpoint='../nothing.safetensors'"),
    ("photos", "vit_checkpoint='../photos' is not a file"),
    ("weights.ckpt", "vit_checkpoint must be .*safetensors.*weights.ckpt"),
    ("x" * 300, "vit_checkpoint='../x*' is not a file"),
]


@pytest.mark.parametrize("row", range(len(CHECKPOINTS)), ids=lambda row: CHECKPOINTS[row][0][:20])
def test_checkpoints(here, no_kernel, capfd, row):
    whole = (bundled.WEIGHTS / f"{OTHER}.safetensors").read_bytes()
    files = {"empty": b"", "short": whole[: len(whole) // 2], "text": b"not weights, but words", "other": whole}
    for name, content in files.items():
        (here.parent / f"{name}.safetensors").write_bytes(content)
    save_file({}, here.parent / "nothing.safetensors")
    (here.parent / "weights.ckpt").write_bytes(whole)
    name, complaint = CHECKPOINTS[row]
    small = {"n_images": 8, "batch_size": 4, "n_seeds": 1}
    refuse(["run", "uniformity", *flags(vit_checkpoint=f"../{name}", **small)], complaint, capfd)


def spoil(here: Path) -> dict:
    """Make all but three of the photographs unreadable; returns parameters that ask for more."""
    for i in range(5):
        (here.parent / "photos" / f"{i}.png").write_bytes(b"")
    return PICTURES | {"data_dir": "../photos", "n_images": 6}


def test_too_few_pictures_that_can_be_read(here, no_kernel, capfd):
    complaint = r"n_images must be at most 3, .* can be read, not 6; 5 pictures could not be read .*: \d.png \(empty"
    refuse(["run", "uniformity", *flags(**spoil(here))], complaint, capfd)
    own = flags(n_images=8, batch_size=4, probe_dataset="folder", probe_data_dir="../photos", n_probe_images=8)
    refuse(
        ["run", "localization", *own], "probe_data_dir='../photos' must tell classes apart, .* all 8 pictures", capfd
    )
    refuse(["run", "localization", *own, *flags(n_probe_images=80)], "n_probe_images must be at most 8", capfd)
    (here.parent / "photos" / "more").mkdir()
    for i in range(221):
        Image.new("L", (4, 4), i).save(here.parent / "photos" / ("more" if i % 2 else "") / f"_{i}.png")
    own[-1] = "n_probe_images=229"
    complaint = "n_probe_images must be at most 224, .*; 5 pictures could not"
    refuse(["run", "localization", *own], complaint, capfd)


def test_a_size_that_no_patch_fits_into(here, no_kernel, capfd):
    small = {"n_images": 8, "batch_size": 4, "image_size": 7}
    refuse(["run", "mixer", *flags(**small)], "image_size=7 does not suit mixer=", capfd)


@pytest.mark.kernel
def test_the_sentence_reaches_the_user_of_the_command_itself(here):
    """The same in a process of its own, with a real kernel."""
    command = [sys.executable, "-m", "seelike.cli", "run", "uniformity", *flags(**spoil(here))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("seelike: n_images must be at most 3, the pictures of this data set")
    assert list(here.iterdir()) == []
