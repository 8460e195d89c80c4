"""The provenance block: every chapter ends with one, and it stands whatever a run was made of."""

import copy
import html
import re

import nbformat
import pytest
from markdown_it import MarkdownIt

from seelike.execution.rerun import ALL
from seelike.results.results import Result
from seelike.system.paths import BOOK, REPOSITORY
from seelike.tables.provenance import commit, literal, provenance

POCKET = Result.load(REPOSITORY / "results" / "pocket" / "skip_connections.json")
FILE = {"name": "ViT of mine", "architecture": "vit_small_patch16_224", "origin": "file", "file": "w.safetensors",
        "file_sha256": "f" * 64, "state_sha256": "e" * 64, "parameters": 1}  # fmt: skip


ROWS = ("Run of", "Commit", "Images", "Weights", "What they can do", "Parameters", "Software", "Device", "Took")


def render(text: str) -> str:
    return MarkdownIt().enable("table").render(text)


def cells(text: str) -> dict[str, str]:
    """Row → what it says in HTML, of the first table; each row has two cells."""
    rows = re.findall(r"<tr>\s*(.*?)\s*</tr>", render(text).partition("</table>")[0], re.S)
    found = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row, re.S) for row in rows]
    assert {len(row) for row in found} == {2}
    return dict(found)


@pytest.fixture
def result() -> Result:
    return copy.deepcopy(POCKET)


@pytest.mark.parametrize("chapter", ALL)
def test_every_chapter_has_one_just_before_its_commands(chapter):
    page = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
    head, table, _ = page.cells[-3:]
    assert head.source.startswith("## Provenance\n")
    assert table.source.startswith("Markdown(provenance_tables.provenance(")


def test_it_holds_commit_images_weights_parameters_versions_device_and_cost(result):
    found = cells(provenance({"pocket": result}))
    known, models = result.provenance, result.provenance["models"]
    assert list(found) == list(ROWS)
    for row, digits in (("Commit", known["commit"]), ("Images", known["dataset"]["sha256"])):
        assert f'<code title="{digits}">{digits[:12]}</code>' in found[row]
    for model in models.values():
        assert model["name"] in found["Weights"] and f'title="{model["state_sha256"]}' in found["Weights"]
    assert all(
        f"{name}\N{NO-BREAK SPACE}{version}" in found["Software"] for name, version in known["libraries"].items()
    )
    took = f"{known['seconds']:,.0f} seconds, at most {known['peak_mib']:,} MiB of memory"
    assert found["Took"].replace("\N{NO-BREAK SPACE}", " ") == took


def test_every_parameter_is_told_once(result):
    found = cells(provenance({"pocket": result}))
    for name, value in result.parameters.items():
        if name.removesuffix("_checkpoint") in result.provenance["models"]:
            assert f"<code>{name}=" not in found["Parameters"]
        elif not name.endswith(("_checkpoint", "_label")):
            assert html.unescape(found["Parameters"]).count(f"<code>{name}={value!r}</code>") == 1


def test_each_model_is_told_once_however_many_roles_it_has():
    result = Result.load(REPOSITORY / "results" / "cifar10" / "skip_connections.json")  # a twin stands in for a third
    found = cells(provenance({"cifar10": result}))
    models = [(model["name"], model["state_sha256"]) for model in result.provenance["models"].values()]
    assert len(models) > len(set(models))
    assert all(found["Weights"].count(f'{name}</code> <code title="{digits}') == 1 for name, digits in models)


def test_other_results_on_the_page_are_folded_away(result):
    result.parameters["vit_checkpoint"] = "w.safetensors"
    text = provenance({"pocket": POCKET, "mine": result})
    assert text.count("| Commit |") == 2
    folded = text.partition("<details><summary>Provenance of the mine numbers</summary>\n\n")[2]
    assert folded.count("| Commit |") == 1 and folded.endswith("\n\n</details>")
    assert "vit_checkpoint='w.safetensors'" in folded


def test_weights_from_a_file_are_told_by_label_architecture_file_and_its_hash(result):
    result.provenance["models"]["vit"] = FILE
    told = cells(provenance({"mine": result}))["Weights"]
    assert "ViT of mine, <code>vit_small_patch16_224</code> with weights from <code>w.safetensors</code>" in told
    assert f'title="{"f" * 64}"' in told


def test_what_a_model_can_do_stands_beside_what_it_can_do_untrained(result):
    models = result.provenance["models"]
    can = {"measure": "top-1", "dataset": "shapes", "chance": 0.1, "images": 256, "classes": 10}
    models["vit"]["capability"] = can | {"accuracy": 0.874}
    models["vit_random"]["capability"] = can | {"accuracy": 0.113}
    models["cnn"] |= {"capability": {"measure": "nothing", "reason": "no labels"}, "state_sha256": "0" * 64}
    told = html.unescape(cells(provenance({"mine": result}))["What they can do"])
    assert "top-1 accuracy 87% (untrained 11%, chance 10%), 256 images of shapes in 10 classes" in told
    assert "not measured (no labels)" in told


def test_it_stands_where_little_is_known(result):
    result.provenance |= {"commit": None, "peak_mib": None, "models": {}, "seconds": 0.2}
    found = cells(provenance({"mine": result}))
    assert found["Commit"] == "unknown" and found["Weights"] == "none"
    assert found["Took"] == "0\N{NO-BREAK SPACE}seconds"


def test_it_stands_whatever_names_users_give(result):
    wild = "a|b*c*_d_ `x`\n<b>[l](u)</b>"
    result.parameters["data_dir"] = wild
    result.provenance["models"]["vit"]["name"] = wild
    result.provenance["dataset"] |= {"split": wild, "skipped": [{"file": "a", "reason": "b"}]}
    result.provenance["probe_dataset"] = result.provenance["dataset"]
    found = cells(provenance({"mine": result}))
    assert {"Images", "Probe images"} <= set(found)
    assert "1 unreadable passed over" in found["Images"]
    assert not re.search(r"<(b|em|a)\b", "".join(found.values()))
    assert "a|b*c*_d_ `x` &lt;b&gt;" in found["Weights"]


def test_a_commit_that_the_package_differed_from_says_so():
    assert "not committed" in commit("0" * 40 + "+") and "+" not in commit("0" * 40 + "+")
    assert "not committed" not in commit("0" * 40)


@pytest.mark.parametrize("text", ["", "plain", "a`b", "``", "`", "a\nb"])
def test_code_is_shown_as_it_is(text):
    shown = re.findall(r"<code>(.*?)</code>", render(literal(text)))
    assert shown == ([" ".join(text.split())] if text else [])
