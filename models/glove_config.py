"""Settings of GloVe; readable without importing TensorFlow, so that a driver starts at once."""

from dataclasses import dataclass

TOKEN, CONTEXT = "token", "context"  # the network's inputs
COUNT_SCALE = 60
"""A label is a count times this: whole numbers, as 60 can be divided by the distances from 1 to 6."""


@dataclass(frozen=True)
class GloveConfig:
    """How vectors are fitted to how often tokens stand near each other; pairs and steps are a rank's."""

    max_count: float = 10.0  # times that a pair must stand together to count fully; one seen less often counts less
    batch_size: int = 8192  # pairs a step on each rank
    learning_rate: float = 0.005  # at the end of the warm-up, for one rank


@dataclass(frozen=True)
class GloveShape:
    """What the network is built by."""

    size: int  # floats a token
    max_count: float
    seed: int
