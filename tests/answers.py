"""Right answers to the exercises of the lessons, and the usual wrong ones."""

import numpy as np
import torch
import torch.nn.functional as F

from emolib import paper
from emolib.data.descriptors import lpq_codes, phog
from emolib.walkthroughs import convolution, distinctiveness, faces, testset, thousand

A = np.array(paper.TABLE_1)
X, W, BIAS = map(np.array, (convolution.NUMBERS, convolution.KERNEL, convolution.BIAS))
CONVOLVED = np.array([np.pad(X, 1)[i : i + 3] @ W for i in range(5)]) + BIAS
PATCH = np.random.default_rng(9).uniform(0, 255, (7, 7))
CODE = int(lpq_codes(PATCH[None])[0, 0, 0])
SIGNS = faces.phase_parts(PATCH) >= 0
COUNTS = np.array([[6, 3, 1], [2, 5, 3], [4, 1, 15]])
SHUFFLED = np.linspace(0.05, 0.249, 200)
OBSERVED = 0.2


def degrees(a, b):
    return np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


def columnwise(low, high):
    return lambda values, train: (
        (values - low(values, train)) / (high(values, train) - low(values, train))
    )


def handed(stays, goes=0.0):
    def merge(outgoing, s, g):
        a, b = outgoing[:, s].copy(), outgoing[:, g].copy()
        outgoing = outgoing.copy()
        outgoing[:, s], outgoing[:, g] = stays(a, b), b * goes
        return outgoing

    return merge


def in_place(outgoing, s, g):
    outgoing[:, s] += outgoing[:, g]
    outgoing[:, g] = 0
    return outgoing


def neighbours(choose):
    return lambda h: np.array([choose(h[max(i - 1, 0) : i + 2]) for i in range(5)])


def branches(small, large, size=np.abs):
    return lambda x: np.where(size(x) <= 1, small(x), large(x))


def layer(x, weight, bias):
    return x @ weight.transpose(1, 2) + bias.unsqueeze(1)


LPQ_CODE = faces.lpq_code(PATCH)
RECALLS = testset.recalls(COUNTS)
P_VALUE = testset.p_value(OBSERVED, SHUFFLED)
RIGHT = {
    LPQ_CODE: [CODE, int((SIGNS * 2 ** np.arange(8)).sum())],
    faces.phog_length: [168, phog(np.eye(96)[None], 8, 2).shape[1]],
    faces.min_max: [columnwise(lambda v, t: v[t].min(0), lambda v, t: v[t].max(0))],
    distinctiveness.angle_of_3_and_4: [
        *(8.1, degrees(A[:, 2], A[:, 3]), torch.tensor(degrees(A[:, 2], A[:, 3]))),
    ],
    distinctiveness.units_that_stay: [{1, 2, 3}, [3, 2, 1]],
    distinctiveness.hand_over: [handed(lambda s, g: s + g)],
    convolution.convolved: [CONVOLVED, list(CONVOLVED)],
    convolution.pooled: [
        neighbours(max),
        lambda h: F.max_pool1d(torch.tensor(h)[None], 3, 1, 1)[0],
    ],
    convolution.smooth_l1: [branches(lambda x: 0.5 * x**2, lambda x: abs(x) - 0.5)],
    thousand.hidden_layers: [layer, lambda x, w, b: torch.einsum("bd,khd->kbh", x, w) + b[:, None]],
    thousand.one_number: [lambda l: l.mean(1).sum(), lambda l: l.sum() / l.shape[1]],
    thousand.coupled: [{habit for habit, couples in thousand.COUPLING.items() if couples}],
    RECALLS: [COUNTS.diagonal() / COUNTS.sum(1), [0.6, 0.5, 0.754]],
    P_VALUE: [((SHUFFLED >= OBSERVED).sum() + 1) / 201],
}
# wrong answers to each check, by words that its sentence must hold
WRONG = {
    LPQ_CODE: {
        "wrong way round": 255 - CODE,
        "other end": int((SIGNS * 2 ** np.arange(7, -1, -1)).sum()),
        "counted": int(SIGNS.sum()),
        "twice": 2 * CODE,
        "0 to 255": 300.5,
        "one number": SIGNS,
        "two things": int((~SIGNS * 2 ** np.arange(7, -1, -1)).sum()),
        "that of part 3": CODE ^ 8,
    },
    faces.phog_length: {
        "4^l": 56,
        "finest": 128,
        "number of cells": 21,
        "level 3": 680,
        "level 2": 40,
        "level 0": 672,
        "count the cells": 5,
        "one number": "168",
    },
    faces.min_max: {
        "over all rows": columnwise(lambda v, t: v.min(0), lambda v, t: v.max(0)),
        "each column": columnwise(lambda v, t: v[t].min(), lambda v, t: v[t].max()),
        "subtract": lambda v, t: v / v[t].max(0),
        "by the range": lambda v, t: (v - v[t].min(0)) / v[t].max(0),
        "standardising": lambda v, t: (v - v[t].mean(0)) / v[t].std(0),
        "clip": lambda v, t: np.clip((v - v[t].min(0)) / (v[t].max(0) - v[t].min(0)), 0, 1),
        "training rows came back": lambda v, t: (v[t] - v[t].min(0)) / np.ptp(v[t], 0),
        "mean off": lambda v, t: (v - v[t].mean(0)) / np.ptp(v[t], 0),
        "-1 to 1": lambda v, t: 2 * (v - v[t].min(0)) / np.ptp(v[t], 0) - 1,
        "shape": lambda v, t: v[0],
        "do not fit": lambda v, t: v - v[t].min(1),
        "nothing was scaled": lambda v, t: v,
        "two things": lambda v, t: (v - v.min()) / (v.max() - v.min()),
        "return": lambda v, t: None,
        "function": 3,
    },
    distinctiveness.angle_of_3_and_4: {
        "cosine": 0.9901,
        "radians": np.radians(8.06),
        "dot product": A[:, 2] @ A[:, 3],
        "took 0.5 off": 39.3,
        "rows 3 and 4": degrees(A[2], A[3]),
        "units 4 and 5": 11.8,
        "arc cosine": 12.9,
        "one number": None,
        "above 1": float("nan"),
        "180° less": 180 - degrees(A[:, 2], A[:, 3]),
        "distance": np.linalg.norm(A[:, 2] - A[:, 3]),
    },
    distinctiveness.units_that_stay: {
        "their number": 3,
        "that go": {4, 5, 6},
        "from 1": {0, 1, 2},
        "closest pair": {1, 2, 3, 5, 6},
        "not both": {1, 2},
        "later unit": {1, 2, 4},
        "10.5": {1, 2, 3, 6},
        "smallest angle on": {2, 3},
        "8.9": {1, 2, 3, 5, 6},
        "unit 4 alone": {1, 3},
        "unit numbers": "1, 2, 3",
        "set of unit numbers": np.array([True, True, True, False, False, False]),
    },
    distinctiveness.hand_over: {
        "mean": handed(lambda s, g: (s + g) / 2),
        "still has": handed(lambda s, g: s + g, 1.0),
        "lost": handed(lambda s, g: s),
        "changes": in_place,
        "returns nothing": lambda o, s, g: None,
        "sum of both": handed(lambda s, g: s - g),
        "took the column out": lambda o, s, g: np.delete(o, g, 1),
        "one column": lambda o, s, g: o[:, s] + o[:, g],
        "swapped": lambda o, s, g: handed(lambda s, g: s + g)(o, g, s),
    },
    convolution.convolved: {
        "bias": CONVOLVED - BIAS,
        "turned": np.convolve(X, W, "same") + BIAS,
        "five": CONVOLVED[1:4],
        "ring": [np.pad(X, 1, "wrap")[i : i + 3] @ W + BIAS for i in range(5)],
        "repeated": [np.pad(X, 1, "edge")[i : i + 3] @ W + BIAS for i in range(5)],
        "ReLU": np.maximum(CONVOLVED, 0),
        "two things": np.convolve(X, W, "same"),
        "one place off": [np.pad(X, (0, 2))[i : i + 3] @ W + BIAS for i in range(5)],
        "output 3": np.where(np.arange(5) == 2, 9, CONVOLVED),
    },
    convolution.pooled: {
        "not overlap": lambda h: np.array([h[:3].max(), h[3:].max()]),
        "ends are missing": lambda h: np.array([h[i : i + 3].max() for i in range(3)]),
        "minus infinity": lambda h: np.array([max(np.pad(h, 1)[i : i + 3]) for i in range(5)]),
        "mean": neighbours(np.mean),
        "smallest": neighbours(min),
        "one side": lambda h: np.array([max(h[i : i + 3]) for i in range(5)]),
        "all five": lambda h: max(h),
        "h[-1]": lambda h: [max(h[i - 1 : i + 2]) for i in range(5)],
        "ring": lambda h: [max(h[i - 1], h[i], h[(i + 1) % 5]) for i in range(5)],
        "cut off": lambda h: np.maximum(neighbours(max)(h), 0),
    },
    convolution.smooth_l1: {
        "half the square everywhere": lambda x: 0.5 * x**2,
        "straight everywhere": abs,
        "do not meet": branches(lambda x: 0.5 * x**2, abs),
        "swapped": branches(lambda x: abs(x) - 0.5, lambda x: 0.5 * x**2),
        "|x|": branches(lambda x: 0.5 * x**2, lambda x: x - 0.5, lambda x: x),
        "factor of 0.5": branches(lambda x: x**2, lambda x: abs(x) - 0.5),
        "before any sum": lambda x: (0.5 * x**2).sum(),
        "if asks": lambda x: 0.5 * x**2 if abs(x) <= 1 else abs(x) - 0.5,
        "negative error": branches(lambda x: 0.5 * x**2, lambda x: x - 0.5),
        "squared": branches(lambda x: 0.5 * abs(x), lambda x: abs(x) - 0.5),
    },
    thousand.hidden_layers: {
        "bias is missing": lambda x, w, b: x @ w.transpose(1, 2),
        "[B, K, H]": lambda x, w, b: layer(x, w, b).transpose(0, 1),
        "transpose": lambda x, w, b: layer(x, w, b).transpose(1, 2),
        "one network": lambda x, w, b: layer(x, w, b).sum(0),
        "unsqueeze": lambda x, w, b: x @ w.transpose(1, 2) + b,
        "sigmoid": lambda x, w, b: torch.sigmoid(layer(x, w, b)),
        "the first": lambda x, w, b: layer(x, w, b)[:1].expand(3, -1, -1),
    },
    thousand.one_number: {
        "mean of everything": lambda l: l.mean(),
        "sum of everything": lambda l: l.sum(),
        "other way round": lambda l: l.mean(0).sum(),
        "shape": lambda l: l.mean(1),
        "tensor": lambda l: l.sum().item(),
        "only some": lambda l: l.mean(1).max(),
    },
    thousand.coupled: {
        "one more": {"clipping the norm of all gradients together"},
        "does no harm": set(thousand.COUPLING),
        "none of the five": {"dropout"},
        "more than one": set(),
        "strings themselves": {1, "3"},
    },
    RECALLS: {
        "precision": COUNTS.diagonal() / COUNTS.sum(0),
        "accuracy": 26 / 40,
        "mean": (0.6 + 0.5 + 0.75) / 3,
        "all rows": COUNTS.diagonal() / 40,
        "percent": [60.0, 50, 75],
        "missed": 1 - COUNTS.diagonal() / COUNTS.sum(1),
        "counts": COUNTS.diagonal(),
        "shape": [0.6, 0.5],
    },
    P_VALUE: {
        "percent": 100 * ((SHUFFLED >= OBSERVED).sum() + 1) / 201,
        "almost": (SHUFFLED >= OBSERVED).mean(),
        "does worse": (SHUFFLED < OBSERVED).mean(),
        "one side": 2 * ((SHUFFLED >= OBSERVED).sum() + 1) / 201,
        "count": int((SHUFFLED >= OBSERVED).sum()),
        "standard deviations": (OBSERVED - SHUFFLED.mean()) / SHUFFLED.std(),
        "reach": 0.5,
    },
}
