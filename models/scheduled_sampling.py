"""Teacher forcing with a schedule: more and more, a decoder goes on from what it would have said itself.

Bengio et al. (2015), "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", with a linear
schedule; in two passes, as Mihaylova and Martins (2019), "Scheduled Sampling for Transformers", so that all units of an
answer are read at once: the first pass guesses each unit after the right ones, the second reads right and guessed ones.
"""

from typing import Any

import keras
from keras import layers, ops

from models.vocabulary import PADDING_ID, UNKNOWN_ID

Tensor = Any  # a tf.Tensor; Keras ships no types


@keras.saving.register_keras_serializable(package="malgil")
class OwnWords(layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Replaces a share of what was said by the network's most probable units while training.

    The share rises from 0 to `share` in so many `steps`. The start, the end and padding are never replaced, and no
    guess is one of them.
    """

    def __init__(self, share: float, *, steps: int, seed: int, **layer_options: Any) -> None:
        # Config
        super().__init__(**layer_options)
        self.share = share
        self.steps = steps
        self.seed = seed
        # Layers
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.done = self.add_weight(shape=(), initializer="zeros", trainable=False, name="done")

    def call(self, said: Tensor, guessed: Tensor, training: bool = False) -> Tensor:
        # Graph
        if not training:
            return said
        self.done.assign_add(1.0)
        share = self.share * ops.minimum(self.done / self.steps, 1.0)
        own = ops.pad(ops.cast(ops.argmax(guessed, axis=-1), "int32")[:, :-1], ((0, 0), (1, 0)))
        is_drawn = keras.random.uniform(ops.shape(said), seed=self.seed_generator) < share
        is_word = ops.logical_and(ops.not_equal(said, PADDING_ID), ops.greater(own, UNKNOWN_ID))
        return ops.where(ops.logical_and(is_drawn, is_word), own, said)  # (batch, units)

    def compute_output_shape(self, said_shape: tuple[int | None, ...], *_: Any) -> tuple[int | None, ...]:
        return said_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "share": self.share, "steps": self.steps, "seed": self.seed}
