"""Damaged input of every kind ends in a refusal or is of use; nothing else is ever raised."""

import copy
import io
import json
import math
import struct
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from handmade import result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from seelike.chapters.parameters import check_parameters
from seelike.cli import main
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images.datasets import choose, open_images
from seelike.images.decoding import Unreadable, decode
from seelike.models import bundled, loading
from seelike.results import comparison, runs
from seelike.results.results import Result
from seelike.results.scorecard import gather
from seelike.system.errors import InputError
from seelike.tables import scorecard
from seelike.tables import verdicts as tables

MORE = 1  # raise it for an hour's search
bounded = lambda n: settings(  # noqa: E731, a decorator with its one number
    max_examples=n * MORE, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip

numbers = st.one_of(st.integers(-3, 3), st.floats(), st.sampled_from([10**400, -(10**400), 1e308, 2**63]))
texts = st.one_of(st.text(max_size=5), st.sampled_from(["holds", "U1", "Z9", "layer", "\ud800", "\0", "a/b", ".."]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


def small_result() -> dict:
    """A result made by hand, as its file holds it."""
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(result().save(folder).read_text())


SOUND = small_result()


def places(tree, path=()) -> list[tuple]:
    """The path to everything in a tree of JSON."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


PLACES = places(SOUND)
SHALLOW = [place for place in PLACES if "values" not in place[:-1]]


def holds(tree, key) -> bool:
    return (isinstance(tree, dict) and key in tree) or (isinstance(tree, list) and key in range(len(tree)))


@st.composite
def damaged_trees(draw) -> dict:
    """A result of which one to three places are deleted, exchanged, repeated or wrapped."""
    tree = copy.deepcopy(SOUND)
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(SHALLOW + PLACES)) or ("measures",)
        spot = tree
        for key in path:
            spot = spot[key] if holds(spot, key) else None
        if not holds(spot, last):
            continue
        how = draw(st.sampled_from(["delete", "exchange", "wrap", "repeat", "move"]))
        if how == "delete":
            del spot[last]
        elif how == "exchange":
            spot[last] = draw(values)
        elif how == "wrap":
            spot[last] = [spot[last]]
        elif how == "repeat" and isinstance(spot, list):
            spot.append(spot[last])
        elif how == "move" and isinstance(spot, dict):
            spot[draw(texts)] = spot.pop(last)
    return tree


def with_claim(**changed) -> dict:
    tree = copy.deepcopy(SOUND)
    entry = tree["claims"]["U1"]
    entry["parts"]["U1"] |= {name: value for name, value in changed.items() if name in entry["parts"]["U1"]}
    entry |= {name: value for name, value in changed.items() if name in entry}
    return tree


def with_entry(**changed) -> dict:
    tree = copy.deepcopy(SOUND)
    tree["measures"]["cka"]["vit"] |= changed
    return tree


def use(path: Path) -> Result | None:
    """Load a result and put it to every use that has no figure; None where it is refused."""
    try:
        result = Result.load(path)
    except InputError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return None
    comparison.report(result, result, ("one", "other"), comparison.compare(result, result)).encode()
    found = {"pocket": result.claims}
    "".join([scorecard.rows(found), *scorecard.phrases(found).values()]).encode()
    "".join([tables.verdicts({"pocket": result}), *tables.phrases({"pocket": result}).values()]).encode()
    return result


def test_the_result_that_is_damaged_is_sound_before(tmp_path):
    (tmp_path / "sound.json").write_text(json.dumps(SOUND))
    assert use(tmp_path / "sound.json").claims["U1"]["verdict"] == "holds"


@bounded(300)
@given(tree=damaged_trees())
@example(tree=with_claim(interval=["low", "high"]))
@example(tree=with_claim(interval=[0.2, None]))
@example(tree=with_claim(interval=[0.3, 0.2]))
@example(tree=with_claim(effect=10**400))
@example(tree=with_claim(effect=math.inf))
@example(tree=with_claim(effect=True))
@example(tree=with_claim(verdict="perhaps"))
@example(tree=SOUND | {"claims": {"Z9": SOUND["claims"]["U1"]}})
@example(tree=SOUND | {"chapter": "a\ud800"})
@example(tree=SOUND | {"parameters": {}})
@example(tree=with_entry(values=[[1, 2], [3]]))
@example(tree=with_entry(values=[["1"] * 2] * 2))
@example(tree=with_entry(values=[[True] * 2] * 2))
@example(tree=with_entry(values=[[10**400] * 2] * 2))
@example(tree=with_entry(axes={"layer": [], "other": []}, values=[]))
@example(tree=with_entry(stage_ends=[10**400]))
def test_result_files_with_other_content(tmp_path, tree):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(tree))
    use(path)


REFUSED = [
    with_claim(interval=["low", "high"]), with_claim(interval=[0.2, None]), with_claim(interval=[0.3, 0.2]),
    with_claim(p=1.5), with_claim(covers="seeds"), with_claim(trainings={}), with_claim(training_interval=[0.2, 0.1]),
    with_claim(effect=10**400), with_claim(effect=math.inf), with_claim(effect=True), with_claim(verdict="perhaps"),
    SOUND | {"claims": {"Z9": SOUND["claims"]["U1"]}}, SOUND | {"chapter": "a\ud800"}, SOUND | {"profile": "../up"},
    with_entry(values=[["1"] * 2] * 2), with_entry(values=[[True] * 2] * 2), with_entry(values=[[10**400] * 2] * 2),
    with_entry(axes={"layer": [], "other": []}, values=[]), with_entry(stage_ends=[5]), with_entry(extra=1),
]  # fmt: skip


@pytest.mark.parametrize("row", range(len(REFUSED)))
def test_what_is_no_result_is_refused(tmp_path, row):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(REFUSED[row]))
    with pytest.raises(InputError, match="is damaged at|is no JSON"):
        Result.load(path)


@st.composite
def damaged_bytes(draw, sound: bytes, first: int = 0) -> bytes:
    """Bytes of which some are exchanged, cut off, left out or repeated; most often among the `first`."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        reach = min(first, len(content)) if first and draw(st.booleans()) else len(content)
        at = draw(st.integers(0, max(0, reach - 1)))
        how = draw(st.sampled_from(["set", "cut", "drop", "repeat", "insert"]))
        if how == "set" and content:
            content[at] = draw(st.sampled_from([0, 1, 0x20, 0x22, 0x7F, 0x80, 0xFF]))
        elif how == "cut":
            del content[at:]
        elif how == "drop":
            del content[at : at + draw(st.integers(1, 40))]
        elif how == "repeat":
            content[at:at] = content[at : at + draw(st.integers(1, 40))]
        else:
            content[at:at] = draw(st.binary(max_size=8))
    return bytes(content)


@bounded(200)
@given(content=damaged_bytes(json.dumps(SOUND).encode()))
@example(content=b"")
@example(content=b"[" * 100_000)
@example(content=b'{"a":' * 100_000)
@example(content=b"1" * 5000)
@example(content=b"NaN")
@example(content=b"\xff\xfe")
@example(content=b"null")
def test_result_files_with_other_bytes(tmp_path, content):
    (tmp_path / "result.json").write_bytes(content)
    use(tmp_path / "result.json")


@bounded(12)
@given(tree=damaged_trees(), entry=st.sampled_from(["vit", "cnn", "vit_cnn"]), flat=st.booleans())
@example(tree=SOUND, entry="vit", flat=True)
@example(tree=SOUND | {"measures": {"cka": 3}}, entry="vit", flat=False)
def test_the_command_on_damaged_results(tmp_path, capfd, tree, entry, flat):
    """`compare` and `figure` end with 0, 1 or 2; a picture is left only with 0."""
    tree = copy.deepcopy(tree)
    if flat:
        with suppress(KeyError, TypeError):
            tree["measures"]["cka"][entry] = {"axes": {"layer": ["a"]}, "values": [1.0]}
    (tmp_path / "one.json").write_text(json.dumps(tree))
    (tmp_path / "sound.json").write_text(json.dumps(SOUND))
    picture = tmp_path / "picture.png"
    picture.unlink(missing_ok=True)
    assert main(["compare", str(tmp_path / "one.json"), str(tmp_path / "sound.json")]) in (0, 1, 2)
    assert main(["figure", str(tmp_path / "one.json"), str(picture)]) == (0 if picture.exists() else 2)
    assert "Traceback" not in capfd.readouterr().err


@bounded(40)
@given(tree=damaged_trees())
def test_the_scorecard_of_damaged_results(tmp_path, monkeypatch, tree):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "nothing")
    path = tmp_path / "results" / "pretrained" / "uniformity.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree))
    try:
        found = gather(tmp_path / "results")
    except InputError:
        return
    scorecard.rows(found), scorecard.phrases(found)


VIT = "vit_smallpocket_patch8_56.shapes"
WEIGHTS = (bundled.WEIGHTS / f"{VIT}.safetensors").read_bytes()
HEADER = 8 + struct.unpack("<Q", WEIGHTS[:8])[0]


def load(path: Path) -> None:
    try:
        loading.check_model("vit", VIT, str(path))
        loading.load_model("vit", VIT, str(path))
    except InputError as error:
        assert "vit_checkpoint" in str(error) and "\n" not in str(error)


@bounded(60)
@given(content=damaged_bytes(WEIGHTS, first=HEADER))
@example(content=WEIGHTS)
@example(content=struct.pack("<Q", 2**63) + WEIGHTS[8:])
@example(content=struct.pack("<Q", 2) + b"{}")
@example(content=WEIGHTS[:HEADER].replace(b"F16", b"I64", 1) + WEIGHTS[HEADER:])
@example(content=WEIGHTS[:HEADER] + b"\xff" * (len(WEIGHTS) - HEADER))
def test_safetensors_with_other_bytes(tmp_path, content):
    (tmp_path / "weights.safetensors").write_bytes(content)
    load(tmp_path / "weights.safetensors")


@bounded(40)
@given(tensor=st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "x"]), values), name=texts)
@example(tensor={"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 0]}, name="head.weight")
@example(tensor={"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}, name="head.weight")
def test_safetensors_with_another_entry(tmp_path, tensor, name):
    header = json.loads(WEIGHTS[8:HEADER]) | {name: tensor}
    text = json.dumps(header).encode()
    (tmp_path / "weights.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + WEIGHTS[HEADER:])
    load(tmp_path / "weights.safetensors")


def pack(image: Image.Image, kind: str, **how) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


SCENE = Image.effect_noise((24, 16), 60)
EXIF = Image.Exif()
EXIF[0x0112] = 6
FORMS = [
    *(pack(SCENE.convert("RGB"), kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000")),
    pack(SCENE.convert("CMYK"), "JPEG", exif=EXIF), pack(SCENE.convert("LA"), "PNG"), pack(SCENE.convert("P"), "PNG"),
    pack(Image.fromarray(np.asarray(SCENE).astype(np.uint16) * 257), "PNG"),
    pack(Image.fromarray(np.asarray(SCENE).astype(np.float32) / 255), "TIFF"),
    pack(SCENE, "TIFF", compression="tiff_lzw"), pack(SCENE.convert("P"), "GIF", save_all=True, append_images=[SCENE]),
]  # fmt: skip


@bounded(300)
@given(content=st.sampled_from(FORMS).flatmap(lambda form: damaged_bytes(form, first=64)))
def test_pictures_with_other_bytes(content):
    try:
        picture = decode(content)
    except Unreadable as reason:
        assert 0 < len(str(reason)) < 120
    else:
        assert picture.mode == "RGB" and max(picture.size) <= 100 * min(picture.size)


def archive() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for i, form in enumerate(FORMS[:6]):
            info = tarfile.TarInfo(f"class{i % 2}/{i}.png")
            info.size = len(form)
            tar.addfile(info, io.BytesIO(form))
    return file.getvalue()


@bounded(150)
@given(content=damaged_bytes(archive(), first=2048))
def test_tars_with_other_bytes(tmp_path, content):
    (tmp_path / "pictures.tar").write_bytes(content)
    try:
        images = open_images("folder", str(tmp_path / "pictures.tar"))
        chosen = choose(images, min(4, len(images)), 0)
        [chosen[i] for i in range(len(chosen))]
    except InputError as error:
        assert "data_dir" in str(error) or "n_images" in str(error)


DEFAULTS = read_parameters(find_chapter("localization"))
DEFAULTS.pop("results_dir")


@bounded(300)
@given(changed=st.dictionaries(st.sampled_from(sorted(DEFAULTS)), values, max_size=3))
@example(changed={"profile": "a\n"})
@example(changed={"image_size": 10**400})
def test_parameters_of_any_kind(changed):
    try:
        check_parameters(DEFAULTS | changed)
    except InputError as error:
        assert "\n" not in str(error) and any(name in str(error) for name in DEFAULTS)


def test_the_same_weights_in_a_file_of_ones_own_are_taken(tmp_path):
    """The negation: what is whole is not refused."""
    model = loading.load_model("vit", VIT)
    save_file(model.state_dict(), tmp_path / "own.safetensors")
    loading.load_model("vit", VIT, str(tmp_path / "own.safetensors"))
