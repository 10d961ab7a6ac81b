"""One epoch of training, compiled: the arithmetic of :mod:`emolib.models` without the overhead of a
tensor library.

A step of the shallow network is some ten thousand multiplications. A tensor library spends far
longer on being called than on them, so here each network trains in one compiled loop, with its
numbers in the processor's own cache. Shallow networks go side by side, a lane of a vector register
each; a CNN is large enough to fill the registers by itself. None sees another, so a result cannot
depend on what a network was trained beside. Reassociation and fused multiply-adds stay off, and the
exponential is spelled out: every operation is one that IEEE 754 fixes to the last bit.

Axes: ``K`` networks, ``N`` rows of the data, ``V`` views (scalings of the inputs), ``S`` splits,
``B`` batch, ``M`` modalities, ``D`` features per modality, ``H`` hidden units, ``C`` classes, ``F``
channels, ``L`` lanes, ``P`` parameters of a network, in the order of
:func:`torch.nn.utils.parameters_to_vector`.
"""

from emolib.training.kernels.fusion import fusion_epoch, fusion_scores
from emolib.training.kernels.shallow import shallow_epoch, shallow_scores

__all__ = ["fusion_epoch", "fusion_scores", "shallow_epoch", "shallow_scores"]
