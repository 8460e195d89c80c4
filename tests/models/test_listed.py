"""Several models in one parameter: what each is, what it is called in a result, and what is refused."""

import pytest
import timm
from safetensors.torch import save_file

from seelike.models.listed import Listed, check_listed, read_listed
from seelike.system.errors import InputError

VTCC = "vtcc_pocket_56.unlabelled_strokes"


def test_words_are_models_in_their_order_and_files_lose_their_folders():
    found = read_listed(f"{VTCC}  swin_tiny=/my/folder/w.safetensors#teacher hlg_pocket_56=random")
    assert list(found) == [VTCC, "swin_tiny=w.safetensors#teacher", "hlg_pocket_56=random"]
    own, file, random = found.values()
    assert (own, own.file, own.is_random) == (Listed(VTCC), "", False)
    assert (file.file, file.is_random) == ("/my/folder/w.safetensors#teacher", False)
    assert (random.name, random.file, random.is_random) == ("hlg_pocket_56", "", True)


def test_a_word_can_be_read_again():
    for word in (VTCC, "swin_tiny=/my/w.safetensors", "hlg_pocket_56=random"):
        assert [each.word for each in read_listed(word).values()] == [word]


def test_bundled_names_are_completed_and_names_of_before_are_those_of_today():
    assert list(check_listed("vtcc_pocket_56 vit_tiny_patch16_224=random")) == [VTCC, "vit_tiny_patch16_224=random"]


def test_a_file_of_weights_stands_for_an_architecture_without_any(tmp_path):
    file = tmp_path / "w.safetensors"
    save_file(timm.create_model("hlg_pocket_56").state_dict(), file)
    (found,) = check_listed(f"hlg_pocket_56={file}").values()
    assert (found.role, found.file) == ("hlg_pocket_56=w.safetensors", str(file))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "systems must name one model or more, each once, with spaces between, not ''"),
        (f"{VTCC} vtcc_pocket_56", "systems must name one model or more, each once"),
        ("resnet5O", "systems='resnet5O' is no model that timm knows.*resnet50"),
        ("test_vit4", "systems='test_vit4' has no public weights: give test_vit4=FILE, or .*=random"),
        ("resnet5O=random", "systems='resnet5O' is no model that timm knows"),
        ("resnet18=gone.safetensors", "^systems='gone.safetensors' is not a file"),
        ("vtcc_pocket_resnet_56.unlabelled_strokes", "has no weights: its card holds its answers"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_sentence_that_names_the_parameter(text, complaint):
    with pytest.raises(InputError, match=complaint):
        check_listed(text)
