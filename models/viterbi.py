"""The best path through a linear chain of tags, for a batch of rows at once (Viterbi, 1967)."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def find_best_paths(emissions: Floats, transitions: Floats, lengths: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The tags (rows, length) of each row's best path.

    `emissions` are (rows, length, tags), `transitions` (tags + 1, tags), the first row from the beginning. What stands
    behind a row's length means nothing. A row's path is the same alone and among others.
    """
    rows, length, _ = emissions.shape
    into = np.ascontiguousarray(transitions[1:].T)  # (to, from): the best one is looked for along memory
    scores = transitions[0] + emissions[:, 0]
    came_from = np.zeros(emissions.shape, np.int16)
    for place in range(1, length):
        going_on = np.flatnonzero(lengths > place)
        candidates = scores[going_on, None] + into  # (rows, to, from)
        best = candidates.argmax(axis=-1)
        came_from[going_on, place] = best
        gained = np.take_along_axis(candidates, best[..., None], axis=-1)[..., 0]
        scores[going_on] = gained + emissions[going_on, place]
    tags = np.zeros((rows, length), np.intp)
    tags[np.arange(rows), lengths - 1] = scores.argmax(axis=-1)  # of a row without any, what stands behind it
    for place in range(length - 2, -1, -1):
        inside = np.flatnonzero(lengths > place + 1)
        tags[inside, place] = came_from[inside, place + 1, tags[inside, place + 1]]
    return tags
