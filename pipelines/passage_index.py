"""The passages of one bot, ready to be searched: by their words, and by a model's vectors where there is one.

A passage's score is a weighted sum: the share of the words' weight that it holds (models.word_index), and the cosine of
its sentence vector with the text's. What is answered at all is decided by a threshold, which the bot's own questions
give: with their passage left out, so that what is left is a wrong answer.
"""

import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.vector_index import VectorIndex, build_vector_index
from models.word_index import WordIndex, build_word_index
from udfs.analyzers import tokenize
from udfs.misspelling import misspell

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
ReadSentences = Callable[[Sequence[str]], Floats]  # from clean texts to a model's vectors (texts, size)

SCORE_DIGITS = 6
_DEPTH = 50  # passages that each of the two ways finds
_CHANGES = 2  # in a badly written question
_NPZ = ("tokens", "weights", "data", "indices", "indptr", "vectors", "texts", "text_ends", "sources", "source_ends")


class Answer(NamedTuple):
    """A passage that answers a message."""

    text: str
    source: str | None
    score: float


class Ranked(NamedTuple):
    """Passages of a text, best first."""

    places: Places
    scores: Floats


@dataclass(frozen=True)
class SearchRules:
    """How a bot's passages are searched."""

    analyzers: tuple[str, ...]  # whose tokens are a text's words
    vector_weight: float  # of the cosine in the score; the words have the rest
    max_token_passages: int  # a token that more passages have weighs nothing


@dataclass(frozen=True)
class ThresholdRules:
    """How the lowest score of an answer is found."""

    samples: int  # of the bot's questions
    max_wrong_share: float  # of the questions whose passage is left out, that are answered all the same
    min_score: float  # below which nothing is an answer, however few passages there are


@dataclass(frozen=True)
class Threshold:
    """The lowest score of an answer, and what it does to badly written questions."""

    score: float
    right_share: float  # of them, whose first answer is the right one
    sampled: int


class PassageTable(NamedTuple):
    """The passages of a bot, a row each."""

    searched: Sequence[str]  # what each is found by, clean
    examples: Sequence[str]  # what somebody may ask, clean
    texts: Sequence[str]
    sources: Sequence[str | None]


class _Strings(NamedTuple):
    """Many texts as their bytes, one behind the other: read when one is asked for."""

    content: bytes
    ends: npt.NDArray[np.int64]

    def read(self, place: int) -> str:
        return self.content[self.ends[place] : self.ends[place + 1]].decode()


@dataclass(frozen=True, eq=False)
class PassageIndex:
    """A bot's passages and what finds them. What it gives depends on the text alone."""

    rules: SearchRules
    words: WordIndex
    vectors: VectorIndex | None
    texts: _Strings
    sources: _Strings
    threshold: float = 0.0  # where a text comes with its vector
    words_threshold: float = 0.0  # where it comes without one

    @property
    def passages(self) -> int:
        return self.words.passages

    def answer(self, text: str, vector: Floats | None, *, count: int) -> list[Answer]:
        """The best answers to a clean text, best first, no text twice; none where none is good enough."""
        threshold = self.words_threshold if vector is None or self.vectors is None else self.threshold
        found: dict[str, Answer] = {}
        for place, score in zip(*(part.tolist() for part in self.rank(text, vector)), strict=True):
            if score < threshold or len(found) == count:
                break
            said = self.texts.read(place)
            found.setdefault(said, Answer(said, self.sources.read(place) or None, round(score, SCORE_DIGITS)))
        return list(found.values())

    def rank(self, text: str, vector: Floats | None) -> Ranked:
        """The passages that the text's words find, and its vector where it is given."""
        shares = self.words.score(split_words(text, self.rules))
        places = _find_best(shares, _DEPTH)
        scores = shares[places]
        if vector is not None and self.vectors is not None:
            places = np.union1d(places, self.vectors.find(vector, min(_DEPTH, self.passages)))
            weight = np.float32(self.rules.vector_weight)
            scores = (1 - weight) * shares[places] + weight * self.vectors.compare(vector, places)
        order = np.argsort(-scores, kind="stable")
        return Ranked(places[order], scores[order])

    @cached_property
    def size(self) -> int:
        """Bytes, about."""
        arrays = [self.words.tokens, self.words.weights, *self.words.columns.values()]
        vectors = len(self.vectors.content) if self.vectors else 0
        return sum(array.nbytes for array in arrays) + vectors + len(self.texts.content) + len(self.sources.content)


def build_index(passages: PassageTable, vectors: Floats | None, rules: SearchRules) -> PassageIndex:
    """The index without a threshold. `vectors` are those of what passages are found by, where there is a model."""
    tokens = [split_words(text, rules) for text in passages.searched]
    return PassageIndex(
        rules, build_word_index(tokens, max_passages=rules.max_token_passages),
        build_vector_index(vectors) if vectors is not None else None,
        _pack(passages.texts), _pack([source or "" for source in passages.sources]),
    )  # fmt: skip


def split_words(text: str, rules: SearchRules) -> list[str]:
    """All tokens of all analyzers."""
    return [token for analyzer in rules.analyzers for token in tokenize([text], analyzer)[0]]


def find_threshold(
    index: PassageIndex, examples: Sequence[str], read_sentences: ReadSentences | None, rules: ThresholdRules
) -> Threshold:
    """The score that all but `max_wrong_share` of the bot's questions stay below where their own passage is left out.

    Passages with the same text as the own one are left out with it. What the threshold does to the others is told by
    the same questions, written badly.
    """
    source = random.Random(len(examples))  # the same passages, the same sample
    sample = sorted(source.sample(range(len(examples)), min(rules.samples, len(examples))))
    asked = [examples[place] for place in sample]
    _, wrong = _judge_all(index, sample, asked, read_sentences)
    threshold = max(float(np.quantile(wrong, 1 - rules.max_wrong_share, method="higher")), rules.min_score)
    written = [misspell(text, random.Random(text), changes=_CHANGES) for text in asked]
    right, wrong = _judge_all(index, sample, written, read_sentences)
    is_right = (right > wrong) & (right >= threshold)
    return Threshold(round(threshold, SCORE_DIGITS), round(float(is_right.mean()), SCORE_DIGITS), len(sample))


def _judge_all(
    index: PassageIndex, places: Sequence[int], texts: Sequence[str], read_sentences: ReadSentences | None
) -> npt.NDArray[np.float64]:
    """Of each text, the best score of a passage that says the same as its own, and of one that does not: (2, texts)."""
    vectors = list(read_sentences(texts)) if read_sentences else [None] * len(texts)
    judged = [_judge(index, *row) for row in zip(places, texts, vectors, strict=True)]
    return np.array(judged, dtype=np.float64).reshape(-1, 2).T


def _judge(index: PassageIndex, place: int, text: str, vector: Floats | None) -> tuple[float, float]:
    """The best score of a passage that says the same as this one, and that of one which says something else."""
    own, best = index.texts.read(place), {True: 0.0, False: 0.0}
    for found, score in zip(*(part.tolist() for part in index.rank(text, vector)), strict=True):
        is_own = index.texts.read(found) == own
        best[is_own] = max(best[is_own], score)
    return best[True], best[False]


def write_index(index: PassageIndex) -> bytes:
    """As a NumPy archive, without a pickle."""
    head = {
        "rules": asdict(index.rules), "passages": index.passages, "threshold": index.threshold,
        "words_threshold": index.words_threshold,
    }  # fmt: skip
    vectors = index.vectors.content if index.vectors else b""
    content = io.BytesIO()
    np.savez(
        content, head=_as_array(json.dumps(head).encode()), tokens=index.words.tokens, weights=index.words.weights,
        **index.words.columns, vectors=_as_array(vectors), texts=_as_array(index.texts.content),
        text_ends=index.texts.ends, sources=_as_array(index.sources.content), source_ends=index.sources.ends,
    )  # fmt: skip
    return content.getvalue()


def read_index(content: bytes) -> PassageIndex:
    """What `write_index` wrote. Runs nothing that the content brings."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        head, found = json.loads(archive["head"].tobytes()), {name: archive[name] for name in _NPZ}
    rules = SearchRules(**{**head["rules"], "analyzers": tuple(head["rules"]["analyzers"])})
    columns = {name: found[name] for name in ("data", "indices", "indptr")}
    return PassageIndex(
        rules, WordIndex(found["tokens"], found["weights"], columns, head["passages"]),
        VectorIndex(found["vectors"].tobytes()) if found["vectors"].size else None,
        _Strings(found["texts"].tobytes(), found["text_ends"]),
        _Strings(found["sources"].tobytes(), found["source_ends"]), head["threshold"], head["words_threshold"],
    )  # fmt: skip


def _find_best(scores: Floats, count: int) -> Places:
    """Places of the highest scores, in no order."""
    if len(scores) <= count:
        return np.arange(len(scores))
    return np.argpartition(scores, -count)[-count:]


def _pack(texts: Sequence[str]) -> _Strings:
    contents = [text.encode() for text in texts]
    return _Strings(b"".join(contents), np.cumsum([0, *map(len, contents)], dtype=np.int64))


def _as_array(content: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)
