"""Settings of the intent network; readable without importing TensorFlow, so that a driver starts at once."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class NetworkConfig:
    """The network's shape and its regularization; the defaults are the recipe that was measured."""

    bags: list[str] = field(default_factory=lambda: ["character_ngrams"])  # features read as a bag of tokens
    bag_scale: float = 3.0  # what a bag's votes are multiplied with: they learn so much faster than the rest
    embedding_size: int = 96  # floats a token, in the features that are no bags
    widths: list[int] = field(default_factory=lambda: [1, 2, 3])  # tokens that a convolution sees at once
    filters: int = 64  # responses a width
    word_dropout: float = 0.1  # share of tokens read as unknown while training
    embedding_dropout: float = 0.2  # share of embedding values dropped while training
    dropout: float = 0.5  # share of pooled values dropped while training
    seed: int = 0  # of the initial weights and of every dropout
