"""Vectors of tokens out of the language model that Kiwi brings: what words have in common that training never showed.

Kiwi (kiwipiepy) holds a model that was trained on large Korean corpora, and tells the cosine of any two of its
morphemes. Kernel PCA (Schölkopf et al., 1998) turns cosines into coordinates, by landmarks instead of all pairs
(Williams and Seeger, 2001): a morpheme's vector follows from its cosines with the landmarks alone, so tasks that
never meet give vectors of one space.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from udfs.analyzers import tokenize

MAX_SIZE = 256  # floats of the model's own vectors
_LANDMARKS = 512  # twice the size: they span all that the model tells
_AMONG = 20_000  # the landmarks are drawn from so many of the most frequent morphemes
_WORD_TAGS = ("NN", "NR", "NP", "MA", "MM", "XR", "IC", "VV", "VA")  # nouns, adverbs, stems: not endings and particles
_FIRST_ID = 90  # those before stand for kinds of morphemes, and for what is in no dictionary
_LEAST_COSINE = 0.5  # with itself; a morpheme that the model does not know has 0 or nan
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Space:
    """Landmarks, and what turns cosines with them into coordinates."""

    landmarks: list[int]  # morphemes' ids
    means: npt.NDArray[np.float64]  # of the landmarks' cosines with one another, (landmarks,)
    axes: npt.NDArray[np.float64]  # (landmarks, size)


def list_words(words: int, analyzer: str) -> list[str]:
    """Tokens of the most frequent `words` of Kiwi's dictionary, the frequent ones first."""
    found = [form for form, tag in islice(_list_dictionary(), words * 10) if tag.startswith(_WORD_TAGS)]
    return list(dict.fromkeys(token for tokens in tokenize(found[:words], analyzer) for token in tokens))


def find_vectors(tokens: Sequence[str], size: int) -> list[list[float] | None]:
    """A vector of `size` floats for each token, the mean of its morphemes'; None where Kiwi knows none of them.

    A token is what an analyzer of udfs.analyzers gives, a tag (`주문/NNG`) is left out. Takes 0.3 ms a token, and
    once a process 5 s and 0.5 GB.

    Raises:
        ValueError: `size` is not from 1 to MAX_SIZE.
    """
    if not 0 < size <= MAX_SIZE:
        raise ValueError(f"vectors.size: expected 1 to {MAX_SIZE}, which is what Kiwi has, received {size}")
    return [_find_vector(token.rpartition("/")[0] or token, size) for token in tokens]


def _find_vector(form: str, size: int) -> list[float] | None:
    found = [vector for number in _read_ids(form) if (vector := _find_morpheme(number, size)) is not None]
    return np.mean(found, axis=0).astype(float).tolist() if found else None


@lru_cache(maxsize=100_000)
def _find_morpheme(number: int, size: int) -> Floats | None:
    if not _is_known(number):
        return None
    space = _build_space(size)
    cosines = _compare(number, space.landmarks)
    centred = cosines - cosines.mean() - space.means + space.means.mean()
    return np.asarray(centred @ space.axes, np.float32)


@cache
def _build_space(size: int) -> _Space:
    """The same in every process."""
    drawn = np.random.default_rng(0).permutation(np.arange(_FIRST_ID, _AMONG)).tolist()
    landmarks = list(islice(filter(_is_known, drawn), _LANDMARKS))
    cosines = np.stack([_compare(number, landmarks) for number in landmarks])
    means = cosines.mean(axis=0)
    values, vectors = np.linalg.eigh(cosines - means - means[:, None] + means.mean())
    largest = np.argsort(values)[::-1][:size]
    signs = np.sign(vectors[np.abs(vectors[:, largest]).argmax(axis=0), largest])  # else a matter of the library
    return _Space(landmarks, means, signs * vectors[:, largest] / np.sqrt(np.maximum(values[largest], 1e-9)))


def _compare(number: int, landmarks: Sequence[int]) -> npt.NDArray[np.float64]:
    compare = _load_kiwi().morpheme_similarity
    return np.array([compare(number, landmark) for landmark in landmarks])


def _is_known(number: int) -> bool:
    return bool(_load_kiwi().morpheme_similarity(number, number) > _LEAST_COSINE)  # nan is not


def _read_ids(form: str) -> list[int]:
    return [morpheme.id for morpheme in _load_kiwi().tokenize(form) if morpheme.id >= _FIRST_ID]


def _list_dictionary() -> Iterator[tuple[str, str]]:
    """Forms and tags, the most frequent first; a word with several senses comes several times."""
    find, seen = _load_kiwi().morpheme, set()
    for number in count(_FIRST_ID):
        try:
            morpheme = find(number)
        except ValueError:  # there are no more
            return
        if (entry := (morpheme.form, str(morpheme.tag))) not in seen:
            seen.add(entry)
            yield entry


@cache
def _load_kiwi() -> Any:
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)  # one thread: Spark runs one Python worker a core
