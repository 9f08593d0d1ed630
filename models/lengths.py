"""How long rows of ids are."""

import numpy as np
import numpy.typing as npt

from models.vocabulary import PADDING_ID


def count_places(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Places of each row of ids (n, length) up to its last one that is not padding: (n,)."""
    is_token = ids[:, ::-1] != PADDING_ID
    found: npt.NDArray[np.intp] = np.where(is_token.any(axis=1), ids.shape[1] - is_token.argmax(axis=1), 0)
    return found
