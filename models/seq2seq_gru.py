"""A question read by GRUs in both directions, its answer written by one that attends to what was read.

Cho et al. (2014) for the units; Luong et al. (2015), "Effective Approaches to Attention-based Neural Machine
Translation", for the attention: after each unit the state looks at the question, and both together say the next one.
"""

from models.attention import attend
from models.encoders.recurrent import make_bigru, make_gru
from models.encoders.token_vectors import Seeds, Tensor, TokenVectors
from models.seq2seq_config import Seq2seqConfig
from models.seq2seq_memory import Given


def read_by_gru(tokens: TokenVectors, config: Seq2seqConfig, seeds: Seeds) -> tuple[Tensor, Tensor]:
    """Memory (batch, length, units) and the decoder's first state (batch, units)."""
    import keras
    from keras import layers

    gru = make_bigru(config.gru_units // 2, seeds, name=f"{tokens.feature}_bigru", return_sequences=True)
    memory = gru(tokens.values, mask=tokens.is_token) * tokens.mask
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    first = layers.Dense(config.gru_units, activation="tanh", kernel_initializer=initializer, name="first_state")
    return memory, first(tokens.mean(memory))


def write_by_gru(said: Tensor, given: Given, config: Seq2seqConfig, seeds: Seeds) -> tuple[Tensor, Tensor]:
    """What is to be said after each of `said` (batch, units, embedding_size), likewise; the state after the last."""
    import keras
    from keras import layers, ops

    gru = make_gru(config.gru_units, seeds, return_sequences=True, return_state=True, name="said_gru")
    states, last = gru(said, initial_state=given.state)
    found = attend(states, given.memory, given.is_padding, heads=1, seeds=seeds, name="said_to_asked")
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    join = layers.Dense(said.shape[-1], activation="tanh", kernel_initializer=initializer, name="said_and_asked")
    return join(ops.concatenate([states, found], axis=-1)), last
