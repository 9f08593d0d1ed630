"""Settings of the network that writes answers; readable without TensorFlow, so that a driver starts at once."""

from dataclasses import dataclass, field
from enum import Enum

from models.encoders.transformer import TransformerConfig


class Seq2seqKind(Enum):
    """How a question is read and its answer written."""

    gru = "gru"
    transformer = "transformer"


@dataclass(frozen=True)
class Seq2seqConfig:
    """The shape of encoder and decoder, and their regularization."""

    kind: Seq2seqKind = Seq2seqKind.gru  # how a question is read and its answer written: gru or transformer
    embedding_size: int = 128  # floats a unit, in questions and answers alike
    gru_units: int = 128  # floats of the decoder's state; half as many in each direction of the encoder
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    word_dropout: float = 0.1  # share of a question's units read as unknown while training
    dropout: float = 0.3  # share of values dropped while training
    own_share: float = 0.25  # of an answer's units so far that are the network's own guess, once training is well on
    own_share_steps: int = 1_000  # training steps in which that share rises from 0
    seed: int = 0  # of the initial weights and of every dropout


@dataclass(frozen=True)
class BeamConfig:
    """How the best answers are searched for."""

    beams: int = 4  # beginnings of an answer that are kept at every unit; 1 takes the best unit each time
    length_penalty: float = 0.6  # 0 favours short answers, 1 compares means a unit (Wu et al., 2016)
    blocked_ngram: int = 6  # so many units in a row are said once only in an answer; 0 blocks nothing
    max_units: int = 64  # an answer that has no end by then is dropped
