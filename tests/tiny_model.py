"""An untrained intent model that is small, and whose predictions differ from text to text."""

from typing import Any

from models.vocabulary import Vocabulary
from pipelines.encoding import Feature, TextEncoder

INTENTS = ("delivery", "order_cancel", "refund", "greeting")
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
