"""Intents of messages to many bots: by a bot's own head where it has one, else by the model that all share."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from models.scope import weigh_confidence
from pipelines.io.bot_heads import LiveHead

if TYPE_CHECKING:
    from pipelines.prediction import Predictor, Reading, TopIntents

PROBABILITY_DIGITS = 6
_NO_CLASS = -1


class BotTops(NamedTuple):
    """What is said of some texts, a row each, by one model and the heads on it."""

    names: Sequence[str]  # of all intents
    classes: npt.NDArray[np.intp]  # (texts, top_k): the most probable ones, best first; -1 where there are no more
    probabilities: npt.NDArray[np.float64]  # (texts, top_k)
    is_out_of_scope: npt.NDArray[np.bool_]  # (texts,)
    is_by_bot: npt.NDArray[np.bool_]  # (texts,): by the head of its bot
    known_share: npt.NDArray[np.float64]  # (texts,): of the tokens, those that the model met in training


def predict_by_bot(
    predictor: "Predictor", heads: Mapping[str, LiveHead], texts: Sequence[str], bot_ids: Sequence[str | None]
) -> BotTops:
    """The most probable intents of clean texts, each said to its bot; one pass of the network for all.

    `heads` by bot read the predictor's own network.
    """
    places: dict[str, list[int]] = {}
    for place, bot_id in enumerate(bot_ids):
        if bot_id is not None and bot_id in heads:
            places.setdefault(bot_id, []).append(place)
    if not places:
        return _by_model(predictor, predictor.predict_top(texts), ())
    reading = predictor.read(texts)
    names = [intent for bot_id in places for intent in heads[bot_id].intents]
    found = _by_model(predictor, predictor.choose_top(reading.ids, reading.probabilities), names)
    _replace_by_heads(found, predictor, reading, [(heads[bot_id], rows) for bot_id, rows in places.items()])
    return found


def _by_model(predictor: "Predictor", top: "TopIntents", more: Sequence[str]) -> BotTops:
    """All of them by the model; `names` has more than its own."""
    missing = ((0, 0), (0, predictor.top_k - top.classes.shape[1]))
    classes = np.pad(top.classes, missing, constant_values=_NO_CLASS)
    names, is_by_bot = [*predictor.encoder.intents, *more], np.zeros(len(classes), dtype=bool)
    probabilities = np.pad(top.probabilities, missing)
    return BotTops(names, classes, probabilities, top.is_out_of_scope, is_by_bot, top.known_share)


def _replace_by_heads(
    found: BotTops, predictor: "Predictor", reading: "Reading", heads: Sequence[tuple[LiveHead, list[int]]]
) -> None:
    """Write what the heads say into the rows of their bots."""
    from models.predictor import top_classes

    first = len(predictor.encoder.intents)
    for head, rows in heads:
        classes, probabilities = top_classes(head.head.predict(reading.features[rows]), predictor.top_k)
        width = classes.shape[1]
        found.classes[rows, :width], found.classes[rows, width:] = first + classes, _NO_CLASS
        found.probabilities[rows, :width] = probabilities.astype(np.float64).round(PROBABILITY_DIGITS)
        threshold = predictor.set_threshold if predictor.set_threshold is not None else head.scope_threshold
        found.is_out_of_scope[rows] = weigh_confidence(probabilities[:, 0], found.known_share[rows]) < threshold
        first += len(head.intents)
    found.is_by_bot[[row for _, rows in heads for row in rows]] = True
