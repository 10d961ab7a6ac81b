"""Min-max scaling (paper, equation 1) and principal components, fitted on training rows."""

import numpy as np
from numpy.typing import NDArray

from emolib.data import EmotionData, Rows
from emolib.data.descriptors import Components
from emolib.folds import row_numbers
from emolib.utils.cache import cached
from emolib.utils.validation import one_of


def scale(data: EmotionData, modality: str, rows: Rows | None = None) -> NDArray[np.float32]:
    """Features of one modality, mapped linearly so that the smallest over ``rows`` becomes 0 and
    the largest 1.

    Where the data hold the descriptors, the principal components are fitted on ``rows`` as well.
    The distributed spreadsheet holds none: its components were fitted on all rows, test rows
    included.

    Args:
        rows: the rows that both are fitted on: the training rows of a fold. Not given, they are
            fitted on all rows, as the paper does, test rows included.

    Returns:
        ``[N, D]`` float32. Rows outside ``rows`` may fall a little outside 0..1; a constant feature
        becomes 0.

    Raises:
        ValueError: the data have no such modality or rows, or features that are not finite.
    """
    one_of("modality", modality, data.modalities)
    if rows is not None:
        rows = row_numbers("rows", rows, len(data))
    described = rows is not None and modality in data.descriptors
    given = (data.descriptors if described else data.features)[modality]
    finite = np.isfinite(given).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{data.source}: {modality} of row {finite.argmin()} is missing or infinite, and "
            "cannot be scaled"
        )
    if rows is not None and described:  # kept, because many networks share a fold
        count = data.features[modality].shape[1]
        code = ("data", "training.scaling")
        given = cached(_components, data, modality, rows.tobytes(), count, code=code)
    values = given.astype(float)
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
