"""Checks of the walkthrough on convolution over five numbers."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from emolib.walkthroughs.verdict import Wrong, array, check, close, function

# Five numbers of a face, a kernel of three and a bias, small enough for pencil and paper.
NUMBERS = (0.1, 0.4, 0.3, 0.9, 0.5)
KERNEL = (1.0, 0.0, -2.0)
BIAS = 0.5


@check
def convolved(answer: Any) -> str:
    """The five outputs of the kernel over the numbers, zeros past both ends."""
    x, kernel = np.array(NUMBERS), np.array(KERNEL)
    if np.shape(answer) == (3,):
        raise Wrong(
            "three outputs: the kernel never stood at the ends. With a zero past each end there are five."
        )
    found = array(answer, (5,))
    padded = np.pad(x, 1)
    right = np.array([padded[i : i + 3] @ kernel for i in range(5)]) + BIAS
    if close(found, right):
        return "one output for each place. In the paper's network 16 kernels do so side by side."
    if close(found, right - BIAS):
        raise Wrong("the bias is missing: every output has 0.5 added.")
    turned = np.convolve(x, kernel, "same")
    if close(found, turned):
        raise Wrong(
            "two things: the bias of 0.5 is missing, and you turned the kernel round (np.convolve does): first weight, left neighbour."
        )
    if close(found, turned + BIAS):
        raise Wrong(
            "you turned the kernel round, as mathematicians do when they convolve. A network's layer does not: first weight, left neighbour."
        )
    if close(found, [np.pad(x, 1, "wrap")[i : i + 3] @ kernel + BIAS for i in range(5)]):
        raise Wrong("your ends see each other, as on a ring; past each end there is a zero.")
    if close(found, [np.pad(x, 1, "edge")[i : i + 3] @ kernel + BIAS for i in range(5)]):
        raise Wrong(
            "you repeated the first and last number past the ends; what is there is a zero."
        )
    if close(found, np.maximum(right, 0)):
        raise Wrong("you already cut off what is negative; that is ReLU, the step after this one.")
    late, early = np.pad(x, (0, 2)), np.pad(x, (2, 0))
    if close(found, [late[i : i + 3] @ kernel + BIAS for i in range(5)]) or close(
        found, [early[i : i + 3] @ kernel + BIAS for i in range(5)]
    ):
        raise Wrong(
            "your kernel stands one place off: its middle weight belongs to the place itself, the first to the left neighbour."
        )
    first = int(np.flatnonzero(~np.isclose(found, right, atol=1e-4))[0])
    raise Wrong(
        f"output {first + 1} is off: {KERNEL[0]:g}·left + {KERNEL[1]:g}·itself + ({KERNEL[2]:g})·right + {BIAS:g}, with 0 past an end."
    )


@check
def pooled(answer: Any) -> str:
    """A function ``(h [D])`` that takes the largest of each number and its two neighbours, with as
    many outputs as inputs.
    """
    pool = function(answer)
    h = np.array([-3.0, -1.0, -2.0, -5.0, -4.0])
    try:
        given = pool(h.copy())
    except (ValueError, IndexError) as error:
        raise Wrong(
            f"at an end your window breaks ({error}). There is no h[5], and h[-1] is the last number, not the left neighbour of the first."
        ) from None
    if np.ndim(given) == 0:
        raise Wrong(
            "one number came back: the largest of all five. Each place has its own largest of three."
        )
    if np.shape(given) in ((2,), (1,)):
        raise Wrong(
            "your windows do not overlap, so five became fewer. Here the window moves by one, so that five stay five."
        )
    if np.shape(given) == (3,):
        raise Wrong(
            "three outputs: the ends are missing. At an end there are only two numbers to choose from."
        )
    found = array(given, (5,))
    right = F.max_pool1d(torch.tensor(h)[None], 3, stride=1, padding=1)[0].numpy()
    if close(found, right):
        return "five stay five, so all five layers have something to do."
    padded = np.pad(h, 1)
    if close(found, [max(padded[i : i + 3]) for i in range(5)]):
        raise Wrong(
            "at the ends your answer is 0, which is nobody's value: pooling pads with minus infinity, not with 0."
        )
    if close(found, [padded[i : i + 3].mean() for i in range(5)]) or close(
        found, [h[max(i - 1, 0) : i + 2].mean() for i in range(5)]
    ):
        raise Wrong("this is the mean of the neighbours; max-pooling takes the largest.")
    if close(found, [min(h[max(i - 1, 0) : i + 2]) for i in range(5)]):
        raise Wrong("this is the smallest of each three.")
    if close(found, [max(h[i : i + 3]) for i in range(5)]) or close(
        found, [max(h[max(i - 2, 0) : i + 1]) for i in range(5)]
    ):
        raise Wrong(
            "your window looks to one side only; it holds the left neighbour, the place itself and the right neighbour."
        )
    if close(found, [max(h[i - 1], h[i], h[(i + 1) % 5]) for i in range(5)]):
        raise Wrong(
            "your ends see each other, as on a ring; at an end there are only two numbers to choose from."
        )
    if close(found, np.maximum(right, 0)):
        raise Wrong("you cut off what is negative; that was ReLU, the step before this one.")
    raise Wrong("place i should hold max(h[i - 1], h[i], h[i + 1]), of those that exist.")


@check
def smooth_l1(answer: Any) -> str:
    """A function ``(error [D])`` of equation 3, element by element."""
    loss = function(answer)
    error = np.array([-3.0, -1.0, -0.4, 0.0, 0.5, 1.0, 2.5])
    try:
        given = loss(error.copy())
    except ValueError as broken:
        if "truth value" not in str(broken):
            raise
        raise Wrong(
            "if asks one question, and an array has many answers; np.where(question, where yes, where no) chooses element by element."
        ) from None
    if np.ndim(given) == 0:
        raise Wrong(
            "one number came back; the loss of each error is asked for, before any sum or mean."
        )
    found = array(given, error.shape)
    size = np.abs(error)
    right = np.where(size <= 1, 0.5 * error**2, size - 0.5)
    if close(found, right):
        return "a parabola near 0, two straight lines further out, and no corner where they meet."
    if close(found, 0.5 * error**2):
        raise Wrong(
            "this is half the square everywhere; beyond 1 it should grow like a straight line, so that one odd row cannot rule the gradient."
        )
    if close(found, size) or close(found, size - 0.5):
        raise Wrong("this is straight everywhere; within 1 of the target it is half the square.")
    if close(found, np.where(size <= 1, 0.5 * error**2, size)):
        raise Wrong(
            "your two branches do not meet: at 1 the square gives 0.5 and your line 1. The line is |x| - 0.5."
        )
    if close(found, np.where(size <= 1, error**2, size - 0.5)) or close(
        found, np.where(size <= 1, error**2, size)
    ):
        raise Wrong("the square comes with a factor of 0.5, or the two branches do not meet at 1.")
    if close(found, np.where(size <= 1, size - 0.5, 0.5 * error**2)):
        raise Wrong("your branches are swapped: the square belongs to small errors.")
    if close(found, np.where(size <= 1, 0.5 * error**2, error - 0.5)):
        raise Wrong("a large negative error has a loss too: it is |x| - 0.5, not x - 0.5.")
    if close(found, np.where(size <= 1, 0.5 * size, size - 0.5)):
        raise Wrong("within 1 the error is squared: 0.5·x².")
    if close(found, np.where(error <= 1, 0.5 * error**2, error - 0.5)):
        raise Wrong("you compare x with 1; it is |x|, or an error of -3 counts as small.")
    raise Wrong(
        "0.5·x² where |x| <= 1, and |x| - 0.5 elsewhere; np.where chooses element by element."
    )
