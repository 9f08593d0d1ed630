"""Settings of the network that tags units; readable without TensorFlow, so that a driver starts at once."""

from dataclasses import dataclass, field

TAGS = "tags"  # among a snapshot's features: what is learned, an input of the network while it is trained


@dataclass(frozen=True)
class TaggerConfig:
    """The tagger's shape and its regularization; the defaults are the recipe that was measured."""

    members: int = 3  # LSTMs side by side, each with a chain of its own; the mean of all members tags
    embedding_size: int = 96  # floats of a morpheme
    aspect_size: int = 32  # floats of each other aspect of a unit
    units: int = 128  # floats of the LSTM's state in each direction
    word_dropout: float = 0.2  # share of a unit's aspects read as unknown while training
    embedding_dropout: float = 0.5  # share of embedding values dropped while training
    dropout: float = 0.5  # share of values dropped behind the LSTM while training
    vote_reach: int = 2  # units to each side that vote for a unit's tag, in a member without an LSTM; -1: no such one
    vote_dropout: float = 0.1  # share of a unit's aspects that do not vote while training
    votes_only: list[str] = field(default_factory=lambda: ["pairs"])  # aspects that LSTMs would learn by heart
    intent_weight: float = 0.2  # of the intent's loss beside that of the tags; 0: the intent is not learned
    seed: int = 0  # of the initial weights and of every dropout
