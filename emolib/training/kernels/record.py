"""The tape of a CNN: a module's forward and backward pass as operations on one flat memory.

Channels, kernels, padding and pooling are read from the module. Numbers of a layer lie position by
position, ``B`` rows each with the channels side by side, so that a neighbour is ``B`` rows away.
Channels are filled up to whole vectors with zeros, which no step changes.

Axes: see :mod:`emolib.training.kernels`; ``O`` operations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from emolib.training.kernels.tape import POOL, PRODUCT, ROWS, SUM, TRANSPOSE, UNPOOL
from emolib.training.kernels.vector import VECTOR

ARGUMENTS = 21  # numbers of an operation at most
Shape = tuple[int, int]  # lines and positions along a line; features are one line


def whole(count: int, of: int = VECTOR) -> int:
    """``count`` rounded up to a multiple of ``of``."""
    return -(-count // of) * of


def setting(layer: nn.Module, name: str) -> Shape:
    """A layer's kernel, stride or padding, for lines and along a line."""
    values = np.broadcast_to(getattr(layer, name), 1 if "1d" in type(layer).__name__ else 2)
    return (int(name != "padding"), *values.tolist())[-2:]


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
    """A layer's numbers: ``wide`` for each of ``rows`` for each position, with padding around."""

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
    def lines(self) -> list[int]:
        """The first position, and the distances of lines and rows."""
        return [self.position(), self.line, self.wide]

    def position(self, y: Any = 0, x: Any = 0) -> Any:
        """Offset of a position."""
        return self.at + (y + self.padding[0]) * self.line + (x + self.padding[1]) * self.step


class Tape:
    """Operations of a step of a :class:`~emolib.models.FusionNet` or
    :class:`~emolib.models.ImageFusionNet`.

    Args:
        net: the module.
        batch: rows ``B``.
        shapes: lines and positions of the input of each branch.

    Attributes:
        operations: ``[O, ARGUMENTS]``; the first ``forward`` of them are the forward pass.
        windows: offset of each pooled value, and of the values that it is the largest of.
        places: offset of each parameter, in the module's order ``[P]``.
        slots: offset of each input of the first row of a batch.
        room: sizes and offsets that :func:`~emolib.training.kernels.tape.tape_epoch` needs.
    """

    def __init__(self, net: Any, batch: int, shapes: Sequence[Shape]) -> None:
        self.batch = batch
        self.ahead: list[list[int]] = []
        self.back: list[list[list[int]]] = []  # by layer
        self.tables: list[NDArray[np.int64]] = []
        self.shared: dict[Any, Grid | int] = {}
        self.at: dict[nn.Module, int] = {}
        branches = [*net.branches, *([net.image] if hasattr(net, "image") else [])]
        # zeros come first, as many as the widest layer has outputs
        start = self.end = whole(max(len(parameter) for parameter in net.parameters()))
        self.places = self._parameters(net, branches, shapes)
        self.size = self.end - start
        self.end += 3 * self.size  # the gradient, its mean, the mean of its square
        inputs, outputs = [], []
        for branch, shape in zip(branches, shapes, strict=True):
            grid = self._grid(shape, setting(branch.convolutions[0], "padding"), batch, 1)
            inputs.append(grid.position(*np.indices(shape)).ravel())
            outputs.append(self._branch(branch, grid))
        out = self._dense(net, outputs)
        classes, lanes = net.output.out_features, whole(batch)
        losing, pace = self._take((2 * classes + 4) * lanes), self._take(7 * VECTOR)
        self._take(ROWS * batch * VECTOR)  # a product may read beyond the last number
        operations = self.ahead + [op for ops in self.back[::-1] for op in ops]
        self.operations = np.array([op + [0] * (ARGUMENTS - len(op)) for op in operations])
        longest = max(table.shape[1] for table in self.tables)
        self.windows = np.concatenate(
            [np.pad(table, ((0, 0), (0, longest - table.shape[1]))) for table in self.tables]
        )
        self.slots = np.concatenate(inputs)
        sizes = [start, self.size, self.end, out.at, out.wide, lanes, losing, pace]
        self.room = np.array([*sizes, 0, len(self.ahead), len(operations)])

    def _take(self, count: int) -> int:
        self.end += count
        return self.end - count

    def _grid(self, shape: Shape, padding: Shape, rows: int, wide: int) -> Grid:
        grid = Grid(self.end, shape, padding, rows, wide)
        self._take(grid.size)
        return grid

    def _gradient(self, like: Grid, use: str) -> Grid:
        """Room for the gradient by a layer's numbers, which layers alike share."""
        key = use, like.shape, like.padding, like.rows, like.wide
        if key not in self.shared:
            self.shared[key] = self._grid(like.shape, like.padding, like.rows, like.wide)
        return self.shared[key]

    def _parameters(self, net: Any, branches: Sequence[Any], shapes: Sequence[Shape]) -> Any:
        """Lays out matrices of inputs by outputs, each followed by its biases; returns places."""
        found, joined, rows = [], [], 0
        for branch, shape in zip(branches, shapes, strict=True):
            for layer, convolution in enumerate(branch.convolutions):
                (ky, kx), outer = setting(convolution, "kernel_size"), convolution.out_channels
                inner, wide = whole(convolution.in_channels) if layer else 1, whole(outer)
                block = whole(kx * inner, ROWS)
                at = self.at[convolution] = self._take((ky * block + 1) * wide)
                o, q, y, x = np.ogrid[:outer, : convolution.in_channels, :ky, :kx]
                found.append(at + (y * block + x * inner + q) * wide + o)
                found.append(at + ky * block * wide + np.arange(outer))
                shape = shrunk(shrunk(shape, convolution), branch.pool)
            f, y, x = np.ogrid[:outer, : shape[0], : shape[1]]
            joined.append((rows + (y * shape[1] + x) * wide + f).ravel())
            rows += shape[0] * shape[1] * wide
        narrow, classes = net.reduce.out_features, net.output.out_features
        for layer, inputs, wide in (
            (net.reduce, np.concatenate(joined), whole(narrow)),
            (net.output, np.arange(narrow), whole(classes)),
        ):
            rows = rows if layer is net.reduce else whole(narrow)
            at = self.at[layer] = self._take((rows + 1) * wide)
            outputs = np.arange(layer.out_features)
            found.append(at + inputs * wide + outputs[:, None])
            found.append(at + rows * wide + outputs)
        return np.concatenate([each.ravel() for each in found])

    def _branch(self, branch: Any, x: Grid) -> Grid:
        """Convolutions, each with pooling; returns the last one's output."""
        for layer, convolution in enumerate(branch.convolutions):
            (ky, kx), (py, px) = (setting(convolution, name) for name in ("kernel_size", "padding"))
            wide = whole(convolution.out_channels)
            # as much padding as its gradient needs, for the gradient by the inputs
            y = self._grid(
                shrunk(x.shape, convolution), (ky - 1 - py, kx - 1 - px), self.batch, wide
            )
            self._convolution(convolution, x, y, first=layer == 0)
            last = layer == len(branch.convolutions) - 1
            after = (0, 0) if last else setting(branch.convolutions[layer + 1], "padding")
            pooled = self._grid(shrunk(y.shape, branch.pool), after, self.batch, wide)
            self._pool(branch.pool, y, pooled, own=last)
            x = pooled
        return x

    def _convolution(self, layer: Any, x: Grid, y: Grid, first: bool) -> None:
        (ky, kx), wide, at = setting(layer, "kernel_size"), y.wide, self.at[layer]
        row, inner, outer = x.wide * wide, layer.in_channels, layer.out_channels
        block = whole(kx * x.wide, ROWS) * wide  # weights of a line of the kernel
        bias, gradient, d_y = at + ky * block, self.size, self._gradient(y, "y")
        reach = y.shape[1] * self.batch
        rows = whole(reach, ROWS)
        d_right = [d_y.position(), 0, d_y.line, wide]
        back = [[SUM, gradient + bias, d_y.position(), d_y.line, wide, y.shape[0], reach, wide]]
        if first:  # its inputs are single numbers, so that neighbours take the place of channels
            left, size = [x.at, x.line, 1, x.line, x.step], [y.shape[0], rows, wide, ky, kx]
            self.ahead.append([PRODUCT, *y.lines, bias, 0, 0, *left, at, 0, block, wide, *size])
            left, size = [x.at, x.line, x.step, x.line, 1], [ky, block // wide, wide, y.shape[0]]
            back.append(
                [PRODUCT, gradient + at, block, wide, 0, 0, 0, *left, *d_right, *size, reach]
            )
            self.back.append(back)
            return
        d_x, turned = self._gradient(x, "x"), self._turned(ky * block)
        back.append([TRANSPOSE, turned, at, ky * kx, x.wide, wide])
        for line in range(ky):
            weight, seen = line * block, x.at + line * x.line
            left, right = [seen, x.line, x.wide, x.step, 1], [at + weight, 0, row, wide]
            start = y.lines if line else [bias, 0, 0]
            size = [y.shape[0], rows, wide, kx, inner]
            self.ahead.append([PRODUCT, *y.lines, *start, *left, *right, *size])
            left = [seen, x.step, 1, x.line, x.wide]
            size = [kx, whole(inner, ROWS), wide, y.shape[0], reach]
            out = [gradient + at + weight, row, wide]
            back.append([PRODUCT, *out, 0, 0, 0, *left, *d_right, *size])
            seen = d_y.at + (ky - 1 - line) * d_y.line + (kx - 1) * d_y.step
            left, right = [seen, d_y.line, wide, -d_y.step, 1], [turned + weight, 0, row, x.wide]
            size = [x.shape[0], whole(x.shape[1] * self.batch, ROWS), x.wide, kx, outer]
            start = d_x.lines if line else [0, 0, 0]
            back.append([PRODUCT, *d_x.lines, *start, *left, *right, *size])
        self.back.append(back)

    def _turned(self, size: int) -> int:
        """Room for transposed weights."""
        if ("turned", size) not in self.shared:
            self.shared["turned", size] = self._take(size)
        return self.shared["turned", size]

    def _pool(self, layer: nn.Module | None, y: Grid, pooled: Grid, own: bool = False) -> None:
        """Largest value of each window, if positive; without a layer, of each value alone."""
        lines, lengths = np.indices(pooled.shape)
        kernel, stride, padding = (
            (setting(layer, name) for name in ("kernel_size", "stride", "padding"))
            if layer
            else ((1, 1), (1, 1), (0, 0))
        )
        # a window that reaches beyond the edge sees the values at the edge twice
        seen = [
            y.position(
                np.clip(lines * stride[0] - padding[0] + i, 0, y.shape[0] - 1),
                np.clip(lengths * stride[1] - padding[1] + j, 0, y.shape[1] - 1),
            ).ravel()
            for i in range(kernel[0])
            for j in range(kernel[1])
        ]
        table = np.stack([pooled.position(lines, lengths).ravel(), *seen], axis=1)
        first = sum(map(len, self.tables))
        self.tables.append(table)
        windows = [first, first + len(table), len(seen), y.step]
        self.ahead.append([POOL, *windows])
        d_y, d_pooled = self._gradient(y, "y"), self._gradient(pooled, pooled.at if own else "x")
        shift = [d_pooled.at - pooled.at, d_y.at - y.at]
        overlap = int(stride[0] < kernel[0] or stride[1] < kernel[1])
        self.back.append([[UNPOOL, *windows, *shift, d_y.at, d_y.size * overlap, overlap]])

    def _dense(self, net: Any, outputs: Sequence[Grid]) -> Grid:
        """The two layers that follow the branches; returns the outputs."""
        rows, narrow, classes = (
            whole(self.batch, ROWS),
            whole(net.reduce.out_features),
            whole(net.output.out_features),
        )
        reduced, kept = (self._grid((1, 1), (0, 0), rows, narrow) for _ in range(2))
        d_reduced = self._gradient(reduced, "y")
        weight, back = self.at[net.reduce], []
        turned = self._turned(sum(g.shape[0] * g.shape[1] * g.wide for g in outputs) * narrow)
        bias = weight + sum(g.shape[0] * g.shape[1] * g.wide for g in outputs) * narrow
        start = [bias, 0, 0]
        at = 0
        for grid in outputs:
            d_grid, wide, length = self._gradient(grid, grid.at), grid.wide, grid.shape[1]
            matrix = wide * narrow
            for line in range(grid.shape[0]):
                left = [grid.position(line), 0, wide, grid.step, 1]
                right = [weight + at, 0, matrix, narrow]
                size = [1, rows, narrow, length, wide]
                self.ahead.append([PRODUCT, reduced.at, 0, narrow, *start, *left, *right, *size])
                start = [reduced.at, 0, narrow]
                left = [grid.position(line), grid.step, 1, 0, wide]
                back.append(
                    [
                        PRODUCT,
                        self.size + weight + at,
                        matrix,
                        narrow,
                        0,
                        0,
                        0,
                        *left,
                        d_reduced.at,
                        0,
                        0,
                        narrow,
                        length,
                        wide,
                        narrow,
                        1,
                        self.batch,
                    ]
                )
                back.append([TRANSPOSE, turned + at, weight + at, length, wide, narrow])
                back.append(
                    [
                        PRODUCT,
                        d_grid.position(line),
                        grid.step,
                        wide,
                        0,
                        0,
                        0,
                        d_reduced.at,
                        0,
                        narrow,
                        0,
                        1,
                        turned + at,
                        matrix,
                        0,
                        wide,
                        length,
                        rows,
                        wide,
                        1,
                        narrow,
                    ]
                )
                at += length * matrix
        back.append([SUM, self.size + bias, d_reduced.at, 0, narrow, 1, self.batch, narrow])
        self.back.append(back)
        self._pool(None, reduced, kept)
        out, d_kept = self._grid((1, 1), (0, 0), rows, classes), self._gradient(kept, "x")
        weight, turned = self.at[net.output], self._turned(narrow * classes)
        bias = weight + narrow * classes
        self.ahead.append(
            [
                PRODUCT,
                out.at,
                0,
                classes,
                bias,
                0,
                0,
                kept.at,
                0,
                narrow,
                0,
                1,
                weight,
                0,
                0,
                classes,
                1,
                rows,
                classes,
                1,
                narrow,
            ]
        )
        self.back.append(
            [
                [SUM, self.size + bias, out.at, 0, classes, 1, self.batch, classes],
                [
                    PRODUCT,
                    self.size + weight,
                    0,
                    classes,
                    0,
                    0,
                    0,
                    kept.at,
                    0,
                    1,
                    0,
                    narrow,
                    out.at,
                    0,
                    0,
                    classes,
                    1,
                    narrow,
                    classes,
                    1,
                    self.batch,
                ],
                [TRANSPOSE, turned, weight, 1, narrow, classes],
                [
                    PRODUCT,
                    d_kept.at,
                    0,
                    narrow,
                    0,
                    0,
                    0,
                    out.at,
                    0,
                    classes,
                    0,
                    1,
                    turned,
                    0,
                    0,
                    narrow,
                    1,
                    rows,
                    narrow,
                    1,
                    classes,
                ],
            ]
        )
        return out
