"""Settings of the reply network; readable without importing TensorFlow, so that a driver starts at once."""

from dataclasses import dataclass

REPLY = "reply_"  # before the name of a feature: that of the answer


@dataclass(frozen=True)
class DualEncoderConfig:
    """The two towers' shape and their regularization; the defaults are the recipe that was measured."""

    embedding_size: int = 192  # floats a token of a feature
    hidden: int = 384  # floats of a tower's inner layer
    wording_size: int = 4096  # floats a feature in which wordings are compared: fewer of them, less exactly
    meaning_weight: float = 12.0  # of the likeness of two meanings in the score
    wording_weight: float = 6.0  # of the likeness of two wordings in the score
    word_dropout: float = 0.3  # share of tokens that a meaning is read without while training
    dropout: float = 0.5  # share of values dropped before each layer of a tower while training
    seed: int = 0  # of the initial weights and of every dropout
