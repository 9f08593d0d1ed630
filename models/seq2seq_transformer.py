"""A question read by a transformer's encoder, its answer written by blocks that see what was said and what was asked.

Vaswani et al. (2017), "Attention Is All You Need", normalized before each part as the encoder is. The state holds what
each block saw so far, so that a unit more costs one unit's work.
"""

from models.attention import attend
from models.encoders.token_vectors import Seeds, Tensor, TokenVectors
from models.encoders.transformer import add_feed_forward, embed_places, read_by_transformer
from models.seq2seq_config import Seq2seqConfig
from models.seq2seq_memory import Given


def read_in_blocks(tokens: TokenVectors, config: Seq2seqConfig, seeds: Seeds) -> tuple[Tensor, Tensor]:
    """Memory (batch, length, size) and the decoder's first state (batch, blocks, 0, size): nothing was said yet."""
    from keras import ops

    memory = read_by_transformer(tokens, config.transformer, seeds)
    return memory, ops.repeat(ops.expand_dims(memory[:, :0], 1), config.transformer.blocks, axis=1)


def write_in_blocks(said: Tensor, given: Given, config: Seq2seqConfig, seeds: Seeds) -> tuple[Tensor, Tensor]:
    """What is to be said after each of `said` (batch, units, size), likewise; and the state with them."""
    from keras import layers, ops

    shape, size = config.transformer, said.shape[-1]
    before = ops.sum(ops.ones_like(given.state[:, 0, :, :1]), axis=1)  # (batch, 1): units of earlier calls
    places = before + ops.cumsum(ops.ones_like(said[:, :, 0]), axis=1)  # (batch, units), from 1
    states = said + embed_places(ops.cast(places, "int32"), shape, seeds, size=size, name="said_positions")
    histories = []
    for number in range(1, shape.blocks + 1):
        name = f"said_block_{number}"
        normalized = layers.LayerNormalization(name=f"{name}_said_norm")(states)
        history = ops.concatenate([given.state[:, number - 1], normalized], axis=1)  # (batch, all units, size)
        histories.append(history)
        found = attend(normalized, history, _is_later(history, places), heads=shape.heads, seeds=seeds, name=name)
        states = states + layers.Dropout(shape.dropout, seed=next(seeds))(found)
        asking = layers.LayerNormalization(name=f"{name}_asked_norm")(states)
        found = attend(asking, given.memory, given.is_padding, heads=shape.heads, seeds=seeds, name=f"{name}_asked")
        states = states + layers.Dropout(shape.dropout, seed=next(seeds))(found)
        states = add_feed_forward(states, shape, seeds, name=name)
    return layers.LayerNormalization(name="said_norm")(states), ops.stack(histories, axis=1)


def _is_later(history: Tensor, places: Tensor) -> Tensor:
    """(batch, 1, units, all units), float32: 1 where a unit of the history comes after the one at a place."""
    from keras import ops

    known = ops.cumsum(ops.ones_like(history[:, :, 0]), axis=1)
    is_later = ops.greater(ops.expand_dims(known, 1), ops.expand_dims(places, 2))
    return ops.expand_dims(ops.cast(is_later, "float32"), 1)
