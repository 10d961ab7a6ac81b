"""Min-max scaling (paper, equation 1)."""

import numpy as np
from sklearn.preprocessing import MinMaxScaler

from emolib.data import EmotionData


def scale(data: EmotionData, modality: str, rows: np.ndarray | None = None) -> np.ndarray:
    """Features of one modality, mapped linearly so that the smallest over ``rows`` becomes 0 and the largest 1.

    Args:
        rows: the rows that the map is fitted on: the training rows of a fold. Not given, it is fitted on all rows, as
            the paper does; then the test rows have a say in how they are scaled.

    Returns:
        ``[N, D]`` float32. Rows outside ``rows`` may fall a little outside 0..1; a constant feature becomes 0.
    """
    values = data.features[modality].astype(float)
    scaler = MinMaxScaler().fit(values if rows is None else values[rows])
    return scaler.transform(values).astype(np.float32)
