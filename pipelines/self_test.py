"""A model's self-test: that it predicts as a model must, before it predicts for users."""

from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import MalgilError

if TYPE_CHECKING:
    from models.beam_search import Search
    from pipelines.encoding import TextEncoder
    from pipelines.prediction import Predictor
    from pipelines.replies import ReplyPredictor
    from pipelines.slot_filling import SlotTagger

_TEXTS = ("배송은 언제 오나요?", "주문을 취소하고 환불받고 싶어요", "안녕하세요 ㅎㅎ", "ㅋ", "문의 드립니다 " * 40)
_TOLERANCE = 1e-3


class ModelSelfTestError(MalgilError):
    """A model's files are whole, but what it predicts cannot be right."""


def check_predictor(predictor: "Predictor", *, name: str, version: str) -> None:
    """See that a few texts get an intent's probabilities each, alone the same as among others.

    Raises ModelSelfTestError, with what was found instead. The texts are fixed and nobody's.
    """
    intents = predictor.encoder.intents
    found = predictor.predict(predictor.encoder.encode(_TEXTS))
    alone = np.concatenate([predictor.predict(predictor.encoder.encode([text])) for text in _TEXTS])
    if len(set(intents)) != len(intents) or found.shape != (len(_TEXTS), len(intents)):
        fault = f"{len(_TEXTS)} rows of {len(intents)} different intents, received {found.shape}"
    elif not np.isfinite(found).all() or (found < 0).any() or np.abs(found.sum(axis=1) - 1).max() > _TOLERANCE:
        fault = "probabilities that add up to 1, received others"
    elif np.abs(found - alone).max() > _TOLERANCE:
        fault = "the same for a text alone and among others, received different probabilities"
    else:
        return
    raise ModelSelfTestError(_describe(fault, name, version))


def check_search(search: "Search", encoder: "TextEncoder", *, name: str, version: str) -> None:
    """See that a few texts get answers out of the vocabulary, alone as probable as among others.

    Raises ModelSelfTestError, with what was found instead. The texts are fixed and nobody's.
    """
    feature = encoder.features[0]
    found = search(feature.encode(_TEXTS))
    alone = np.concatenate([search(feature.encode([text])).scores[:, 0] for text in _TEXTS])
    if found.ids.min() < 0 or found.ids.max() >= feature.vocabulary.size:
        fault = f"units below {feature.vocabulary.size}, received {found.ids.max()}"
    elif not np.isfinite(found.scores[:, 0]).all():
        fault = "scores that are numbers, received others"
    elif np.abs(found.scores[:, 0] - alone).max() > _TOLERANCE:
        fault = "the same for a text alone and among others, received different answers"
    else:
        return
    raise ModelSelfTestError(_describe(fault, name, version))


def check_reply_predictor(predictor: "ReplyPredictor", *, name: str, version: str) -> None:
    """See that its network predicts as a model must, and that its response set has the network's answers, in order.

    Raises ModelSelfTestError, with what was found instead.
    """
    check_predictor(predictor.predictor, name=name, version=version)
    answers, known = predictor.predictor.encoder.intents, predictor.responses.responses
    if answers != tuple(response.text for response in known):
        fault = f"the network's {len(answers)} answers in its response set, received {len(known)} or others"
        raise ModelSelfTestError(_describe(fault, name, version))


def check_tagger(tagger: "SlotTagger", *, name: str, version: str) -> None:
    """See that a few texts have the same slots alone as among others, and that its chain's numbers are numbers.

    Raises ModelSelfTestError, with what was found instead. The texts are fixed and nobody's.
    """
    tags, transitions = len(tagger.encoder.intents), tagger.transitions
    if transitions.shape != (tags + 1, tags) or not np.isfinite(transitions).all():
        fault = f"a chain of {tags} tags in numbers, received {transitions.shape} or others"
    elif tagger.find(_TEXTS) != [tagger.find([text])[0] for text in _TEXTS]:
        fault = "the same for a text alone and among others, received different slots"
    else:
        return
    raise ModelSelfTestError(_describe(fault, name, version))


def _describe(fault: str, name: str, version: str) -> str:
    return f"{name} version {version}: its self-test expected {fault}; train it again"
