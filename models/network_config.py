"""Settings of the intent network; readable without importing TensorFlow, so that a driver starts at once."""

from dataclasses import dataclass, field
from enum import Enum

from models.encoders.bigru import BigruConfig
from models.encoders.bigru_attention import BigruAttentionConfig
from models.encoders.cnn import CnnConfig
from models.encoders.cnn_lstm import CnnLstmConfig
from models.encoders.lstm import LstmConfig
from models.encoders.transformer import TransformerConfig


class NetworkKind(Enum):
    """How the network reads the features whose order matters (docs/models.md has a page of each)."""

    linear = "linear"  # it does not: every feature is a bag
    fasttext = "fasttext"
    cnn = "cnn"
    lstm = "lstm"
    cnn_lstm = "cnn_lstm"
    bigru = "bigru"
    bigru_attention = "bigru_attention"
    transformer = "transformer"


@dataclass(frozen=True)
class NetworkConfig:
    """The network's shape and its regularization; the defaults are the recipe that was measured."""

    kind: NetworkKind = NetworkKind.cnn  # how features that are no bags are read; linear: all are bags
    features: list[str] = field(default_factory=list)  # of the training set that it reads; empty: all of them
    bags: list[str] = field(default_factory=lambda: ["character_ngrams"])  # features read as a bag of tokens
    bag_scale: float = 3.0  # what a bag's votes are multiplied with: they learn so much faster than the rest
    embedding_size: int = 96  # floats a token, in the features that are no bags
    embeddings: str = ""  # id of vectors (pretrain_embeddings) that the embeddings start from; empty: random ones
    fixed_vectors: bool = True  # whether it reads the fixed vectors of features that have some (training_set.vectors)
    own_word_dropout: float = 0.3  # of tokens that have fixed vectors: share of which training reads no more than those
    cnn: CnnConfig = field(default_factory=CnnConfig)
    lstm: LstmConfig = field(default_factory=LstmConfig)
    cnn_lstm: CnnLstmConfig = field(default_factory=CnnLstmConfig)
    bigru: BigruConfig = field(default_factory=BigruConfig)
    bigru_attention: BigruAttentionConfig = field(default_factory=BigruAttentionConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    word_dropout: float = 0.1  # share of tokens read as unknown while training
    embedding_dropout: float = 0.2  # share of embedding values dropped while training
    dropout: float = 0.5  # share of pooled values dropped while training
    seed: int = 0  # of the initial weights and of every dropout
