import numpy as np

from emolib.training.kernels import compiled
from emolib.training.kernels.arithmetic import TINY
from emolib.training.kernels.vector import *


@compiled
def optimizer_step(memory, w, g, m, v, count, pace):
    tiny, none = memory.dtype.type(TINY), memory.dtype.type(0)
    for p in range(count * 16):
        mean = memory[pace] * memory[m + p] + memory[pace + 16] * memory[g + p]
        square = memory[pace + 32] * memory[v + p] + memory[pace + 48] * (
            memory[g + p] * memory[g + p]
        )
        mean = mean if abs(mean) > tiny else none
        square = square if square > tiny else none
        memory[m + p], memory[v + p] = mean, square
        memory[w + p] -= (
            memory[pace + 96] * mean / (np.sqrt(square) * memory[pace + 64] + memory[pace + 80])
        )


@compiled
def loss_gradient(memory, out, target, share, bound, smooth, loss, classes, stride, constants):
    half = memory.dtype.type(0.5)
    for i in range(classes):
        for k in range(16):
            error = memory[out + i * stride + k] - memory[target + i * stride + k]
            b = memory[bound + k]
            slope = error if error < b else b
            slope = slope if slope > -b else -b
            memory[loss + k] += (
                slope * (error - half * slope) * (memory[share + k] * memory[smooth + k])
            )
            memory[out + i * stride + k] = slope * memory[share + k]
