"""What the descriptors cost, beside the loops over images that people write.

The loops follow the authors' published programs: `lpq.m` with its two-dimensional convolutions by
complex windows, and `anna_phog.m` with its cells and bins one after the other. They give the same
numbers (a test holds them to it).
"""

import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import sobel
from scipy.signal import convolve2d

from emolib.bench.machine import growth
from emolib.data import load
from emolib.data.descriptors import lpq, phog
from emolib.paper import EMOTIONS

# Images at a time by height and width: enough for a second's work, few enough for any memory.
SIZES = {(96, 96): 256, (576, 720): 8}
MANY = 35_000


def lpq_loop(images: np.ndarray, window: int = 7, blocks: int = 3) -> np.ndarray:
    """LPQ one image and one frequency at a time."""
    r = window // 2
    x = np.arange(-r, r + 1)
    wave, flat = np.exp(-2j * np.pi * x / window), np.ones(window)
    pairs = [(flat, wave), (wave, flat), (wave, wave), (wave.conj(), wave)]
    described = []
    for image in images:
        codes, bit = np.zeros(np.array(image.shape) - window + 1, int), 0
        zero = -1e-9 * window**2 * float(np.abs(image).max())
        for down, across in pairs:
            answer = convolve2d(
                convolve2d(image, down[:, None], mode="valid"), across[None], mode="valid"
            )
            for part in (answer.real, answer.imag):
                codes += (part >= zero).astype(int) << bit
                bit += 1
        height, width = codes.shape
        row, column = np.arange(height) * blocks // height, np.arange(width) * blocks // width
        for j in range(blocks):
            for i in range(blocks):
                block = codes[np.ix_(row == j, column == i)]
                described.append(np.histogram(block, bins=256, range=(0, 256))[0] / block.size)
    return np.concatenate(described).reshape(len(images), -1)


def phog_loop(images: np.ndarray, bins: int = 8, levels: int = 3) -> np.ndarray:
    """PHOG one image, one cell and one bin at a time."""
    described = []
    for image in images.astype(float):
        dx, dy = sobel(image, axis=1, mode="nearest"), sobel(image, axis=0, mode="nearest")
        magnitude = np.hypot(dx, dy)
        index = np.floor(np.degrees(np.arctan2(dy, dx)) * bins / 360) % bins
        height, width = image.shape
        pyramid = []
        for level in range(levels + 1):
            row, column = (
                np.arange(height) * 2**level // height,
                np.arange(width) * 2**level // width,
            )
            for j in range(2**level):
                for i in range(2**level):
                    cell = np.ix_(row == j, column == i)
                    inside, weight = index[cell], magnitude[cell]
                    pyramid += [weight[inside == number].sum() for number in range(bins)]
        described.append(np.array(pyramid) / np.sum(pyramid))
    return np.stack(described)


def methods() -> dict[tuple[str, str], Callable[[np.ndarray], object]]:
    """What is compared: (descriptor, method) and what computes it for images ``[N, H, W]``."""
    compared: dict[tuple[str, str], Callable[[np.ndarray], object]] = {
        ("lpq", "ours"): lpq,
        ("lpq", "loop"): lpq_loop,
        ("phog", "ours"): phog,
        ("phog", "loop"): phog_loop,
    }
    if importlib.util.find_spec("skimage"):
        hog = importlib.import_module(
            "skimage.feature"
        ).hog  # no dependency: only this comparison looks at it
        compared["phog", "scikit-image hog"] = lambda images: [
            hog(
                image,
                orientations=8,
                pixels_per_cell=[side // 8 for side in image.shape],
                cells_per_block=(1, 1),
            )
            for image in images
        ]
    return compared


def descriptors_bench(repeats: int = 3) -> list[dict[str, Any]]:
    """Images a second, the best of ``repeats`` after a first call that does not count.

    Returns:
        Rows of ``descriptor`` (lpq, phog), ``method`` (ours, loop and, where installed,
        scikit-image hog), ``height``, ``width``, ``images``, ``images_per_second`` and
        ``times_loop``, the same as a multiple of the loop's.
    """
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for (height, width), most in SIZES.items():
        faces = rng.integers(0, 256, (most, height, width), dtype=np.uint8)
        for (descriptor, method), describe in methods().items():
            images = faces if method == "ours" else faces[: max(most // 16, 2)]
            describe(images[:1])
            seconds = min(_seconds(describe, images) for _ in range(repeats))
            rows.append(
                {
                    "descriptor": descriptor,
                    "method": method,
                    "height": height,
                    "width": width,
                    "images": len(images),
                    "images_per_second": len(images) / seconds,
                }
            )
    loop = {
        (row["descriptor"], row["height"]): row["images_per_second"]
        for row in rows
        if row["method"] == "loop"
    }
    return [
        row | {"times_loop": row["images_per_second"] / loop[row["descriptor"], row["height"]]}
        for row in rows
    ]


def folder_bench(count: int = MANY, size: int = 48) -> dict[str, float]:
    """A folder of ``count`` images read, described and reduced to principal components, with
    progress.

    Returns:
        ``images``, ``seconds``, ``images_per_second``, and what
        :func:`~emolib.bench.machine.growth` tells.
    """
    with tempfile.TemporaryDirectory(prefix="emolib-") as folder:
        root, rng = Path(folder, "faces"), np.random.default_rng(0)
        for label, emotion in enumerate(EMOTIONS):
            (root / emotion).mkdir(parents=True)
            for number in range(label, count, len(EMOTIONS)):
                Image.fromarray(rng.integers(0, 256, (size, size), dtype=np.uint8)).save(
                    root / emotion / f"person{number % 97}_{number:09d}.png"
                )
        cache, os.environ["EMOLIB_CACHE"] = (
            os.environ.get("EMOLIB_CACHE"),
            folder,
        )  # nothing of this is worth keeping
        try:
            with growth() as grown:
                start = perf_counter()
                load(root, size=size)
                seconds = perf_counter() - start
        finally:
            os.environ.pop("EMOLIB_CACHE") if cache is None else os.environ.update(
                EMOLIB_CACHE=cache
            )
    return {"images": count, "seconds": seconds, "images_per_second": count / seconds, **grown}


def _seconds(describe: Callable[[np.ndarray], object], images: np.ndarray) -> float:
    start = perf_counter()
    describe(images)
    return perf_counter() - start
