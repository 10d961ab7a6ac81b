"""Image files: kinds of pixels come out alike, and what is no image is refused with its reason."""

import os

import numpy as np
import pytest
from PIL import Image

from emolib.data.drawn import draw_faces
from emolib.data.folder import Unreadable, crop_face, read_grey, square


def face(seed, shape=(40, 40)):
    """A grey picture that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_kinds_of_pixels_come_out_alike(tmp_path):
    grey = face(7, (30, 30))
    deep = (grey.astype(np.uint16) << 8) + 77
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    Image.fromarray(deep >> 4).save(tmp_path / "twelve_bits.png")
    Image.fromarray(grey).save(tmp_path / "grey.bmp")
    Image.fromarray(grey).save(tmp_path / "grey.webp", lossless=True)
    Image.fromarray(np.stack([grey] * 3, axis=2)).save(tmp_path / "colour.png")
    palette = Image.fromarray(grey).convert("P")
    palette.putpalette([value for level in range(256) for value in (level, level, level)])
    palette.save(tmp_path / "palette.png")
    for path in tmp_path.iterdir():
        assert np.array_equal(read_grey(path), grey), path.name


def test_transparent_pixels_lie_on_white(tmp_path):
    pixels = np.full((10, 10, 4), (10, 10, 10, 255), np.uint8)
    pixels[:5, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "alpha.png")
    grey = read_grey(tmp_path / "alpha.png")
    assert (grey[:5] == 255).all() and (grey[5:] == 10).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_camera_gives_an_upright_face(tmp_path, orientation):
    upright = np.add.outer(np.arange(0, 200, 10), np.arange(30)).astype(np.uint8)  # 20 × 30
    turned = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(turned[orientation](upright))).save(
        tmp_path / "turned.png", exif=exif
    )
    assert np.array_equal(read_grey(tmp_path / "turned.png"), upright)


def test_the_middle_square_is_the_face():
    wide = face(3, (20, 50))
    assert np.array_equal(square(wide, 20), wide[:, 15:35])
    assert square(wide, 64).shape == (64, 64)


def test_cropping_finds_the_face_in_a_larger_picture():
    portrait = draw_faces().images[0]
    picture = np.full((300, 400), 120, np.uint8)
    picture[100:196, 250:346] = portrait
    found = crop_face(picture)
    assert 40 <= found.shape[0] <= 96 and np.abs(found.mean() - portrait[20:80, 20:80].mean()) < 25
    with pytest.raises(Unreadable, match="no face"):
        crop_face(np.full((90, 90), 7, np.uint8))


def test_what_is_no_file_says_what_it_is(tmp_path):
    with pytest.raises(Unreadable, match="^a folder, not an image$"):
        read_grey(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("gone.png", "pipe.png"):
        with pytest.raises(ValueError, match="no such file"):
            read_grey(tmp_path / name)
