"""What a row counts in the loss by its class, so that rare intents are not drowned by frequent ones."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def weigh_classes(counts: Sequence[int], beta: float) -> npt.NDArray[np.float32]:
    """A weight for each class, from its training rows: 1 over the effective number of rows, in the mean 1 a row.

    Cui et al. (2019), "Class-Balanced Loss Based on Effective Number of Samples": n rows are worth
    (1 - beta^n) / (1 - beta), so with `beta` 0 all rows count alike; the nearer it is to 1, the more rare classes do.
    A class without a row has the weight of one with a single one.
    """
    rows = np.maximum(np.asarray(counts, np.float64), 1.0)
    weights = (1 - beta) / (1 - beta**rows)
    weighted: npt.NDArray[np.float64] = weights * rows.sum() / (weights * rows).sum()
    return weighted.astype(np.float32)
