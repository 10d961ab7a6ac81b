"""Image files: one grey square each, or the reason why it cannot be read."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

# Others (PostScript, say) may run programs or have no pixels of their own.
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "TIFF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
SMALLEST = 8  # pixels along a side


class Unreadable(ValueError):
    """A file that gives no face; the message is the reason, without the file's name."""


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Pixels ``[H, W]``, uint8, upright.

    Colour becomes luma; transparent pixels lie on white; 16-bit grey keeps its eight highest bits;
    a camera's note of how it was held (EXIF orientation) is followed. Of several pictures in a
    file, the first counts.

    Raises:
        Unreadable: the file is missing, a folder, empty, no image, damaged, larger than 90
            megapixels or smaller than 8 × 8 pixels.
    """
    if not path.is_file():
        raise Unreadable("a folder, not an image" if path.is_dir() else "there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged notes in a file whose pixels are whole
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                image.load()
                grey = _grey(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise Unreadable("no image of a known kind, whatever its name says") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(
            f"more than {(Image.MAX_IMAGE_PIXELS or 0) // 10**6} megapixels"
        ) from error
    except Unreadable:
        raise
    except Exception as error:  # Pillow raises whatever a damaged file leads it to
        raise Unreadable("damaged: its pixels cannot be read to the end") from error
    if min(grey.shape) < SMALLEST:
        raise Unreadable(f"smaller than {SMALLEST} × {SMALLEST} pixels")
    return grey


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith(("F", "I")):
        deep = np.asarray(image)
        if image.mode == "F" or deep.min() < 0 or deep.max() > 65535:
            raise Unreadable("its pixels are floating-point numbers, or have more than 16 bits")
        # cameras store 8 and 12 bits in 16; the eight highest bits in use are kept
        bits = next(bits for bits in (8, 12, 16) if deep.max() < 2**bits)
        return (deep.astype(np.uint32) >> (bits - 8)).astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB").convert("L"))


def square(grey: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The largest square in the middle, brought to ``size`` × ``size`` pixels; untouched if it is
    that already.
    """
    side = min(grey.shape)
    top, left = ((length - side) // 2 for length in grey.shape)
    middle = grey[top : top + side, left : left + side]
    return np.asarray(Image.fromarray(middle).resize((size, size), Image.Resampling.LANCZOS))


def crop_face(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest face that OpenCV's Haar cascade finds (Viola and Jones 2001).

    Raises:
        Unreadable: it finds none.
    """
    boxes = _cascade().detectMultiScale(grey, scaleFactor=1.1, minNeighbors=3)
    if len(boxes) == 0:
        raise Unreadable("no face was found in it")
    left, top, width, height = max(boxes, key=lambda box: box[2] * box[3])
    return grey[top : top + height, left : left + width]


@lru_cache(maxsize=1)
def _cascade() -> Any:
    import cv2.data  # only who crops waits for it

    return cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
