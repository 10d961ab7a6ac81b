"""Principal components and min-max scaling (paper, equation 1), fitted where they may be."""

import numpy as np
from numpy.typing import NDArray

from emolib.data import EmotionData, Rows
from emolib.data.components import Components
from emolib.folds import row_numbers
from emolib.utils.cache import cached
from emolib.utils.validation import one_of


def scale(data: EmotionData, modality: str, rows: Rows | None = None) -> NDArray[np.float32]:
    """Features of one modality, mapped linearly so that the smallest over ``rows`` becomes 0 and
    the largest 1.

    Where the data hold the descriptors, the principal components are fitted on ``rows`` as well.
    The distributed spreadsheet holds none: its components were fitted on all rows, and test rows
    had a say in them.

    Args:
        rows: the rows that both are fitted on: the training rows of a fold. Not given, they are
            fitted on all rows, as the paper does; then the test rows have a say in how they are
            scaled.

    Returns:
        ``[N, D]`` float32. Rows outside ``rows`` may fall a little outside 0..1; a constant feature
        becomes 0.

    Raises:
        ValueError: the data have no such modality or rows, or features that are not finite.
    """
    one_of("modality", modality, data.modalities)
    if rows is not None:
        rows = row_numbers("rows", rows, len(data))
    if not np.isfinite(data.features[modality]).all():
        row = int(np.flatnonzero(~np.isfinite(data.features[modality]).all(1))[0])
        raise ValueError(
            f"{data.source}: {modality} of row {row} is missing or infinite, and cannot be scaled"
        )
    if rows is None or modality not in data.descriptors:
        values = data.features[modality].astype(float)
    else:
        # kept, because many networks share a fold
        count = data.features[modality].shape[1]
        parts = cached(
            _components, data, modality, rows.tobytes(), count, code=("data", "training.scaling")
        )
        values = parts.astype(float)
    seen = values if rows is None else values[rows]
    return min_max(values, seen.min(0), np.ptp(seen, 0))


def min_max(
    values: NDArray[np.floating], low: NDArray[np.floating], span: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Features ``[N, D]`` less their smallest value ``low``, over ``span`` (paper, equation 1); a
    constant one becomes 0, one far outside infinite. float32.
    """
    with np.errstate(over="ignore"):
        return ((values - low) / np.where(span == 0, 1, span)).astype(np.float32)


def _components(data: EmotionData, modality: str, rows: bytes, count: int) -> NDArray[np.float32]:
    """Components fitted on a fold's training rows, ``[N, P]``."""
    descriptors = data.descriptors[modality]
    fitted_on = np.frombuffer(rows, np.intp)
    return Components.fit(descriptors[fitted_on], count).transform(descriptors)
