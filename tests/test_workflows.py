"""The workflows: their YAML, the commands in them, and those of `pretrained`, executed against a hub on 127.0.0.1."""

import io
import os
import re
import shlex
import subprocess
from pathlib import Path

import datasets
import nbformat
import pytest
import safetensors.torch
import timm
import yaml
from hub_server import HubServer
from PIL import Image

from seelike.cli import _parser, main
from seelike.execution.notebook import find_chapter, read_parameters, read_profile
from seelike.models.loading import load_random
from seelike.results.results import Result
from seelike.system.paths import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
PRETRAINED = REPOSITORY / ".github" / "workflows" / "pretrained.yml"
TARGETS = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
TINY = {"vit": "test_vit.r160_in1k", "cnn": "test_resnet.r160_in1k", "dataset": "hfds/someone/pictures",
        "split": "train", "chapters": "uniformity", "n_images": "8", "batch_size": "4", "settings": "",
        "profile": "pretrained"}  # fmt: skip


def read_workflow(path: Path) -> dict:
    """YAML takes the key `on` for a truth value."""
    return {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()}


def read_scripts(path: Path) -> list[str]:
    """Every step's shell script, continued lines joined."""
    steps = [step for job in read_workflow(path)["jobs"].values() for step in job["steps"]]
    return [step["run"].replace("\\\n", " ") for step in steps if "run" in step]


def find_commands(path: Path, tool: str) -> list[list[str]]:
    """The words after `tool` of each of its commands in a workflow's scripts."""
    lines = [line for script in read_scripts(path) for line in re.split(r"[\n;]|&&", script)]
    words = [shlex.split(re.sub(r"^(do|then)\s+", "", line.strip())) for line in lines if line.count('"') % 2 == 0]
    return [line[1:] for line in words if line and Path(line[0]).name == tool]


def inputs() -> dict[str, str]:
    """Name → default of what the pretrained workflow asks for."""
    asked = read_workflow(PRETRAINED)["on"]["workflow_dispatch"]["inputs"]
    return {name: entry["default"] for name, entry in asked.items()}


def environment(values: dict[str, str]) -> dict[str, str]:
    """What the pretrained workflow's job puts into the environment, with these inputs."""
    job = read_workflow(PRETRAINED)["jobs"]["pretrained"]
    assert {f"${{{{ inputs.{name} }}}}" for name in values} == set(job["env"].values())
    return {name: values[re.search(r"inputs\.(\w+)", value)[1]] for name, value in job["env"].items()}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_step_is_one_that_runs(path):
    workflow = read_workflow(path)
    assert workflow["on"] and workflow["jobs"] and "permissions" in workflow
    for job in workflow["jobs"].values():
        assert "runs-on" in job
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    for script in read_scripts(path):
        assert subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_input_is_pasted_into_a_script(path):
    """A value given by hand reaches a script through the environment alone, so that it cannot be a command."""
    assert not [script for script in read_scripts(path) if "${{" in script]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_make_targets_are_those_of_the_makefile(path):
    assert {word for command in find_commands(path, "make") for word in command} <= set(TARGETS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_seelike_commands_are_known(path):
    for words in find_commands(path, "seelike"):
        _parser().parse_args([word for word in words if not re.fullmatch(r"\$(how|SETTINGS)", word)])


def test_the_pretrained_workflow_names_real_chapters_parameters_and_models():
    values = inputs()
    known = {name for chapter in values["chapters"].split() for name in read_parameters(find_chapter(chapter))}
    commands = find_commands(PRETRAINED, "seelike")
    assert any(command[0] == "doctor" for command in commands)
    words = [word for command in commands for word in command] + values["settings"].split()
    named = {words[i + 1].partition("=")[0] for i, word in enumerate(words) if word == "-p"}
    assert {"vit", "cnn", "dataset", "split", "n_images", "batch_size", "profile", "probe_dataset"} <= named <= known
    assert read_profile(words[words.index("--profile") + 1])
    assert timm.get_pretrained_cfg(values["vit"]).num_classes == 21843
    assert timm.get_pretrained_cfg(values["cnn"]).num_classes == 21843


@pytest.fixture
def hub():
    """Two small models under the names that timm knows, and a few pictures."""
    with HubServer() as server:
        for name in (TINY["vit"], TINY["cnn"]):
            content = safetensors.torch.save(load_random("vit", name).state_dict())
            server.add("models", f"timm/{name}", {"model.safetensors": content})
        features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
        pictures = [Image.effect_noise((60, 50), 20 + 5 * i).convert("RGB") for i in range(9)]
        rows, buffer = {"image": pictures, "label": [i % 2 for i in range(9)]}, io.BytesIO()
        datasets.Dataset.from_dict(rows, features=features).to_parquet(buffer)
        server.add("datasets", "someone/pictures", {"data/train-00000-of-00001.parquet": buffer.getvalue()})
        yield server


def expand(values: dict[str, str]) -> list[list[str]]:
    """The words of each `seelike` command of the pretrained workflow, as bash makes them of its scripts."""
    scripts = [script for script in read_scripts(PRETRAINED) if "seelike " in script]
    spell = r"""seelike() { printf '%s\x1f' "$@"; printf '\x1e'; }; """
    found = []
    for script in scripts:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", spell + script],
            env=os.environ | environment(values),
            capture_output=True,
            text=True,
            check=True,
        )
        found += [command.split("\x1f")[:-1] for command in done.stdout.split("\x1e")[:-1]]
    return found


@pytest.mark.kernel
def test_the_pretrained_workflow_runs(hub, tmp_path, monkeypatch, capfd):
    """Its own commands, up to the pull request, on two tiny models and eight pictures from a hub on 127.0.0.1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.address}/{{repo_id}}/none")
    for name, value in (
        ("ENDPOINT", hub.address),
        ("HOME", str(tmp_path / "home")),
        ("HUB_OFFLINE", "0"),
        ("DATASETS_OFFLINE", "0"),
    ):
        monkeypatch.setenv(f"HF_{name}", value)  # read by the chapters' own processes
    commands = expand(TINY)
    assert [command[0] for command in commands] == ["doctor", "run", "run"]
    for command in commands:
        assert main(command) == 0, capfd.readouterr().err
    assert "model.safetensors: 100%" in capfd.readouterr().err
    result = Result.load(tmp_path / "results" / "pretrained" / "uniformity.json")
    assert result.parameters["dataset"] == TINY["dataset"] and result.provenance["dataset"]["images"] == 8
    for role in ("vit", "cnn"):
        assert result.provenance["models"][role]["repository"] == f"timm/{TINY[role]}"
    page = nbformat.read(tmp_path / "uniformity.out.ipynb", as_version=4)
    texts = [output.get("text", "") for cell in page.cells for output in cell.get("outputs", [])]
    assert not any("B/s" in text for text in texts)
