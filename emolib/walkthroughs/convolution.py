"""Checks of the walkthrough on convolution over five numbers."""

from typing import Any

import numpy as np

from emolib.walkthroughs.lesson import ASKED, array, check, judged, tried

# Five numbers of a face, a kernel of three and a bias, small enough for pencil and paper.
NUMBERS = (0.1, 0.4, 0.3, 0.9, 0.5)
KERNEL = (1.0, 0.0, -2.0)
BIAS = 0.5


def _windows(padded: Any) -> np.ndarray:
    """The first five windows of three: ``[5, 3]``."""
    return np.lib.stride_tricks.sliding_window_view(padded, 3)[:5]


@check
def convolved(answer: Any) -> str:
    """The five outputs of the kernel over the numbers, zeros past both ends."""
    x, kernel = np.array(NUMBERS), np.array(KERNEL)
    found = array(
        answer,
        (5,),
        {
            (3,): "three outputs: the kernel never stood at the ends. With a zero past each end "
            "there are five."
        },
    )
    right = _windows(np.pad(x, 1)) @ kernel + BIAS
    turned = np.convolve(x, kernel, "same")
    place = (
        "an output"
        if found is ASKED
        else f"output {np.argmin(np.isclose(found, right, atol=1e-4)) + 1}"
    )
    beside = (
        "your kernel stands one place off: its middle weight belongs to the place itself, the "
        "first to the left neighbour."
    )
    return judged(
        found,
        right,
        "one output for each place. In the paper's network 16 kernels do so side by side.",
        [
            (right - BIAS, "the bias is missing: every output has 0.5 added."),
            (
                turned,
                "two things: the bias of 0.5 is missing, and you turned the kernel round "
                "(np.convolve does): first weight, left neighbour.",
            ),
            (
                turned + BIAS,
                "you turned the kernel round, as mathematicians do when they convolve. A "
                "network's layer does not: first weight, left neighbour.",
            ),
            (
                _windows(np.pad(x, 1, "wrap")) @ kernel + BIAS,
                "your ends see each other, as on a ring; past each end there is a zero.",
            ),
            (
                _windows(np.pad(x, 1, "edge")) @ kernel + BIAS,
                "you repeated the first and last number past the ends; a zero stands there.",
            ),
            (
                np.maximum(right, 0),
                "you already cut off the negative outputs; that is ReLU, the step after this one.",
            ),
            (_windows(np.pad(x, (0, 2))) @ kernel + BIAS, beside),
            (_windows(np.pad(x, (2, 0))) @ kernel + BIAS, beside),
        ],
        f"{place} is off: "
        f"{KERNEL[0]:g}·left + {KERNEL[1]:g}·itself + "
        f"({KERNEL[2]:g})·right + {BIAS:g}, with 0 past an end.",
    )


@check
def pooled(answer: Any) -> str:
    """A function ``(h [D])`` that takes the largest of each number and its two neighbours, with as
    many outputs as inputs.
    """
    h = np.array([-3.0, -1.0, -2.0, -5.0, -4.0])
    fewer = (
        "your windows do not overlap, so five became fewer. Here the window moves by one, so that "
        "five stay five."
    )
    found = array(
        tried(
            answer,
            h.copy(),
            error=(ValueError, IndexError),
            sentence="at an end your window breaks ({}). There is no h[5], and h[-1] is the last "
            "number, not the left neighbour of the first.",
        ),
        (5,),
        {
            (): "one number came back: the largest of all five. Each place has its own largest of "
            "three.",
            (1,): fewer,
            (2,): fewer,
            (3,): "three outputs: the ends are missing. At an end there are only two numbers to "
            "choose from.",
        },
    )
    lowest = _windows(np.pad(h, 1, constant_values=-np.inf))
    right, zeros = lowest.max(1), _windows(np.pad(h, 1))
    known = np.ma.masked_invalid(lowest)
    mean = "this is the mean of the neighbours; max-pooling takes the largest."
    side = (
        "your window looks to one side only; it holds the left neighbour, the place itself and the "
        "right neighbour."
    )
    return judged(
        found,
        right,
        "five stay five, so all five layers have something to do.",
        [
            (
                zeros.max(1),
                "at the ends your answer is 0, which is none of the values: pooling pads with "
                "minus infinity, not with 0.",
            ),
            (zeros.mean(1), mean),
            (known.mean(1).filled(), mean),
            (known.min(1).filled(), "this is the smallest of each three."),
            (_windows(np.pad(h, (0, 2), constant_values=-np.inf)).max(1), side),
            (_windows(np.pad(h, (2, 0), constant_values=-np.inf)).max(1), side),
            (
                _windows(np.pad(h, 1, "wrap")).max(1),
                "your ends see each other, as on a ring; at an end there are only two numbers to "
                "choose from.",
            ),
            (
                np.maximum(right, 0),
                "you cut off the negative numbers; that was ReLU, the step before this one.",
            ),
        ],
        "place i should hold max(h[i - 1], h[i], h[i + 1]), of those that exist.",
    )


@check
def smooth_l1(answer: Any) -> str:
    """A function ``(error [D])`` of equation 3, element by element."""
    error = np.array([-3.0, -1.0, -0.4, 0.0, 0.5, 1.0, 2.5])
    found = array(
        tried(
            answer,
            error.copy(),
            error=(ValueError,),
            sentence="if asks one question, and an array has many answers ({}); np.where(question, "
            "where yes, where no) chooses element by element.",
        ),
        error.shape,
        {(): "one number came back; the loss of each error is asked for, before any sum or mean."},
    )
    size, half = np.abs(error), 0.5 * error**2
    near, line = size <= 1, size - 0.5
    straight = "this is straight everywhere; within 1 of the target it is half the square."
    factor = "the square comes with a factor of 0.5, or the two lines do not meet at 1."
    return judged(
        found,
        np.where(near, half, line),
        "a parabola near 0, two straight lines further out, and no corner where they meet.",
        [
            (
                half,
                "this is half the square everywhere; beyond 1 it should grow like a straight "
                "line, so that one odd row cannot rule the gradient.",
            ),
            (size, straight),
            (line, straight),
            (
                np.where(near, half, size),
                "your two lines do not meet: at 1 the square gives 0.5 and your line 1. The "
                "line is |x| - 0.5.",
            ),
            (np.where(near, error**2, line), factor),
            (np.where(near, error**2, size), factor),
            (
                np.where(near, line, half),
                "your two lines are swapped: the square belongs to small errors.",
            ),
            (
                np.where(near, half, error - 0.5),
                "a large negative error has a loss too: it is |x| - 0.5, not x - 0.5.",
            ),
            (np.where(near, 0.5 * size, line), "within 1 the error is squared: 0.5·x²."),
            (
                np.where(error <= 1, half, error - 0.5),
                "you compare x with 1; it is |x|, or an error of -3 counts as small.",
            ),
        ],
        "0.5·x² where |x| <= 1, and |x| - 0.5 elsewhere; np.where chooses element by element.",
    )
