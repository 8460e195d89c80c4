"""Chapters executed as users do: by papermill and by the command, from any folder; refusals leave nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from seelike.chapters.registry import CHAPTERS
from seelike.cli import main
from seelike.execution.notebook import execute, find_chapter, read_parameters, read_profile
from seelike.execution.rerun import run
from seelike.results.model_names import model_name
from seelike.results.results import Result
from seelike.system.errors import InputError
from seelike.system.paths import BOOK, REPOSITORY

PROFILES = sorted(path.stem for path in (BOOK / "profiles").glob("*.yaml"))
SMALL = {"n_images": 80, "batch_size": 16, "layers": "blocks", "n_seeds": 1}


def settings(**values) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Another folder than the repository, to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("notebook", sorted(BOOK.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_committed_clean(notebook):
    page = nbformat.read(notebook, as_version=4)
    code = [cell for cell in page.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1
    for cell in code:
        lines = [line for line in cell.source.splitlines() if line and not line.startswith(("from ", "import "))]
        assert not any(line.startswith(("def ", "class ")) for line in lines)
        assert len(lines) <= 8 or "parameters" in cell.metadata.get("tags", [])
        if cell.metadata.get("mystnb", {}).keys() & {"figure", "image"}:
            caption = cell.metadata["mystnb"]["figure"]["caption"]
            assert re.search(r"(Recompute|Retrain): `", caption)
            assert cell.metadata["mystnb"]["image"]["alt"]


@pytest.mark.kernel
def test_papermill_from_another_folder_gives_the_same_numbers_twice(folder):
    command = [sys.executable, "-m", "papermill", str(BOOK / "uniformity.ipynb"), "out.ipynb", "--no-progress-bar"]
    for name, value in (SMALL | {"seed": 3}).items():
        command += ["-p", name, str(value)]
    results = []
    for profile in ("one", "two"):
        subprocess.run([*command, "-p", "profile", profile], check=True, capture_output=True)
        results.append(Result.load(folder / "results" / profile / "uniformity.json"))
    plain = [json.dumps([r.claims, {k: [v.values.tolist() for v in m.values()] for k, m in r.measures.items()}])
             for r in results]  # fmt: skip
    assert plain[0] == plain[1]
    assert results[0].parameters["seed"] == 3
    assert results[0].provenance["peak_mib"] > 100
    assert set(results[0].claims) == {"U1", "U2", "U3", "U4", "U5", "M3"}
    assert set(results[0].measures) == {"cka", "cka_random", "best_match", "best_match_random"}


@pytest.mark.kernel
def test_the_command_on_a_folder_of_pictures_and_other_models_stores_no_progress_bar(folder, pictures):
    own = {"dataset": "folder", "data_dir": pictures, "n_images": 12, "batch_size": 6, "image_size": 56}
    flags = [word for setting in settings(**own, profile="mine") for word in ("-p", setting)]
    assert main(["run", "uniformity", *flags]) == 0
    result = Result.load(folder / "results" / "mine" / "uniformity.json")
    assert result.provenance["dataset"]["images"] == 12
    assert len(result.measures["cka"]["vit"].axes["layer"]) == 50
    page = nbformat.read(folder / "uniformity.out.ipynb", as_version=4)
    streams = [o.text for c in page.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream"]
    told, taught = streams
    assert told == "12 images in 2 minibatches of 6; all models see the crop that vit has\n"
    assert re.fullmatch(r"features .*, Gram matrices .*\ncosine \d\.\d\d, without bias \d\.\d\d\n", taught)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "uniformty"], "chapter must be one of"),
        (["run", "uniformity", "--profile", "huge"], f"profile must be one of {', '.join(PROFILES)}"),
        (["run", "uniformity", "-p", "n_image=8"], "has no parameter 'n_image'; did you mean n_images?"),
        (["run", "uniformity", "-p", "n_images"], "-p takes NAME=VALUE, not 'n_images'"),
        (["run", "uniformity", "-p", "n_images=many"], "n_images must be a whole number, not 'many'"),
        (["run", "uniformity", "-p", "n_images=8.5"], "n_images must be a whole number, not 8.5"),
        (["run", "uniformity", "-p", "n_images=2"], "n_images must be 4 or more, not 2"),
        (["run", "uniformity", "-p", "vit=vit_nonsense"], "vit='vit_nonsense' is no model that timm knows"),
        (["compare", "gone.json", "gone.json"], "the result file gone.json cannot be read"),
        (["figure", "gone.json", "gone.png"], "the result file gone.json cannot be read"),
        (["run", "uniformity", "-o", "."], "--output must be a file"),
        (["run", "uniformity", "-p", "n_images={[]: 1}"], "n_images must be a whole number"),
        (["run", "pocket", "-p", "n_images=0"], "n_images must be 1 to 10000"),
    ],
)
def test_the_command_refuses_in_one_sentence_and_leaves_nothing(folder, one_kernel, capfd, arguments, complaint):
    assert main(arguments) == 2
    said = capfd.readouterr().err.strip().splitlines()
    assert said[-1].startswith("seelike: ") and complaint in said[-1]
    assert not any("Traceback" in line for line in said)
    assert list(folder.iterdir()) == []


@pytest.mark.kernel
def test_a_refusal_in_plain_papermill_shows_the_sentence_without_a_traceback(folder):
    command = [sys.executable, "-m", "papermill", str(BOOK / "uniformity.ipynb"), "out.ipynb", "-p", "batch_size", "0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "InputError: batch_size must be 4 or more, not 0" in done.stderr
    assert not (folder / "results").exists()


def test_too_few_pictures_that_can_be_read_stop_the_chapter_before_any_measuring(folder, one_kernel, pictures):
    (pictures / "class0" / "bad.jpg").write_bytes(b"\xff\xd8\xff no jpeg")
    own = {"dataset": "folder", "data_dir": pictures, "n_images": 13, "batch_size": 13}
    with pytest.raises(InputError, match=r"n_images must be at most 12, .* not 13; .*class0/bad\.jpg \("):
        run(["uniformity"], settings(**own))
    assert not (folder / "results").exists()


@pytest.mark.kernel
def test_real_models_on_real_photographs(folder, shared):
    own = {
        "vit": "vit_small_patch14_dinov2.lvd142m", "cnn": "tf_efficientnet_lite0.in1k",
        "cnn_label": "EfficientNet-Lite0 of ImageNet-1k", "vit_label": "",
        "vit_checkpoint": shared / "weights/vit_small_patch14_saliency.safetensors",
        "cnn_checkpoint": shared / "weights/tf_efficientnet_lite0.safetensors",
        "data_dir": shared / "data/imagenet-sample.tar",
        "n_images": 16, "batch_size": 8, "layers": "blocks", "image_size": 112, "profile": "mine",
    }  # fmt: skip
    run(["uniformity"], settings(**own), profile="pretrained")
    result = Result.load(folder / "results/mine/uniformity.json")
    assert len(result.measures["cka"]["vit"].axes["layer"]) == 12
    assert model_name(result, "cnn") == "EfficientNet-Lite0 of ImageNet-1k"
    assert (
        model_name(result, "vit") == "vit_small_patch14_dinov2 with weights from vit_small_patch14_saliency.safetensors"
    )
    assert "lvd142m" not in json.dumps(result.provenance)
    assert result.parameters["vit_checkpoint"] == "vit_small_patch14_saliency.safetensors"


PROBES = {"probe_dataset", "probe_data_dir", "probe_split", "n_probe_images"}


def name_models(*roles: str) -> set[str]:
    """The parameters of some models: name, file of weights, and what those are called."""
    return {f"{role}{kind}" for role in roles for kind in ("", "_checkpoint", "_label")}


COMMON = {"profile", "dataset", "data_dir", "split", "image_size", "geometry", "n_images", "batch_size", "n_seeds",
          "seed", "device", "results_dir", "from_result"}  # fmt: skip
OWN = {
    "uniformity": {"layers"},
    "methods": set(),
    "hybrids": {"systems", *PROBES},
    "attention_distance": {"n_field_images"},
    "localization": {"n_attributed", *PROBES},
    "skip_connections": set(),
    "mixer": set(),
    "data_scale": {*PROBES, "transfer_dataset", "transfer_data_dir", "transfer_split"},
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_parameters_are_plain_literals_with_the_common_names(chapter):
    names = set(read_parameters(find_chapter(chapter)))
    assert names == set(CHAPTERS[chapter].parameters)
    common = COMMON | name_models(*CHAPTERS[chapter].required, *CHAPTERS[chapter].optional)
    assert names >= common
    assert chapter not in OWN or names - common == OWN[chapter]


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_name_parameters_of_some_chapter(profile):
    known = {name for chapter in CHAPTERS for name in read_parameters(find_chapter(chapter))}
    assert set(read_profile(profile)) <= known


def test_an_interrupted_execution_leaves_no_notebook(folder, one_kernel):
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise RuntimeError('stop')")])
    nbformat.write(page, "bad.ipynb")
    with pytest.raises(Exception, match="stop"):
        execute(Path("bad.ipynb"), Path("done.ipynb"), {})
    assert not Path("done.ipynb").exists()


def test_commands_of_the_pages_name_real_parameters():
    """Every `-p name` on a page is a parameter of the chapter."""
    known = {name for chapter in CHAPTERS for name in read_parameters(find_chapter(chapter))}
    pages = [REPOSITORY / "README.md", BOOK / "run.md", *(BOOK / f"{chapter}.ipynb" for chapter in CHAPTERS)]
    words = " ".join(page.read_text() for page in pages).replace("=", " ").split()
    named = {words[i + 1].strip('`"') for i, word in enumerate(words) if word == "-p"}
    assert named and named <= known


def test_compare_tells_equal_from_different(folder, capsys):
    published = str(REPOSITORY / "results" / "pocket" / "uniformity.json")
    assert main(["compare", published, published]) == 0
    assert main(["compare", published, str(REPOSITORY / "results" / "pocket" / "mixer.json")]) == 2
    changed = Result.load(published)
    changed.claims["U1"]["parts"]["U1"]["effect"] += 0.1
    assert main(["compare", published, str(changed.save(folder))]) == 1
    assert "U1" in capsys.readouterr().out


def test_figure_draws_a_result(folder):
    published = str(REPOSITORY / "results" / "pocket" / "uniformity.json")
    assert main(["figure", published, "picture.png"]) == 0
    assert (folder / "picture.png").stat().st_size > 10_000
