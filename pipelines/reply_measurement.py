"""How good a reply network is on held-out pairs: ranking in 100 candidates, its trigger, and how varied it is.

A sample of so many rows comes to the driver, never a whole split; its size is in the settings.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from models.ranking import Candidates, RankingScore, draw_candidates, score_ranking
from models.vocabulary import InputSpec
from pipelines.encoding import Encoded
from pipelines.replies import ReplyPredictor
from pipelines.suggestions import Response, choose_threshold
from udfs.screening import near_duplicate_key

if TYPE_CHECKING:  # TensorFlow: 4 s that only a training needs
    import keras

    from models.dual_encoder import DualEncoder

N = TypeVar("N", bound="keras.Model")

CANDIDATES = 100
_SEED = 0  # of the candidates: the same for every model


@dataclass(frozen=True)
class HeldOutPairs:
    """Pairs that training has not seen, clean and masked."""

    asked: tuple[str, ...]
    answered: tuple[str, ...]
    asked_inputs: Encoded  # (pairs, length) by feature
    answered_inputs: Encoded  # likewise


@dataclass(frozen=True)
class Suggested:
    """What a model does with one message."""

    asked: str
    answered: str
    replies: tuple[Response, ...]  # empty: the trigger held them back
    best: float  # the most probable answer's probability


@dataclass(frozen=True)
class SuggestionScore:
    """What the suggestions to held-out questions are like."""

    coverage: float  # share of questions that get any
    precision: float  # share of those whose suggestions hold the answer that was given, or one of its cluster
    distinct_1: float  # of the suggestions
    distinct_2: float  # likewise


def load_pair_network(
    build_network: Callable[..., N], inputs: Mapping[str, InputSpec], config: Any, weights_url: str
) -> N:
    """The network that `build_network` makes of a snapshot of pairs, trained."""
    from models.weights import assign_variables, load_npz

    network = build_network(inputs, classes=0, config=config)
    assign_variables(network.weights, load_npz(weights_url)[0]["weights"])
    return network


def measure_ranking(network: "DualEncoder", pairs: HeldOutPairs) -> RankingScore:
    """The right answer among those to 99 other questions of the same pairs."""
    from models.dual_encoder import answer_vectors, question_vectors

    asked, answered = question_vectors(network, pairs.asked_inputs), answer_vectors(network, pairs.answered_inputs)
    places = candidates_of(pairs)
    return score_ranking(np.stack([answered[row] @ vector for row, vector in zip(places, asked, strict=True)]))


def candidates_of(pairs: HeldOutPairs) -> Candidates:
    """Each pair's own place and those of 99 others, whose answers differ: (pairs, 100)."""
    keys = [near_duplicate_key(answer) for answer in pairs.answered]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return draw_candidates([numbers[key] for key in keys], count=CANDIDATES, seed=_SEED)


def suggest_all(predictor: ReplyPredictor, pairs: HeldOutPairs) -> list[Suggested]:
    """What the model suggests to each question."""
    ranked, responses = predictor.rank(pairs.asked), predictor.responses.responses
    return [
        Suggested(asked, answered, tuple(responses[place] for place in predictor.choose(found)), found.best)
        for asked, answered, found in zip(pairs.asked, pairs.answered, ranked, strict=True)
    ]


def find_threshold(suggested: Sequence[Suggested], known: Sequence[Response], *, min_precision: float) -> float:
    """The trigger's threshold by validation's suggestions, none of which was held back."""
    best = np.array([one.best for one in suggested])
    return choose_threshold(best, np.array(list(_hits(suggested, known))), min_precision=min_precision)


def score_suggestions(suggested: Sequence[Suggested], known: Sequence[Response]) -> SuggestionScore:
    """Of the suggestions to held-out questions; `known` are all answers that may be suggested."""
    given = [one for one in suggested if one.replies]
    distinct_1, distinct_2 = measure_distinct([reply.text for one in given for reply in one.replies])
    hits = list(_hits(given, known))
    return SuggestionScore(
        coverage=len(given) / max(len(suggested), 1),
        precision=sum(hits) / max(len(hits), 1),
        distinct_1=distinct_1,
        distinct_2=distinct_2,
    )


def measure_distinct(texts: Sequence[str]) -> tuple[float, float]:
    """Different words among all words of the texts, and different pairs of words (Li et al., 2016)."""
    lines = [text.split() for text in texts]
    words = [(word,) for line in lines for word in line]
    pairs = [pair for line in lines for pair in pairwise(line)]
    return _share_different(words), _share_different(pairs)


def _hits(suggested: Sequence[Suggested], known: Sequence[Response]) -> Iterator[bool]:
    """Whether one of the suggestions is the answer that was given, or of the same cluster."""
    clusters = {near_duplicate_key(response.text): response.cluster for response in known}
    for one in suggested:
        key = near_duplicate_key(one.answered)
        cluster = clusters.get(key)
        texts = {near_duplicate_key(reply.text) for reply in one.replies}
        yield key in texts or (cluster is not None and cluster in {reply.cluster for reply in one.replies})


def _share_different(ngrams: Sequence[tuple[str, ...]]) -> float:
    return len(set(ngrams)) / max(len(ngrams), 1)
