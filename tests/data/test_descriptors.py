"""LPQ and PHOG against their definitions, written as slow loops."""

from functools import partial
from itertools import islice

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA

from emolib.data import descriptors
from emolib.data.descriptors import PRESETS, Components, canny, lpq, lpq_codes, phog, pixels
from emolib.data.drawn import film_stills
from emolib.data.faces import draw_face


def slow_parts(image, y, x, window):
    """The eight numbers of one window: the Fourier sum over every pixel of it."""
    r, a = window // 2, 1 / window
    parts = []
    for u, v in [(a, 0), (0, a), (a, a), (a, -a)]:
        total = 0j
        for j in range(-r, r + 1):
            for i in range(-r, r + 1):
                total += image[y - j, x - i] * np.exp(-2j * np.pi * (u * i + v * j))
        parts += [total.real, total.imag]
    return np.array(parts)


def slow_codes(image, window):
    image = image.astype(float)
    r = window // 2
    zero = -1e-9 * window**2 * np.abs(image).max()
    height, width = image.shape
    codes = np.zeros((height - 2 * r, width - 2 * r), np.uint8)
    for y in range(r, height - r):
        for x in range(r, width - r):
            for bit, part in enumerate(slow_parts(image, y, x, window)):
                codes[y - r, x - r] |= int(part >= zero) << bit
    return codes


def pictures(size=13):
    """Random bytes, random floats, a flat wall, and steps in three directions."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    return [
        rng.integers(0, 256, (size, size), dtype=np.uint8),
        rng.normal(size=(size, size)),
        np.full((size, size), 77, np.uint8),
        np.where(x < 6, 10, 200).astype(np.uint8),
        np.where(y < 7, 0.1, 0.7),
        np.where(x + y < 12, 3, 250).astype(np.uint8),
    ]


@pytest.mark.parametrize("window", [3, 5, 7, 9])
def test_lpq_codes_equal_the_definition(window):
    for image in pictures():
        assert np.array_equal(lpq_codes(image[None], window)[0], slow_codes(image, window))


def test_a_flat_wall_has_every_bit_set_and_any_brightness_gives_the_same_code():
    flat = np.stack([np.full((20, 20), level) for level in (0.0, 0.1, 1 / 3, 255.0)])
    assert (lpq_codes(flat) == 255).all()


def test_lpq_counts_the_codes_of_each_block():
    image = np.random.default_rng(2).integers(0, 256, (21, 18), dtype=np.uint8)
    codes = lpq_codes(image[None], 7)[0]  # [15, 12]
    blocks = [codes[5 * j : 5 * j + 5, 4 * i : 4 * i + 4] for j in range(3) for i in range(3)]
    expected = np.concatenate([np.bincount(block.ravel(), minlength=256) / 20 for block in blocks])
    result = lpq(image[None])
    assert result.shape == (1, 2304) and result.dtype == np.float32
    assert np.allclose(result[0], expected, atol=1e-7)


def slow_sobel(image, y, x):
    """Gradients to the right and downwards at a pixel of an image with a border of one pixel."""
    patch = image[y : y + 3, x : x + 3]
    return (patch[:, 2] - patch[:, 0]) @ [1, 2, 1], (patch[2] - patch[0]) @ [1, 2, 1]


def slow_canny(image):
    """Edges after Canny 1986: pixels whose gradient is no smaller than that of either neighbour
    across the edge, above a low threshold, and connected to one above a high threshold.
    """
    height, width = image.shape
    around = np.arange(-8, 9)
    bell = np.exp(-(around**2) / 4)  # a variance of 2
    bell = np.outer(bell, bell) / bell.sum() ** 2
    far = np.pad(image.astype(float), 8, mode="edge")
    blurred = np.zeros(image.shape)
    for y in range(height):
        for x in range(width):
            blurred[y, x] = (far[y : y + 17, x : x + 17] * bell).sum()
    padded, kept = np.pad(blurred, 1, mode="edge"), set()
    gradient = {(y, x): slow_sobel(padded, y, x) for y in range(height) for x in range(width)}
    size = {place: np.hypot(*each) for place, each in gradient.items()}
    high = np.quantile(list(size.values()), 0.7)
    for (y, x), (dx, dy) in gradient.items():
        steepness = np.degrees(np.arctan2(abs(dy), abs(dx)))
        right, down = int(steepness < 67.5), int(steepness > 22.5)
        down *= 1 if dx * dy > 0 or not right else -1
        sides = [size.get((y + k * down, x + k * right), 0) for k in (-1, 1)]
        if size[y, x] >= max(sides) and size[y, x] > 0.4 * high:
            kept.add((y, x))
    edges, new = set(), [place for place in kept if size[place] > high]
    while new:
        y, x = new.pop()
        edges.add((y, x))
        near = {(y + j, x + i) for j in (-1, 0, 1) for i in (-1, 0, 1)}
        new += (near & kept) - edges
    return np.array([[(y, x) in edges for x in range(width)] for y in range(height)])


def slow_phog(image, bins, levels, edges=None):
    edges = np.ones(image.shape) if edges is None else edges
    image = np.pad(image.astype(float), 1, mode="edge")
    height, width = image.shape[0] - 2, image.shape[1] - 2
    levels_ = [np.zeros((2**level, 2**level, bins)) for level in range(levels + 1)]
    for y in range(height):
        for x in range(width):
            dx, dy = slow_sobel(image, y, x)
            bin_ = int(np.degrees(np.arctan2(dy, dx)) % 360 // (360 / bins)) % bins
            for level, histogram in enumerate(levels_):
                cell = histogram[y * 2**level // height, x * 2**level // width]
                cell[bin_] += edges[y, x] * np.hypot(dx, dy)
    values = np.concatenate([histogram.ravel() for histogram in levels_])
    return values / (values.sum() or 1)


@pytest.mark.parametrize(
    "bins, levels, length",
    [(8, 3, 680), (16, 4, 5456), (8, 0, 8), (9, 1, 45), (16, 2, 336), (7, 1, 35)],
)
@pytest.mark.parametrize("shape", [(26, 19), (1, 1), (2, 300), (5, 3)])
def test_phog_equals_a_direct_loop(bins, levels, length, shape):
    rng = np.random.default_rng(4)
    pictures = [
        rng.integers(0, 256, shape, dtype=np.uint8),
        rng.integers(
            0, 3, shape, dtype=np.uint8
        ),  # many flat pixels, and gradients on edges of bins
        rng.normal(size=shape),
        1e6 * rng.normal(size=shape),
    ]
    for image in pictures:
        result = phog(image[None], bins, levels)
        assert result.shape == (1, length) and result.dtype == np.float32
        assert np.abs(result[0] - slow_phog(image, bins, levels)).max() < 1e-6


@pytest.mark.parametrize("blur", [0, 2])
@pytest.mark.parametrize("shape", [(26, 19), (40, 33), (5, 3)])
def test_phog_on_canny_edges_equals_its_definition(shape, blur):
    image = gaussian_filter(np.random.default_rng(13).normal(size=shape), blur)
    edges = slow_canny(image)
    assert np.array_equal(canny(image), edges) and 0 < edges.mean() < 0.5
    found = phog(image[None], 8, 2, edges="canny")[0]
    # single precision keeps seven digits
    assert np.allclose(found, slow_phog(image, 8, 2, edges), rtol=1e-7, atol=1e-9)


def test_canny_finds_the_outline_of_a_disc_a_pixel_wide_and_nothing_on_a_flat_wall():
    y, x = np.mgrid[-20:21, -20:21]
    radius = np.hypot(x, y)
    edges = canny(gaussian_filter(np.where(radius < 12, 0.9, 0.2), 1))
    assert np.abs(radius[edges] - 12).max() < 1.5  # on the outline, all the way round
    turn = np.sort(np.degrees(np.arctan2(y, x))[edges])
    assert np.diff(turn).max() < 10 and 2 * np.pi * 12 * 0.8 < edges.sum() < 2 * np.pi * 12 * 1.3
    flat = np.full((1, 32, 32), 9, np.uint8)
    assert not canny(flat[0] / 9).any() and not phog(flat, edges="canny").any()


@pytest.mark.parametrize("degrees", [0, 45, 90, 135, 180, 225, 270, 315])
def test_the_pixels_of_a_straight_edge_have_its_orientation_alone(degrees):
    y, x = np.mgrid[-20:20, -20:20]
    right, downwards = (int(np.round(f(np.radians(degrees)) * 1.2)) for f in (np.cos, np.sin))
    image = np.where(right * x + downwards * y > 0, 180, 20)
    image[[0, -1]], image[:, [0, -1]] = image[[1, -2]], image[:, [1, -2]]
    found = phog(image[None], bins=8, levels=0, edges="canny")[0]
    assert found.argmax() == degrees // 45 and found.max() > 0.9


def test_an_angle_a_hair_below_a_bin_s_edge_counts_as_on_it():
    y, x = np.mgrid[:12.0, :12.0]
    # of a bin; one ramp's angle is 45° less so much, the other's 0°, which comes after 360°
    for short, expected in ((1e-10, (1, 0)), (1e-7, (0, 7))):
        for angle, bin_ in zip((1 - short, 8 - short), expected, strict=True):
            angle *= np.pi / 4
            ramp = x * np.cos(angle) + y * np.sin(angle)
            assert phog(ramp[None, 1:-1, 1:-1], bins=8, levels=0)[0].argmax() == bin_


@pytest.mark.parametrize("degrees", [0, 45, 90, 135, 180, 225, 270, 315])
def test_phog_names_the_direction_of_an_edge(degrees):
    y, x = np.mgrid[-16:16, -16:16]
    # integer steps keep the Sobel sums exact, so the angle sits on the bin's closed edge
    right, downwards = (int(np.round(f(np.radians(degrees)) * 1.2)) for f in (np.cos, np.sin))
    ramp = 100 + right * x + downwards * y
    inside = phog(ramp[None], bins=8, levels=0)[0]
    assert inside.argmax() == degrees // 45
    assert inside.max() > 0.85  # the frame's border bends a few


def test_phog_puts_an_edge_in_its_cell_and_leaves_a_flat_image_empty():
    image = np.zeros((32, 32))
    image[20:28, 4:12] = 1
    coarse, *cells = phog(image[None], bins=8, levels=1).reshape(5, 8)
    assert np.isclose(coarse.sum(), 0.5) and np.allclose(cells[2], coarse)
    assert not np.any([cells[0], cells[1], cells[3]])
    assert not phog(np.full((1, 32, 32), 9, np.uint8)).any()


def test_batches_do_not_show(monkeypatch):
    images = np.random.default_rng(6).integers(0, 4, (5, 23, 31), dtype=np.uint8) + np.uint8(250)
    described = [lambda: lpq_codes(images, 5), lambda: lpq(images, 5), lambda: phog(images)]
    described.append(lambda: phog(images, edges="canny"))
    whole = [describe() for describe in described]
    monkeypatch.setattr(descriptors, "BATCH", 1500)  # two images
    parts = [describe() for describe in described]
    assert all(np.array_equal(*pair) for pair in zip(whole, parts, strict=True))


@pytest.mark.parametrize("contrast", [1e-3, 1.0, 1e4])
def test_faint_texture_on_a_bright_wall_has_the_definition_s_codes(contrast):
    image = 1e5 + contrast * np.random.default_rng(7).integers(-1, 2, (15, 16))
    assert np.array_equal(lpq_codes(image[None], 7)[0], slow_codes(image, 7))


@pytest.mark.parametrize("window", [3, 5, 7, 9])
def test_codes_of_an_upright_edge_follow_from_the_sum_of_a_cosine(window):
    """Bright from column 10 on: seen from column x, the edge begins k = 10 - x pixels on. The
    cosines from k to r sum to -sin(2π(k - 1/2)/M) / (2 sin(π/M)), the sines to (cos(2π(k - 1/2)/M)
    + 1) / (2 sin(π/M)), which is never negative.
    """
    image = np.where(np.arange(24) < 10, 20, 180).astype(np.uint8)[None].repeat(24, axis=0)
    codes = lpq_codes(image[None], window)[0]
    r = window // 2
    assert (codes == codes[0]).all()
    for x, code in enumerate(codes[0], start=r):
        k = 10 - x
        seen = -r < k <= r  # the edge lies in the window
        real = -np.sin(2 * np.pi * (k - 0.5) / window) if seen else 0.0
        assert bool(code & 1) == (real >= -1e-12) and code & 2  # along the edge's normal
        assert code & 4 and code & 8  # across it nothing varies
        assert bool(code & 16) and bool(code & 64)  # nor along the diagonals, summed over columns


def lbp_codes(image):
    """Local binary patterns: is each of the eight neighbours as bright as the middle?"""
    middle = image[1:-1, 1:-1]
    around = [(j, i) for j in (0, 1, 2) for i in (0, 1, 2) if (j, i) != (1, 1)]
    height, width = middle.shape
    neighbours = [image[j : j + height, i : i + width] for j, i in around]
    return np.packbits(np.stack(neighbours) >= middle, axis=0)[0]


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5])
def test_a_symmetric_blur_turns_fewer_bits_of_lpq_than_of_lbp(sigma):
    stills = islice(film_stills(wildness=0), 0, 200, 20)
    faces = [draw_face(still.units, still.identity, still.view) * 1.0 for still in stills]
    turned = {"lpq": [], "lbp": []}
    for image in faces:
        blurred = gaussian_filter(image, sigma)
        sharp, soft = lpq_codes(np.stack([image, blurred]), 7)
        turned["lpq"].append(np.unpackbits(sharp ^ soft).mean())
        turned["lbp"].append(np.unpackbits(lbp_codes(image) ^ lbp_codes(blurred)).mean())
    assert np.mean(turned["lpq"]) < 0.7 * np.mean(turned["lbp"])


@pytest.mark.parametrize(("preset", "sizes"), [("wang", (2304, 680)), ("dhall", (4096, 5456))])
def test_presets_have_the_sizes_that_their_settings_give(preset, sizes):
    image, options = np.eye(48)[None], PRESETS[preset]
    found = lpq(image, **options["lpq"]), phog(image, **options["phog"])
    assert tuple(values.shape[1] for values in found) == sizes


def test_pixels_are_averages_without_light_and_contrast():
    image = np.random.default_rng(10).integers(0, 100, (1, 96, 96), dtype=np.uint8)
    small = pixels(image)
    expected = image.reshape(32, 3, 32, 3).mean(axis=(1, 3)).ravel()
    assert np.allclose(small[0], (expected - expected.mean()) / expected.std(), atol=1e-5)
    assert np.allclose(small, pixels(2 * image + 30), atol=1e-5)
    assert not pixels(np.full((1, 9, 9), 4, np.uint8)).any()


BAD_IMAGES = {
    "not a number": (np.where(np.eye(12), np.nan, 1)[None], "image 0 has a pixel that is not a"),
    "infinite": (np.stack([np.ones((12, 12)), np.full((12, 12), np.inf)]), "image 1 has a pixel"),
    "one image": (np.ones((12, 12)), r"not \[12, 12\] .* give one image as image.None., and bring"),
    "colour stack": (np.ones((2, 12, 12, 3)), "bring colour images to grey first"),
    "one colour image": (np.ones((12, 12, 3)), "bring colour images to grey first"),
    "a row": (np.ones(12), r"grey images are an array of numbers \[N, H, W\], not \[12\]"),
    "no pixels": (np.ones((2, 0, 12)), r"not \[2, 0, 12\]"),
    "text": (np.full((1, 12, 12), "1"), "of <U1"),
    "complex": (np.full((1, 12, 12), 1j), "of complex128"),
}


@pytest.mark.parametrize(("images", "sentence"), BAD_IMAGES.values(), ids=BAD_IMAGES)
@pytest.mark.parametrize("describe", [lpq, lpq_codes, phog, pixels])
def test_what_is_no_stack_of_grey_images_is_refused(describe, images, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        describe(images)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("describe", "options", "sentence"),
    [
        (lpq, {"blocks": 35}, "40 × 40 pixels are too small .* 41 × 41 pixels are needed"),
        (lpq, {"blocks": 0}, "blocks is 0"),
        (lpq_codes, {"window": 1}, "window must be odd"),
        (lpq_codes, {"window": 4}, "window must be odd"),
        (lpq_codes, {"window": 41}, "window must be odd, at least 3 and at most the image's side"),
        (phog, {"bins": 0}, "bins is 0"),
        (phog, {"levels": -1}, "levels is -1"),
        (phog, {"edges": "sobel"}, "edges is 'sobel'; it must be one of 'all', 'canny'"),
    ],
)
def test_options_out_of_range_are_named(describe, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        describe(np.zeros((1, 40, 40)), **options)


@pytest.mark.parametrize("factor", [2.0**-900, 1e-200, 1e39, 1e200, 1e307])
def test_brightness_has_no_unit(factor):
    image = np.random.default_rng(12).integers(0, 10, (2, 24, 24)).astype(float)
    for describe in (lpq, phog, partial(phog, edges="canny"), pixels):
        assert np.allclose(describe(image * factor), describe(image), atol=1e-6)


def test_no_images_have_no_descriptors():
    empty = np.zeros((0, 20, 20), np.uint8)
    assert lpq(empty).shape == (0, 2304) and phog(empty).shape == (0, 680)
    assert lpq_codes(empty).shape == (0, 14, 14) and pixels(empty).shape == (0, 1024)


@pytest.mark.parametrize("shape", [(60, 200), (300, 40), (41, 40)], ids=["wide", "tall", "square"])
def test_components_are_those_of_scikit_learn(shape):
    rng = np.random.default_rng(5)
    values = (rng.normal(size=shape) * np.linspace(5, 1, shape[1]) + 3).astype(np.float32)
    exact = values.astype(float)
    expected = PCA(5, svd_solver="full").fit(exact)
    for found in (Components.fit(values), Components.fit(values, products=exact @ exact.T)):
        assert np.allclose(found.axes, expected.components_, atol=1e-9)
        assert np.allclose(found.transform(values), expected.transform(exact), atol=1e-5)


def test_new_rows_do_not_move_the_axes():
    rng = np.random.default_rng(6)
    values = rng.normal(size=(80, 30))
    found = Components.fit(values[:50])
    assert np.array_equal(found.transform(values)[50:], found.transform(values[50:]))
    assert not np.allclose(found.axes, Components.fit(values).axes, atol=0.01)


def test_what_does_not_vary_has_no_component():
    values = np.outer(np.arange(20.0), np.ones(9)) + 2  # one direction only
    found = Components.fit(values)
    assert np.allclose(np.abs(found.axes[0]), 1 / 3) and not found.axes[1:].any()
    assert not Components.fit(np.full((9, 30), 7.0)).transform(np.full((9, 30), 7.0)).any()


def test_too_few_rows_are_named():
    with pytest.raises(ValueError, match="5 principal components need more than 5 images"):
        Components.fit(np.zeros((5, 100)))
