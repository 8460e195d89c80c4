"""Weights and pictures from a hub on 127.0.0.1: fetched once, then without a network; every failure is one sentence."""

import errno
import io
import json
import os
import socket
import time
from collections import namedtuple
from pathlib import Path

import datasets
import pytest
import safetensors.torch
import timm
import torch
from hub_server import COMMIT, Fault, HubServer
from PIL import Image

from seelike.images.datasets import choose, open_images
from seelike.models.loading import check_model, describe, load_model, load_random
from seelike.system import progress
from seelike.system.errors import InputError

VIT, CNN, PICTURES = "test_vit.r160_in1k", "test_resnet.r160_in1k", "hfds/someone/pictures"
WEIGHTS, PARQUET = "model.safetensors", "data/validation-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def contents():
    """What the hub holds: two small models of timm's, one of them with its config, and a data set of pictures."""
    torch.manual_seed(0)
    models = {name: timm.create_model(name.partition(".")[0]) for name in (VIT, CNN)}
    held = {name: {WEIGHTS: safetensors.torch.save(model.state_dict())} for name, model in models.items()}
    card = {"architecture": "test_vit", "num_classes": 1000, "pretrained_cfg": models[VIT].pretrained_cfg}
    held[VIT]["config.json"] = json.dumps(card).encode()
    return (
        models,
        held,
        {"README.md": b"# Pictures", PARQUET: make_parquet(12), "data/train-00000-of-00001.parquet": make_parquet(8)},
    )


def make_parquet(n_pictures: int) -> bytes:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["even", "odd"])})
    pictures = [Image.effect_noise((40, 30), 40 + i).convert("RGB") for i in range(n_pictures)]
    rows = {"image": pictures, "label": [i % 2 for i in range(n_pictures)]}
    buffer = io.BytesIO()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(buffer)
    return buffer.getvalue()


@pytest.fixture
def hub(contents, tmp_path, monkeypatch):
    """A hub with these contents, and an empty cache."""
    _, models, pictures = contents
    with HubServer() as server:
        for name, files in models.items():
            server.add("models", f"timm/{name}", files)
        server.add("datasets", "someone/pictures", pictures)
        point_at(server.address, tmp_path, monkeypatch)
        yield server


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    """An address at which nothing answers, and an empty cache."""
    point_at("http://127.0.0.1:9", tmp_path, monkeypatch)


def point_at(address: str, cache: Path, monkeypatch) -> None:
    """The libraries read the environment when they are imported, so their constants are what is changed."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setattr("datasets.config.HF_ENDPOINT", address)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", cache / "datasets")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)


@pytest.fixture
def waits(monkeypatch):
    """The seconds that were to be waited; none is."""
    asked = []
    monkeypatch.setattr(time, "sleep", asked.append)
    return asked


def partial_files(cache: Path) -> list[Path]:
    """Whatever is neither whole nor the library's own notes."""
    files = [path for path in cache.rglob("*") if path.is_file() and ".locks" not in path.parts]
    return [path for path in files if "incomplete" in path.name or path.name == WEIGHTS or "blobs" in path.parts]


def test_weights_come_from_the_hub_once(hub, contents, tmp_path):
    loaded = load_model("vit", VIT)
    expected = contents[0][VIT].state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in loaded.state_dict().items())
    known = describe(loaded, VIT)
    assert (known["repository"], known["commit"], known["file"]) == (f"timm/{VIT}", COMMIT, WEIGHTS)
    assert known["file_sha256"] == next(tmp_path.glob("hub/models--*/blobs/*")).name
    hub.asked.clear()
    load_model("vit", VIT)
    assert not hub.asked


def test_what_was_fetched_needs_no_network(hub, contents, tmp_path, monkeypatch):
    load_model("vit", VIT), load_model("vit", f"hf-hub:timm/{VIT}")
    point_at("http://127.0.0.1:9", tmp_path, monkeypatch)
    assert load_model("vit", VIT)
    assert load_random("vit", f"hf-hub:timm/{VIT}") and load_model("vit", f"hf-hub:timm/{VIT}")


def test_the_check_before_anything_is_loaded_asks_no_network(no_hub):
    check_model("vit", VIT)
    check_model("vit", "hf-hub:someone/model")


def test_any_timm_model_of_the_hub_will_do(hub, contents):
    loaded = load_model("vit", f"hf-hub:timm/{VIT}", image_size=64)
    assert describe(loaded, "x")["repository"] == f"timm/{VIT}"
    assert loaded.pos_embed.shape[1] == 17
    assert torch.equal(loaded.head.weight, contents[0][VIT].head.weight)


def test_a_repository_of_another_kind_is_refused(hub):
    hub.add("models", "someone/other", {"config.json": b'{"model_type": "vit"}'})
    hub.add("models", "someone/newer", {"config.json": b'{"architecture": "vit_of_tomorrow"}'})
    hub.add("models", "someone/broken", {"config.json": b"{"})
    for name, complaint in (("other", "is no timm model, by its config.json"), ("broken", "is no timm model"),
                            ("newer", "an architecture that this timm does not know, 'vit_of_tomorrow'")):  # fmt: skip
        with pytest.raises(InputError, match=f"vit='hf-hub:someone/{name}' .*{complaint}"):
            load_model("vit", f"hf-hub:someone/{name}")
    with pytest.raises(InputError, match="vit='hf-hub:a b' must name a repository as hf-hub:owner/name"):
        check_model("vit", "hf-hub:a b")


def test_a_repository_of_pickles_is_read_with_care(hub, tmp_path):
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "w")
    hub.add("models", f"timm/{VIT}", {"pytorch_model.bin": (tmp_path / "w").read_bytes()})
    assert load_model("vit", VIT)
    torch.save(timm.create_model("test_resnet"), tmp_path / "w")
    hub.add("models", f"timm/{CNN}", {"pytorch_model.bin": (tmp_path / "w").read_bytes()})
    with pytest.raises(
        InputError, match=r"cnn='test_resnet.r160_in1k': its file=.*pytorch_model.bin' holds Python code"
    ):
        load_model("cnn", CNN)


FAULTS = {
    "no repository": ("", None, "the hub has no repository timm/test_resnet.r160_in1k, or it is private"),
    "no file": ("", {}, "the hub's repository .* holds no file model.safetensors or pytorch_model.bin"),
    "gated": (WEIGHTS, Fault(status=401), "test_resnet.r160_in1k is gated: ask for access .* `hf auth login`"),
    "forbidden": (WEIGHTS, Fault(status=403, code="GatedRepo"), "is gated: ask for access"),
    "broken": (WEIGHTS, Fault(status=500), "the hub answers with the error 500: try again later"),
    "too many requests": (WEIGHTS, Fault(status=429, retry_after="3"), "the hub keeps answering 429"),
    "truncated": (WEIGHTS, Fault(kept=5000), "the download broke off before its end: run it again"),
    "wrong hash": (WEIGHTS, Fault(changed=True), "model.safetensors came with a wrong hash, .* and was removed"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_failure_is_one_sentence_and_leaves_no_file(hub, waits, tmp_path, case):
    what, fault, complaint = FAULTS[case]
    if what:
        hub.faults[what] = fault
    elif fault is None:
        del hub.repositories["models", f"timm/{CNN}"]
    else:
        hub.add("models", f"timm/{CNN}", fault)
    with pytest.raises(
        InputError, match=f"cnn='{CNN}' cannot be had: .*{complaint}.*; or give a file as cnn_check"
    ) as it:
        load_model("cnn", CNN)
    assert "\n" not in str(it.value)
    assert not partial_files(tmp_path)
    if case == "too many requests":
        assert len(waits) == 5 and set(waits) == {4.0}


def test_too_many_requests_are_waited_for_as_long_as_the_hub_says(hub, waits, tmp_path, monkeypatch):
    terminal = tmp_path / "terminal"
    terminal.touch()
    monkeypatch.setenv(progress.VARIABLE, str(terminal))
    hub.faults[WEIGHTS] = Fault(status=429, times=3, retry_after="7")
    assert load_model("cnn", CNN)
    assert waits == [8.0]  # and one for the library's own rounding; the first two answers are questions without a wait
    assert "Waiting 8.0s" in terminal.read_text()


def test_a_download_that_breaks_off_once_goes_on_where_it_was(hub, waits, contents):
    hub.faults[WEIGHTS] = Fault(kept=5000, times=3)  # two questions without a body, then half a body
    loaded = load_model("cnn", CNN)
    assert torch.equal(loaded.fc.weight, contents[0][CNN].fc.weight)


def test_a_damaged_file_in_the_cache_is_removed_and_fetched_anew(hub, tmp_path):
    load_model("cnn", CNN)
    blob = next(tmp_path.glob("hub/models--*/blobs/*"))
    blob.write_bytes(blob.read_bytes()[:-4] + b"oops")
    with pytest.raises(InputError, match="came with a wrong hash"):
        load_model("cnn", CNN)
    assert load_model("cnn", CNN)


def test_without_network_or_cache_nothing_is_waited_for(no_hub, waits):
    with pytest.raises(
        InputError, match=r"cnn='test_resnet.r160_in1k' cannot be had: it is not in the cache, and the hub"
    ):
        load_model("cnn", CNN)
    with pytest.raises(
        InputError, match=r"dataset='hfds/someone/pictures' cannot be had: it is not in the cache, and the"
    ):
        open_images(PICTURES)
    assert waits == []


def test_a_hub_that_never_answers_is_given_up(waits, tmp_path, monkeypatch):
    monkeypatch.setattr("seelike.hub.files.SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        point_at(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, monkeypatch)
        with pytest.raises(
            InputError, match="cannot be had: it is not in the cache, and the hub at .* cannot be reached"
        ):
            load_model("cnn", CNN)
        with pytest.raises(
            InputError, match="cannot be had: it is not in the cache, and the hub at .* cannot be reached"
        ):
            open_images(PICTURES)
        assert waits == []


def test_a_full_disk_is_noticed_before_the_download(hub, monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda place: Usage(10**9, 10**9, 10))
    with pytest.raises(InputError, match="cannot be had: the disk is full .*: make room, or set HF_HOME"):
        load_model("cnn", CNN)
    assert not any(asked.startswith("GET /timm") for asked in hub.asked)


def test_a_disk_that_fills_up_meanwhile_is_told(hub, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("huggingface_hub.file_download.http_get", fail)
    with pytest.raises(InputError, match="cannot be had: the disk is full"):
        load_model("cnn", CNN)


def test_models_with_an_address_of_their_own(tmp_path, monkeypatch):
    """timm has some that lie on no hub."""
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    torch.manual_seed(0)
    content = safetensors.torch.save(timm.create_model("test_resnet").state_dict())
    with HubServer() as server:
        server.add("models", "some/where", {"weights.safetensors": content})
        address = f"{server.address}/some/where/resolve/main/weights.safetensors"
        card = timm.models.PretrainedCfg(**timm.get_pretrained_cfg(CNN).to_dict() | {"hf_hub_id": None, "url": address})
        monkeypatch.setattr("timm.get_pretrained_cfg", lambda name: card)
        assert load_model("cnn", CNN)
    assert load_model("cnn", CNN)
    (tmp_path / "checkpoints" / "weights.safetensors").unlink()
    with pytest.raises(
        InputError, match="cnn='test_resnet.r160_in1k' cannot be had: .*; or give a file as cnn_checkpoint"
    ):
        load_model("cnn", CNN)
    assert not any((tmp_path / "checkpoints").iterdir())


def test_bars_are_shown_on_the_terminal_and_nowhere_else(hub, tmp_path, monkeypatch, capfd):
    terminal = tmp_path / "terminal"
    terminal.touch()
    monkeypatch.setenv(progress.VARIABLE, str(terminal))
    load_model("cnn", CNN)
    open_images(PICTURES)
    shown = terminal.read_text()
    assert "model.safetensors: 100%" in shown and "Generating validation split" in shown
    assert capfd.readouterr() == ("", "")


def test_without_a_terminal_nothing_is_shown(hub, monkeypatch, capfd):
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    load_model("cnn", CNN)
    open_images(PICTURES)
    assert capfd.readouterr() == ("", "")


def test_pictures_come_from_the_hub_once(hub, tmp_path, monkeypatch):
    images = open_images(PICTURES, split="validation")
    assert len(images) == 12 and images[3][0].size == (40, 30) and images[3][1] == 1
    first = choose(images, 12, 0).sha256
    hub.asked.clear()
    assert choose(open_images(PICTURES, split="validation"), 12, 0).sha256 == first
    assert not hub.asked
    point_at("http://127.0.0.1:9", tmp_path, monkeypatch)
    assert len(open_images(PICTURES, split="train")) == 8


DATA_FAULTS = {
    "no repository": ("hfds/someone/else", "", None, "the hub has no repository someone/else, or it is private"),
    "gated": (PICTURES, "someone/pictures", Fault(status=403, code="GatedRepo"), "someone/pictures is gated"),
    "broken": (PICTURES, "someone/pictures", Fault(status=500), "the hub answers with the error 500"),
    "too many requests": (PICTURES, PARQUET, Fault(status=429), "the hub keeps answering 429"),
    "truncated": (PICTURES, PARQUET, Fault(kept=500), "the download broke off before its end"),
    "wrong hash": (PICTURES, PARQUET, Fault(changed=True), "a file came with a wrong hash"),
}


@pytest.mark.parametrize("case", DATA_FAULTS)
def test_a_failure_of_a_data_set_is_one_sentence_too(hub, waits, tmp_path, case):
    dataset, what, fault, complaint = DATA_FAULTS[case]
    hub.faults |= {what: fault} if what else {}
    with pytest.raises(InputError, match=f"dataset='{dataset}' cannot be had: .*{complaint}") as refusal:
        open_images(dataset)
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.rglob("*.arrow"))
    hub.faults.clear()
    assert case == "no repository" or len(open_images(dataset)) == 12


def test_a_split_that_the_data_set_lacks_is_refused_by_name(hub):
    with pytest.raises(InputError, match="split='test' .*validation"):
        open_images(PICTURES, split="test")
