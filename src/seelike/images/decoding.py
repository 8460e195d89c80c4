"""Pictures of any kind as models are to see them: upright, in 8-bit RGB.

Every picture that a chapter uses comes through here, whatever the data set. What is decided:

- **Grey, palette, CMYK** pictures (Adobe's inverted JPEGs too) become RGB by Pillow's plain formulas.
- **Transparent** parts lie on white, so that colours hidden under them do not show.
- **16 bits** a channel: the upper eight are taken, so that the whole range stays in view; of 12 bits likewise.
  Whole numbers of 32 bits or with a sign have no white that all agree on and are not read.
- **Floating-point** pictures must lie between 0, black, and 1, white; others are not read.
- **Animations**: the first frame. **EXIF**: the picture is turned upright; a broken EXIF block says nothing.
- **Colour profiles** are left aside, as they were when the models were trained.
- **Large JPEGs** whose sides are both 4096 pixels or more are read at a half, a quarter or an eighth of their size,
  no side below 2048 pixels. Above Pillow's limit (`PIL.Image.MAX_IMAGE_PIXELS`) nothing is read, nor are
  pictures more than a hundred times as long as wide: scaled to a model's input they would fill the memory.
"""

import io
import warnings
from contextlib import suppress

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

TYPES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif"),
)
UNREAD_TYPES = (".heic", ".heif", ".jxl", ".psd", ".svg", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw")
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")  # no EPS: it runs programs
LEAST_SIDE = 2048  # pixels, of a large JPEG that is read at less than its size
LONGEST = 100  # times the shorter side
BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # TIFF tags


class Unreadable(Exception):
    """Why a picture cannot be used, in a few words."""


def decode(content: bytes, least_side: int = LEAST_SIDE) -> Image.Image:
    """The picture that a file's bytes hold, in mode RGB.

    Args:
        least_side: in pixels; a JPEG that is twice as large or more may be read at a fraction of its size.

    Raises Unreadable, whatever is wrong with the bytes.
    """
    if not content:
        raise Unreadable("empty file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_known_formats()) as image:
                image.draft("RGB", (least_side, least_side))
                return to_rgb(image)
    except Unreadable:
        raise
    except Exception as error:  # each of Pillow's decoders raises its own kinds
        raise Unreadable(explain(error)) from None


def to_rgb(image: Image.Image) -> Image.Image:
    """An opened picture, upright and in mode RGB. Raises Unreadable for numbers of unknown range and extreme shapes."""
    if max(image.size) > LONGEST * min(image.size):
        raise Unreadable(f"more than {LONGEST} times as long as wide")
    image.load()
    _turn_upright(image)
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode[0] in "IF":
        return _scale(image).convert("RGB")
    return _lay_on_white(image) if image.has_transparency_data else image.convert("RGB")


def explain(error: Exception) -> str:
    """The reason in a few words, without the place where the file lies."""
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
    if isinstance(error, UnidentifiedImageError):
        return "no picture of a known format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    reason = " ".join(str(error).split()) or type(error).__name__
    return "truncated" if "truncated" in reason.lower() else f"damaged: {reason[:80]}"


def _known_formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _turn_upright(image: Image.Image) -> None:
    with suppress(Exception):  # a broken EXIF block: the pixels are as good as without one
        ImageOps.exif_transpose(image, in_place=True)


def _lay_on_white(image: Image.Image) -> Image.Image:
    transparent = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(transparent, mask=transparent.getchannel("A"))
    return white


def _scale(image: Image.Image) -> Image.Image:
    """A picture of 16-bit whole numbers, or of floating-point ones from 0 to 1, in 8-bit grey."""
    values = np.asarray(image)
    if image.mode == "F":
        if not (values.min() >= 0 and values.max() <= 1):  # not a number is refused, too
            raise Unreadable("floating-point numbers beyond 0 to 1")
        return Image.fromarray(np.rint(values * 255).astype(np.uint8))
    tags = getattr(image, "tag_v2", {})
    if values.min() < 0 or values.max() > 0xFFFF or (tags and image.mode == "I"):
        raise Unreadable("whole numbers of 32 bits or with a sign")
    grey = (values >> (tags.get(BITS_PER_SAMPLE, (16,))[0] - 8)).astype(np.uint8)
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(255 - grey if tags.get(PHOTOMETRIC) == 0 else grey)
