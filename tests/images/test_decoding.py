"""Every kind of picture becomes the RGB that it shows; what shows nothing certain is refused by its reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from seelike.images.decoding import Unreadable, decode, explain, to_rgb


def pack(image: Image.Image, kind: str, **how) -> bytes:
    """The bytes of a file of some kind."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def png(bits: int, colour: int, rows: list[bytes], width: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG written by hand, for what Pillow does not write."""
    head = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", head), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def pixels(content: bytes) -> list:
    return np.asarray(decode(content)).tolist()


@pytest.fixture
def scene() -> Image.Image:
    """A smooth grey picture that is no mirror image of itself."""
    y, x = np.mgrid[0:48, 0:64]
    return Image.fromarray((2 * x + y + 20).astype(np.uint8)).convert("RGB")


def test_grey_is_the_same_in_all_three_channels():
    assert pixels(pack(Image.new("L", (1, 1), 77), "PNG")) == [[[77, 77, 77]]]
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    assert pixels(pack(bits, "PNG")) == [[[0, 0, 0], [255, 255, 255]]]


def test_colours_hidden_under_transparency_do_not_show():
    """A colour c under alpha a on white is (a c + (255 − a) 255) / 255."""
    image = Image.new("RGBA", (3, 1), (200, 0, 100, 0))
    image.putpixel((1, 0), (200, 0, 100, 51))  # a fifth: 0.2 c + 204
    image.putpixel((2, 0), (200, 0, 100, 255))
    assert pixels(pack(image, "PNG")) == [[[255, 255, 255], [244, 204, 224], [200, 0, 100]]]
    assert pixels(pack(Image.new("LA", (1, 1), (100, 51)), "PNG")) == [[[224, 224, 224]]]


def test_palettes_with_and_without_a_transparent_colour():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert pixels(pack(image, "PNG")) == [[[10, 20, 30], [40, 50, 60]]]
    assert pixels(pack(image, "PNG", transparency=1)) == [[[10, 20, 30], [255, 255, 255]]]
    assert pixels(pack(image, "GIF", transparency=0)) == [[[255, 255, 255], [40, 50, 60]]]


def test_cmyk_is_ink_and_adobes_inverted_jpegs_too():
    """No ink is white; full cyan takes all red away. Pillow writes, as Adobe does, CMYK JPEGs inverted."""
    for kind in ("TIFF", "JPEG"):
        assert pixels(pack(Image.new("CMYK", (1, 1), (0, 0, 0, 0)), kind)) == [[[255, 255, 255]]]
        red, green, blue = pixels(pack(Image.new("CMYK", (1, 1), (255, 0, 0, 0)), kind))[0][0]
        assert red < 3 and min(green, blue) > 252


def test_sixteen_bits_are_scaled_and_not_clipped():
    """The upper byte: 0x0080, 0x4080 and 0xFFFF show as 0, 64 and 255; clipping would show 128, 255 and 255."""
    values = np.array([[0x0080, 0x4080, 0xFFFF]], np.uint16)
    shown = [[[0] * 3, [64] * 3, [255] * 3]]
    for content in (
        pack(Image.fromarray(values), "PNG"),
        pack(Image.fromarray(values), "TIFF"),
        pack(Image.fromarray(values.astype(np.int32)), "PPM"),
        png(16, 0, [values.astype(">u2").tobytes()], 3),
        png(16, 2, [np.repeat(values, 3).astype(">u2").tobytes()], 3),
        png(16, 4, [np.array([[0x0080, 0xFFFF, 0x4080, 0xFFFF, 0xFFFF, 0xFFFF]]).astype(">u2").tobytes()], 3),
    ):
        assert pixels(content) == shown
    key = (b"tRNS", struct.pack(">H", 0x4080))
    assert pixels(png(16, 0, [values.astype(">u2").tobytes()], 3, key)) == [[[0] * 3, [255] * 3, [255] * 3]]


def test_floating_point_lies_between_black_and_white_or_is_refused():
    assert pixels(pack(Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), "TIFF")) == [
        [[0] * 3, [128] * 3, [255] * 3]
    ]
    for wrong in (1.01, -0.01, np.nan, np.inf):
        with pytest.raises(Unreadable, match="floating-point numbers beyond 0 to 1"):
            decode(pack(Image.fromarray(np.array([[0, wrong]], np.float32)), "TIFF"))


def test_whole_numbers_without_an_agreed_white_are_refused():
    for values in (np.array([[0, 70_000]], np.int32), np.array([[5, 6]], np.int32)):
        with pytest.raises(Unreadable, match="whole numbers of 32 bits or with a sign"):
            decode(pack(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame(kind):
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    content = pack(first, kind, save_all=True, append_images=[second], **({"lossless": True} if kind == "WEBP" else {}))
    assert pixels(content)[0][0] == [255, 0, 0]


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, (0, 0)), (2, (63, 0)), (3, (63, 47)), (4, (0, 47)),
                                (5, (0, 0)), (6, (0, 47)), (7, (63, 47)), (8, (63, 0))],
)  # fmt: skip
def test_pictures_are_turned_upright(scene, orientation, corner):
    """Which stored pixel comes to lie in the upper left corner, by the EXIF standard; 5 to 8 exchange the sides."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
        seen = decode(pack(scene, kind, exif=exif))
        assert seen.size == ((64, 48) if orientation < 5 else (48, 64))
        assert seen.getpixel((0, 0)) == scene.getpixel(corner)


def test_a_broken_exif_block_does_no_harm(scene):
    assert pixels(pack(scene, "PNG", exif=b"Exif\0\0nonsense")) == np.asarray(scene).tolist()


def test_colour_profiles_are_left_aside(scene):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert pixels(pack(scene, "PNG", icc_profile=profile)) == np.asarray(scene).tolist()


FORMS = {
    "PNG": ("RGB", {}), "JPEG": ("RGB", {"quality": 95}), "WEBP": ("RGB", {"lossless": True}), "TIFF": ("RGB", {}),
    "BMP": ("RGB", {}), "GIF": ("L", {}), "PPM": ("RGB", {}), "JPEG2000": ("RGB", {}),
}  # fmt: skip


def test_a_picture_is_the_same_in_whatever_form_it_was_saved(scene):
    grey = np.asarray(scene.convert("L"))
    forms = {kind: pack(scene.convert(mode), kind, **how) for kind, (mode, how) in FORMS.items()}
    forms["grey JPEG"] = pack(scene.convert("L"), "JPEG", quality=95)
    forms["CMYK JPEG"] = pack(scene.convert("CMYK"), "JPEG", quality=95)
    forms["palette"] = pack(scene.convert("L").convert("P"), "PNG")
    forms["opaque"] = pack(scene.convert("RGBA"), "PNG")
    forms["16 bits"] = pack(Image.fromarray(grey.astype(np.uint16) * 257), "PNG")
    forms["floating point"] = pack(Image.fromarray(grey.astype(np.float32) / 255), "TIFF")
    for name, content in forms.items():
        difference = np.abs(np.asarray(decode(content)).astype(int) - np.asarray(scene).astype(int))
        assert difference.max() <= (6 if "JPEG" in name else 1), name
    mirrored = np.asarray(decode(pack(scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"))).astype(int)
    assert np.abs(mirrored - np.asarray(scene)).max() > 100  # the negation: another picture is another


def test_one_pixel_is_a_picture_and_a_thread_is_none():
    assert decode(pack(Image.new("RGB", (1, 1), "red"), "PNG")).size == (1, 1)
    assert decode(pack(Image.new("RGB", (100, 1)), "PNG")).size == (100, 1)
    with pytest.raises(Unreadable, match="more than 100 times as long as wide"):
        decode(pack(Image.new("RGB", (1, 101)), "PNG"))


def test_a_large_jpeg_is_read_at_a_fraction_of_its_size_and_a_photograph_is_not(scene):
    large = pack(scene.resize((4200, 4100)), "JPEG")
    assert decode(large).size == (2100, 2050)
    assert decode(large, least_side=64).size == (525, 513)
    assert decode(pack(scene.resize((4200, 300)), "JPEG")).size == (4200, 300)


def test_more_pixels_than_pillow_allows_are_refused_and_its_warning_is_no_permission(monkeypatch):
    content = pack(Image.new("RGB", (40, 40)), "PNG")
    for limit in (1599, 700):  # Pillow warns above the limit, and raises above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(Unreadable, match=f"more than {limit} pixels"):
            decode(content)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1600)
    assert decode(content).size == (40, 40)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
def test_half_a_file_is_refused(kind):
    content = pack(Image.effect_noise((200, 200), 60).convert("RGB"), kind)
    with pytest.raises(Unreadable):
        decode(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"no picture", "no picture of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no picture"),
    ],
)
def test_what_is_no_picture_is_refused(content, reason):
    with pytest.raises(Unreadable, match=reason):
        decode(content)


def test_a_program_in_the_guise_of_a_picture_is_not_run(scene):
    """Pillow hands EPS files to Ghostscript, whatever their names end in."""
    with pytest.raises(Unreadable, match="no picture of a known format"):
        decode(pack(scene, "EPS"))


def test_reasons_are_short_and_keep_no_folder_of_this_machine():
    assert explain(PermissionError(13, "Permission denied", "/somewhere/a.jpg")) == "permission denied"
    assert explain(OSError("image file is truncated (3 bytes not processed)")) == "truncated"
    assert explain(ValueError("long " * 100)).startswith("damaged: long") and len(explain(ValueError("x" * 999))) < 100
    assert explain(KeyError()) == "damaged: KeyError"


def test_an_opened_picture_needs_no_file():
    assert to_rgb(Image.new("L", (2, 1), 9)).getpixel((0, 0)) == (9, 9, 9)
    assert to_rgb(Image.new("RGBa", (1, 1), (0, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
