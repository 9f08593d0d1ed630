"""The network that writes answers: an encoder reads the question, a decoder writes the answer unit by unit.

Sutskever et al. (2014), "Sequence to Sequence Learning with Neural Networks", for answers as in Vinyals and Le (2015),
"A Neural Conversational Model". Both are plain Keras models, so that a registered version needs nothing of ours.
Padding (id 0) before an answer's first unit is its start, and after its last one its end.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from models.collective import Ranks
from models.dual_encoder_config import REPLY
from models.encoders.token_vectors import TokenVectors, token_mask
from models.network import WordDropout
from models.scheduled_sampling import OwnWords
from models.seq2seq_config import Seq2seqConfig, Seq2seqKind
from models.seq2seq_gru import read_by_gru, write_by_gru
from models.seq2seq_memory import Given
from models.seq2seq_transformer import read_in_blocks, write_in_blocks
from models.steps import row_losses
from models.vocabulary import PADDING_ID, InputSpec

Tensor = Any  # a keras.KerasTensor or tf.Tensor; Keras ships no types
_READERS = {Seq2seqKind.gru: read_by_gru, Seq2seqKind.transformer: read_in_blocks}
_WRITERS = {Seq2seqKind.gru: write_by_gru, Seq2seqKind.transformer: write_in_blocks}


class Seq2seq(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """From a batch's questions and answers to `logits` (batch, units, vocabulary) of each next unit, and `targets`."""

    @staticmethod
    def measure_rows(
        outputs: Mapping[str, tf.Tensor],
        labels: tf.Tensor,  # noqa: ARG004  # the answer is an input
        *,
        label_smoothing: float = 0.0,
    ) -> tuple[Any, Any]:
        """Each row's part in the batch's mean loss a unit, and in its share of right units.

        The end counts as a unit, padding after it does not. The mean of the rows is the mean of the units.
        """
        logits, targets = outputs["logits"], outputs["targets"]
        losses, is_said = unit_losses(logits, targets, label_smoothing=label_smoothing)
        is_right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), targets) & is_said
        units = tf.reduce_sum(tf.cast(is_said, tf.float32)) / tf.cast(tf.shape(targets)[0], tf.float32)
        return tf.reduce_sum(losses, axis=1) / units, tf.reduce_sum(tf.cast(is_right, tf.float32), axis=1) / units

    @property
    def encoder(self) -> keras.Model:
        """From a question's units to its `memory` and the decoder's first `state`."""
        return self.get_layer("encoder")

    @property
    def decoder(self) -> keras.Model:
        """From units `said`, the `state` before them, the `memory` and `asked` to `logits` and the next `state`."""
        return self.get_layer("decoder")


def unit_losses(logits: tf.Tensor, targets: tf.Tensor, *, label_smoothing: float = 0.0) -> tuple[tf.Tensor, tf.Tensor]:
    """Cross-entropy (batch, units) of each unit and of the end, 0 after it; and which of them count."""
    is_said = tf.not_equal(targets[:, :-1], PADDING_ID)
    is_said = tf.concat([tf.ones_like(targets[:, :1], tf.bool), is_said], axis=1)
    flat = tf.reshape(logits, (-1, logits.shape[-1]))
    losses = row_losses(flat, tf.reshape(tf.where(is_said, targets, -1), (-1,)), label_smoothing=label_smoothing)
    return tf.reshape(losses, tf.shape(targets)), is_said


def build_network(
    inputs: Mapping[str, InputSpec],
    *,
    classes: int,  # noqa: ARG001  # of a snapshot of pairs it is 0
    config: Seq2seqConfig,
    ranks: Ranks | None = None,  # noqa: ARG001  # no table is split
) -> Seq2seq:
    """The network that is trained, from the two inputs of a snapshot of pairs: a feature, and `reply_` with its name.

    While training, a rising share of what an answer holds so far is the network's own guess.
    """
    seeds = iter(range(config.seed * 1000, (config.seed + 1) * 1000))
    name, spec = next((name, spec) for name, spec in inputs.items() if not name.startswith(REPLY))
    ids = {key: keras.Input((inputs[key].length,), dtype="int32", name=key) for key in (name, REPLY + name)}
    # Layers
    table = _table(spec, config, seeds)
    encoder = _build_encoder(name, table, config, seeds)
    decoder = _build_decoder(encoder, table, config, seeds)
    # Graph
    asked = CutPadding(name="asked")(WordDropout(config.word_dropout, seed=next(seeds))(ids[name]))
    answered = CutPadding(name="answered")(ids[REPLY + name])
    said = ops.pad(answered, ((0, 0), (1, 0)), constant_values=PADDING_ID)  # (batch, units + 1), begins with the start
    given = {**encoder({name: asked}), "asked": asked}
    if config.own_share:
        guessed = decoder({**given, "said": said})["logits"]
        own = OwnWords(config.own_share, steps=config.own_share_steps, seed=next(seeds), name="own_words")
        said = own(said, guessed)
    logits = decoder({**given, "said": said})["logits"]
    targets = ops.pad(answered, ((0, 0), (0, 1)), constant_values=PADDING_ID)  # ends with the end
    return Seq2seq(ids, {"logits": logits, "targets": targets}, name=f"reply_seq2seq_{config.kind.value}")


@keras.saving.register_keras_serializable(package="malgil")
class CutPadding(layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The batch's ids up to its longest row, one at least: padding costs a step as much as units do."""

    def call(self, ids: Tensor) -> Tensor:
        return ids[:, : ops.maximum(ops.max(ops.count_nonzero(ids, axis=1)), 1)]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], None)


def _table(spec: InputSpec, config: Seq2seqConfig, seeds: Iterator[int]) -> layers.Layer:
    """Vectors of units, which the decoder's states are compared with as well (Press and Wolf, 2017)."""
    initializer = keras.initializers.RandomNormal(stddev=config.embedding_size**-0.5, seed=next(seeds))
    return layers.ReversibleEmbedding(
        spec.size,
        config.embedding_size,
        embeddings_initializer=initializer,
        reverse_dtype="float32",
        name="units_table",
    )


def _build_encoder(name: str, table: layers.Layer, config: Seq2seqConfig, seeds: Iterator[int]) -> keras.Model:
    asked = keras.Input((None,), dtype="int32", name=name)
    mask = token_mask(asked)
    vectors = layers.Dropout(config.dropout, seed=next(seeds))(table(asked) * mask)
    memory, state = _READERS[config.kind](TokenVectors(vectors, mask, name), config, seeds)
    return keras.Model({name: asked}, {"memory": memory, "state": state}, name="encoder")


def _build_decoder(
    encoder: keras.Model, table: layers.Layer, config: Seq2seqConfig, seeds: Iterator[int]
) -> keras.Model:
    said, asked = (keras.Input((None,), dtype="int32", name=name) for name in ("said", "asked"))
    shapes = {name: [size or None for size in output.shape[1:]] for name, output in encoder.output.items()}
    memory, state = (keras.Input(shapes[name], name=name) for name in ("memory", "state"))
    vectors = layers.Dropout(config.dropout, seed=next(seeds))(table(said))
    is_padding = 1 - ops.expand_dims(ops.transpose(token_mask(asked), (0, 2, 1)), 1)  # (batch, 1, 1, length)
    states, last = _WRITERS[config.kind](vectors, Given(memory, is_padding, state), config, seeds)
    logits = table(layers.Dropout(config.dropout, seed=next(seeds))(states), reverse=True)
    inputs = {"said": said, "asked": asked, "memory": memory, "state": state}
    return keras.Model(inputs, {"logits": logits, "state": last}, name="decoder")
