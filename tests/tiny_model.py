"""Untrained models that are small, and whose predictions differ from text to text: of intents, replies and slots."""

from typing import Any

from models.vocabulary import Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.suggestions import Response, ResponseSet

INTENTS = ("delivery", "order_cancel", "refund", "greeting")
ANSWERS = ("배송 언제 되나요?", "네 가능합니다", "안 됩니다", "기다려 주세요", "감사합니다")
ENCODER = TextEncoder(
    (
        Feature("syllables", "characters", 16, Vocabulary(tuple("배송주문취소환불언제요안녕하세"))),
        Feature("tail", "characters", 8, Vocabulary(tuple("요네까"))),
    ),
    INTENTS,
    scope_threshold=0.484,  # of generated shop chat, whose tokens it hardly knows, half is out of scope
)


def build_tiny_model(*, seed: int, classes: int = len(INTENTS)) -> Any:
    """A network from the encoder's inputs to probabilities, another one by each seed."""
    from models.encoders.cnn import CnnConfig
    from models.network import build_network, with_probabilities
    from models.network_config import NetworkConfig

    config = NetworkConfig(embedding_size=8, cnn=CnnConfig(filters=8), seed=seed)
    network = with_probabilities(build_network(ENCODER.inputs, classes=classes, config=config))
    network.set_weights([weight * 20 for weight in network.get_weights()])  # far from even probabilities
    return network


def build_tiny_replier(*, threshold: float = 0.5) -> tuple[Any, TextEncoder, ResponseSet]:
    """A network that finds those of ANSWERS that a text is worded like, its encoder, and its response set."""
    from models.dual_encoder import answer_vectors, build_network, build_selector
    from models.dual_encoder_config import REPLY, DualEncoderConfig

    vocabulary = Vocabulary(tuple(sorted(set("".join(ANSWERS)) - {" "})))
    encoder = TextEncoder((Feature("letters", "characters", 12, vocabulary),), ANSWERS)
    inputs = {prefix + name: spec for prefix in ("", REPLY) for name, spec in encoder.inputs.items()}
    network = build_network(inputs, classes=0, config=DualEncoderConfig(embedding_size=64, hidden=8, wording_size=512))
    selector = build_selector(network, answer_vectors(network, encoder.encode(ANSWERS)))
    return selector, encoder, ResponseSet(tuple(Response(text, None, "neutral") for text in ANSWERS), threshold)


def build_tiny_tagger() -> tuple[Any, TextEncoder, Any]:
    """A network that finds slots of no meaning in most texts, its encoder, and its chain's transitions."""
    import numpy as np

    from models.tagger import build_network
    from models.tagger_config import TAGS, TaggerConfig
    from models.vocabulary import InputSpec

    first = Vocabulary(tuple("배송주문취소환불언제요안녕하세네가안기감[내"))
    features = (
        Feature("morphemes", "mecab_ko", 16, Vocabulary(("배송/NNG", "언제/MAG", "환불/NNG"))),
        Feature("first_letters", "mecab_ko", 16, first),
    )
    encoder = TextEncoder(features, ("O", "B-thing", "I-thing", "B-time"))
    specs = {**encoder.inputs, TAGS: InputSpec(len(encoder.intents) + 2, 16)}
    network = build_network(
        specs, classes=0, config=TaggerConfig(members=1, embedding_size=8, aspect_size=8, units=8, seed=1)
    )
    network.set_weights([weight * 20 for weight in network.get_weights()])  # far from even scores
    return network.reader, encoder, np.zeros((5, 4), np.float32)
