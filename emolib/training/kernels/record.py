"""The tape of a module: its forward and backward pass as operations on one flat memory.

Channels, kernels, padding and pooling are read from the module. Numbers of a layer lie position by
position, ``B`` rows each with the channels side by side, so that a neighbour is ``B`` rows away.
Channels are filled up to whole vectors with zeros, which no step changes.

Axes: see :mod:`emolib.training.kernels`; ``O`` operations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from emolib.models import ShallowNet
from emolib.training.kernels.operations import (
    LANE_PRODUCT,
    POOL,
    PRODUCT,
    ROWS,
    SIGMOID,
    TRANSPOSE,
    UNPOOL,
    UNSIGMOID,
)
from emolib.training.kernels.vector import VECTOR, zeros

ARGUMENTS = 21  # numbers of an operation at most
Shape = tuple[int, int]  # lines and positions along a line; features are one line


def whole(count: int, of: int = VECTOR) -> int:
    """``count`` rounded up to a multiple of ``of``."""
    return -(-count // of) * of


def setting(layer: nn.Module, name: str) -> Shape:
    """A layer's kernel, stride or padding, for lines and along a line."""
    values = np.broadcast_to(getattr(layer, name), 1 if "1d" in type(layer).__name__ else 2)
    return (int(name != "padding"), *values.tolist())[-2:]


def product(*parts: list[int]) -> list[int]:
    """A product, of five lists of numbers: where its result goes and where its sums start (offset,
    distances of lines and of rows each), both factors, and sizes.
    """
    return [PRODUCT, *sum(parts, [])]


def shrunk(shape: Shape, layer: nn.Module) -> Shape:
    """Lines and positions of the output of a convolution or pooling."""
    lines, length = (
        (n + 2 * padding - kernel) // stride + 1
        for n, padding, kernel, stride in zip(
            shape,
            *(setting(layer, name) for name in ("padding", "kernel_size", "stride")),
            strict=True,
        )
    )
    return lines, length


@dataclass(frozen=True)
class Grid:
    """A layer's numbers: ``wide`` for each of ``rows`` for each position, with padding around; and
    after them the gradient by them.
    """

    at: int
    shape: Shape
    padding: Shape
    rows: int
    wide: int

    @property
    def step(self) -> int:
        """Distance of neighbours."""
        return self.rows * self.wide

    @property
    def line(self) -> int:
        """Distance of lines; a product may write a block beyond the end of each."""
        return (self.shape[1] + 2 * self.padding[1]) * self.step + ROWS * self.wide

    @property
    def size(self) -> int:
        """Numbers of all lines."""
        return (self.shape[0] + 2 * self.padding[0]) * self.line

    @property
    def gradient(self) -> "Grid":
        """The gradient by these numbers."""
        return replace(self, at=self.at + self.size)

    @property
    def lines(self) -> list[int]:
        """The first position, and the distances of lines and rows."""
        return [self.position(), self.line, self.wide]

    def position(self, y: Any = 0, x: Any = 0) -> Any:
        """Offset of a position."""
        return self.at + (y + self.padding[0]) * self.line + (x + self.padding[1]) * self.step


class Tape:
    """Operations of a step, and the memory that they work on.

    Attributes:
        operations: ``[O, ARGUMENTS]``, those of the forward pass first.
        windows: offset of each pooled value, and of the values that it is the largest of.
        places: offset of each parameter, in the module's order ``[P]``.
        slots: offset of each input of the first row of a batch.
        room: sizes and offsets, in the order in which
            :func:`~emolib.training.kernels.operations.epoch` takes them up.
        memory: what the operations work on.
    """

    def __init__(self, batch: int) -> None:
        self.batch, self.end = batch, 0
        self.ahead: list[list[int]] = []
        self.back: list[list[int]] = []
        self.tables = [np.zeros((0, 1), np.int64)]
        self.places = self.slots = np.zeros(0, np.int64)
        self.ones: list[int] = []  # offsets of vectors of ones

    def _take(self, count: int) -> int:
        at, self.end = self.end, self.end + whole(count)  # vectors keep to cache lines
        return at

    def _record(self, ahead: list[list[int]], back: list[list[int]]) -> None:
        self.ahead += ahead
        self.back = back + self.back

    def _finish(
        self, kind: type[np.floating], steps: list[int], vectors: int, parts: list[int]
    ) -> None:
        operations = self.ahead + self.back
        self.operations = np.array([op + [0] * (ARGUMENTS - len(op)) for op in operations])
        longest = max(table.shape[1] for table in self.tables)
        self.windows = np.concatenate(
            [np.pad(table, ((0, 0), (0, longest - table.shape[1]))) for table in self.tables]
        )
        share, bound, pace = (self._take(n * VECTOR) for n in (vectors, 3, 7))
        *parts, alive, classes = [0, len(self.ahead), len(operations), *parts]
        self.room = np.array([*steps, *parts, share, bound, pace, alive, classes])
        self._take(ROWS * self.batch * VECTOR)  # a product may read beyond the last number
        self.memory = zeros(self.end, kind)
        self.memory[np.add.outer(self.ones, np.arange(VECTOR))] = 1


class ShallowTape(Tape):
    """Operations of a step of :class:`~emolib.models.ShallowNet`, a network in each lane.

    The bias of a unit is the weight of a further input, which is 1.
    """

    def __init__(self, net: ShallowNet, batch: int, kind: type[np.floating]) -> None:
        super().__init__(batch)
        d, u, c = net.hidden.in_features + 1, net.output.in_features + 1, net.output.out_features
        hidden = u - 1
        size = (hidden * d + c * u) * VECTOR
        w = self._take(4 * size)  # weights, their gradient, its mean, the mean of its square
        x, h, d_h, out, target, alive = (
            self._take(batch * count * VECTOR) for count in (d, u, u, c, c, u)
        )
        w2, g, g2 = w + hidden * d * VECTOR, w + size, w + size + hidden * d * VECTOR
        every = w + np.arange(hidden * d + c * u) * VECTOR
        layers = every[: hidden * d].reshape(hidden, d), every[hidden * d :].reshape(c, u)
        self.places = np.concatenate(
            [part.ravel() for layer in layers for part in (layer[:, :-1], layer[:, -1])]
        )
        self.slots = x + np.arange(d - 1) * VECTOR
        self.ones = [
            at + (r * n + n - 1) * VECTOR for at, n in ((x, d), (h, u)) for r in range(batch)
        ]
        distances = np.array([1, VECTOR, VECTOR] * 3 + [1, 1, 1])

        def product(*arguments: int) -> list[int]:
            return [LANE_PRODUCT, *(np.array(arguments) * distances).tolist()]

        self._record(
            [product(h, u, 1, x, d, 1, w, d, 1, batch, hidden, d)],
            [product(g, 1, d, x, 1, d, d_h, 1, u, d, hidden, batch)],
        )
        self._record(
            [[SIGMOID, h, alive, batch, u * VECTOR, hidden]],
            [[UNSIGMOID, h, d_h, batch * u * VECTOR]],
        )
        self._record(
            [product(out, c, 1, h, u, 1, w2, u, 1, batch, c, u)],
            [
                product(g2, 1, u, h, 1, u, out, 1, c, u, c, batch),
                product(d_h, u, 1, out, c, 1, w2, 1, u, batch, hidden, c),
            ],
        )
        self._finish(
            kind,
            [VECTOR, d * VECTOR, c * VECTOR, VECTOR, VECTOR, batch, c * VECTOR],
            batch,
            [w, size, out, target, alive, c],
        )


class ConvolutionTape(Tape):
    """Operations of a step of a :class:`~emolib.models.FusionNet`, one network alone.

    Args:
        net: the module.
        batch: rows ``B``.
        shapes: lines and positions of the input of each branch.
    """

    def __init__(
        self, net: Any, batch: int, shapes: Sequence[Shape], kind: type[np.floating]
    ) -> None:
        super().__init__(batch)
        self.at: dict[nn.Module, int] = {}
        # zeros come first, as many as the widest layer has outputs
        start = self.end = whole(max(len(parameter) for parameter in net.parameters()))
        self.places = self._parameters(net, shapes)
        # Weights, their gradient, its mean, the mean of its square, and weights transposed, all in
        # the same order.
        self.size = self.end - start
        self.end += 4 * self.size
        self.ones = [self._take(VECTOR)]
        inputs, outputs = [], []
        for branch, shape in zip(net.branches, shapes, strict=True):
            x = self._grid(shape, setting(branch.convolutions[0], "padding"), batch, 1)
            inputs.append(x.position(*np.indices(shape)).ravel())
            outputs.append(self._branch(branch, x))
        self.slots = np.concatenate(inputs)
        rows = whole(batch)
        reduced, positive, out = (
            self._grid((1, 1), (0, 0), rows, whole(layer.out_features))
            for layer in (net.reduce, net.reduce, net.output)
        )
        self._dense(net.reduce, outputs, reduced, reduced.gradient)
        self._pool(nn.MaxPool1d(1), reduced, positive)  # the ReLU alone
        self._dense(net.output, [positive], out, out)  # its gradient takes its place
        # the loss looks at rows side by side
        errors, targets = self._take(out.size), self._take(out.size)
        self._record(
            [[TRANSPOSE, errors, out.at, 1, rows, out.wide]],
            [[TRANSPOSE, out.at, errors, 1, out.wide, rows]],
        )
        self._finish(
            kind,
            [1, 1, 1, 1, rows, rows // VECTOR, VECTOR],
            rows // VECTOR,
            [start, self.size, errors, targets, 0, net.output.out_features],
        )

    def _grid(self, shape: Shape, padding: Shape, rows: int, wide: int) -> Grid:
        grid = Grid(self.end, shape, padding, rows, wide)
        self._take(2 * grid.size)
        return grid

    def _sum(self, out: int, a: Grid, rows: int) -> list[int]:
        """The sum of all rows: a product with ones, of which each row goes to the same place."""
        return product(
            [out, 0, 0],
            [0, 0, 0],
            [self.ones[0], 0, 0, 0, 0],
            [a.position(), 0, a.line, a.wide],
            [1, ROWS, a.wide, a.shape[0], rows],
        )

    def _parameters(self, net: Any, shapes: Sequence[Shape]) -> NDArray[np.int64]:
        """Lays out matrices of inputs by outputs, each followed by its biases; returns places."""
        layers, joined, rows, found = [], [], 0, []
        for branch, shape in zip(net.branches, shapes, strict=True):
            for number, layer in enumerate(branch.convolutions):
                (ky, kx), wide = setting(layer, "kernel_size"), whole(layer.out_channels)
                inner = whole(layer.in_channels) if number else 1  # the first layer's one channel
                block = whole(kx * inner, ROWS)
                q, y, x = np.ogrid[: layer.in_channels, :ky, :kx]
                layers.append((layer, (y * block + x * inner + q).ravel(), ky * block))
                shape = shrunk(shrunk(shape, layer), branch.pool)
            f, y, x = np.ogrid[: layer.out_channels, : shape[0], : shape[1]]
            joined.append((rows + (y * shape[1] + x) * wide + f).ravel())
            rows += shape[0] * shape[1] * wide
        narrow = net.output.in_features
        layers += [
            (net.reduce, np.concatenate(joined), rows),
            (net.output, np.arange(narrow), whole(narrow)),
        ]
        for layer, inputs, size in layers:
            outputs, wide = np.arange(len(layer.bias)), whole(len(layer.bias))
            at = self.at[layer] = self._take((size + 1) * wide)
            found += [at + inputs * wide + outputs[:, None], at + size * wide + outputs]
        return np.concatenate([each.ravel() for each in found])

    def _branch(self, branch: Any, x: Grid) -> Grid:
        """Convolutions, each with pooling; returns the last one's output."""
        for layer, after in zip_longest(branch.convolutions, branch.convolutions[1:]):
            (ky, kx), (py, px) = (setting(layer, name) for name in ("kernel_size", "padding"))
            # as much padding as the gradient needs that goes back through the convolution
            y = self._grid(
                shrunk(x.shape, layer),
                (ky - 1 - py, kx - 1 - px),
                self.batch,
                whole(layer.out_channels),
            )
            self._convolution(layer, x, y)
            padding = setting(after, "padding") if after else (0, 0)
            x = self._grid(shrunk(y.shape, branch.pool), padding, self.batch, y.wide)
            self._pool(branch.pool, y, x)
        return x

    def _convolution(self, layer: Any, x: Grid, y: Grid) -> None:
        (ky, kx), wide, at = setting(layer, "kernel_size"), y.wide, self.at[layer]
        row, first = x.wide * wide, x.wide == 1
        block = whole(kx * x.wide, ROWS) * wide  # weights of a line of the kernel
        bias, gradient, turned = at + ky * block, at + self.size, at + 4 * self.size
        reach, d_x, d_y = y.shape[1] * self.batch, x.gradient, y.gradient
        ahead, back = [], [self._sum(bias + self.size, d_y, reach)]
        # Number of taps and of inputs per tap, distances in x and in the weights: of places and
        # channels, line after line, or, in the first layer, of lines and places.
        taps, across, down = kx, x.step, row
        inner, beside, below = layer.in_channels, 1, wide
        if first:
            taps, across, down, inner, beside, below = ky, x.line, block, kx, x.step, wide
        else:
            back.append([TRANSPOSE, turned, at, ky * kx, x.wide, wide])
        for line in range(1 if first else ky):
            seen, given = x.at + line * x.line, line * block
            ahead.append(
                product(
                    y.lines,
                    y.lines if line else [bias, 0, 0],
                    [seen, x.line, x.wide, across, beside],
                    [at + given, 0, down, below],
                    [y.shape[0], whole(reach, ROWS), wide, taps, inner],
                )
            )
            back.append(
                product(
                    [gradient + given, down, below],
                    [0, 0, 0],
                    [seen, across, beside, x.line, x.wide],
                    [d_y.position(), 0, d_y.line, wide],
                    [taps, whole(inner, ROWS), wide, y.shape[0], reach],
                )
            )
            if not first:
                seen = d_y.at + (ky - 1 - line) * d_y.line + (kx - 1) * d_y.step
                back.append(
                    product(
                        d_x.lines,
                        d_x.lines if line else [0, 0, 0],
                        [seen, d_y.line, wide, -d_y.step, 1],
                        [turned + given, 0, row, x.wide],
                        [
                            x.shape[0],
                            whole(x.shape[1] * self.batch, ROWS),
                            x.wide,
                            kx,
                            layer.out_channels,
                        ],
                    )
                )
        self._record(ahead, back)

    def _pool(self, layer: nn.Module, y: Grid, pooled: Grid) -> None:
        """Largest value of each window, if positive."""
        kernel, stride, padding = (
            setting(layer, name) for name in ("kernel_size", "stride", "padding")
        )
        lines, places = np.indices(pooled.shape)
        # a window that reaches beyond the edge sees the values at the edge twice
        seen = [
            y.position(
                np.clip(lines * stride[0] - padding[0] + i, 0, y.shape[0] - 1),
                np.clip(places * stride[1] - padding[1] + j, 0, y.shape[1] - 1),
            ).ravel()
            for i in range(kernel[0])
            for j in range(kernel[1])
        ]
        first = sum(map(len, self.tables))
        self.tables.append(np.stack([pooled.position(lines, places).ravel(), *seen], axis=1))
        windows = [first, first + lines.size, len(seen), y.step]
        overlap = int(stride[0] < kernel[0] or stride[1] < kernel[1])
        back = [pooled.size, y.size, y.gradient.at, y.size * overlap, overlap]
        self._record([[POOL, *windows]], [[UNPOOL, *windows, *back]])

    def _dense(self, layer: Any, inputs: Sequence[Grid], out: Grid, d_out: Grid) -> None:
        """A fully connected layer on all positions of some grids."""
        at, narrow, rows = self.at[layer], out.wide, whole(self.batch, ROWS)
        bias = at + sum(x.shape[0] * x.shape[1] * x.wide for x in inputs) * narrow
        ahead, back = [], [self._sum(bias + self.size, d_out, self.batch)]
        start = [bias, 0, 0]
        for x in inputs:
            row, length, d_x = x.wide * narrow, x.shape[1], x.gradient
            for line in range(x.shape[0]):
                gradient, turned, here = at + self.size, at + 4 * self.size, x.position(line)
                ahead.append(
                    product(
                        out.lines,
                        start,
                        [here, 0, x.wide, x.step, 1],
                        [at, 0, row, narrow],
                        [1, rows, narrow, length, x.wide],
                    )
                )
                back += [
                    product(
                        [gradient, row, narrow],
                        [0, 0, 0],
                        [here, x.step, 1, 0, x.wide],
                        [d_out.at, 0, 0, narrow],
                        [length, x.wide, narrow, 1, self.batch],
                    ),
                    [TRANSPOSE, turned, at, length, x.wide, narrow],
                    product(
                        [d_x.position(line), x.step, x.wide],
                        [0, 0, 0],
                        [d_out.at, 0, narrow, 0, 1],
                        [turned, row, 0, x.wide],
                        [length, rows, x.wide, 1, narrow],
                    ),
                ]
                at, start = at + length * row, out.lines
        self._record(ahead, back)
