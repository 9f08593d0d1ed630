"""One training step and one validation step, as graphs: traced once, no Python between their ops.

A network gives logits of classes, unless it brings a `measure_rows(outputs, labels, label_smoothing=…)` of its own,
as `models.dual_encoder` does: each row's loss, and whether it is right.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Step = Callable[[Mapping[str, Any], Any], None]


def build_train_step(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    totals: tf.Variable,
    *,
    batch_size: int,
    label_smoothing: float,
    has_targets: bool = False,
    class_weights: npt.NDArray[np.float32] | None = None,
) -> Step:
    """A step over `batch_size` rows; adds loss, right rows and rows to `totals`.

    It takes labels, or with `has_targets` float32 targets (rows, classes), which are not smoothed any more. Rows
    count by their classes' weights, where there are any.
    """
    variables, measure = network.trainable_variables, _measure_of(network)

    def step(features: Mapping[str, tf.Tensor], labels: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            losses, is_right = measure(network(features, training=True), labels, label_smoothing=label_smoothing)
            losses = losses if class_weights is None else losses * weigh_rows(labels, class_weights)
            loss = tf.reduce_mean(losses) + sum(network.losses)
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
        totals.assign_add(_sums(losses, is_right))

    return _graph(step, network, rows=batch_size, classes=network.output.shape[-1] if has_targets else None)


def build_validation_step(network: keras.Model, totals: tf.Variable, *, flexible: Collection[str] = ()) -> Step:
    """A step over any number of rows, of any length in the `flexible` inputs; adds loss, right rows and rows to
    `totals`.
    """
    measure = _measure_of(network)

    def step(features: Mapping[str, tf.Tensor], labels: tf.Tensor) -> None:
        # call, not __call__: that one insists on the full length
        totals.assign_add(_sums(*measure(network.call(features, training=False), labels)))

    return _graph(step, network, rows=None, flexible=flexible)


def find_flexible(network: keras.Model) -> list[str]:
    """Names of the inputs whose rows may be cut to any length."""
    return [tensor.name for tensor in network.inputs if tensor.shape[1] is None]


def gives_classes(network: keras.Model) -> bool:
    """Whether a network's outputs are logits of classes."""
    return not hasattr(network, "measure_rows")


def measure_classes(logits: tf.Tensor, labels: tf.Tensor, *, label_smoothing: float = 0.0) -> tuple[Any, Any]:
    """Each row's loss, and whether its most probable class is its label, or its target's."""
    named = tf.argmax(labels, axis=-1, output_type=tf.int32) if labels.shape.rank == 2 else labels
    is_right = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), named)
    return row_losses(logits, labels, label_smoothing=label_smoothing), is_right


def row_losses(logits: tf.Tensor, labels: tf.Tensor, *, label_smoothing: float = 0.0) -> tf.Tensor:
    """Cross-entropy of each row (batch,) with its label, 0 where that is -1, or with its target (batch, classes)."""
    if labels.shape.rank == 2:
        return tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
    if label_smoothing:
        to_all_alike = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
        losses = (1 - label_smoothing) * losses + label_smoothing * to_all_alike
    return tf.where(labels >= 0, losses, 0.0)


def weigh_rows(labels: tf.Tensor, class_weights: npt.NDArray[np.float32]) -> tf.Tensor:
    """What each row (batch,) counts: the weight of its label's class, or of its target's classes by their shares."""
    if labels.shape.rank == 2:
        return tf.linalg.matvec(labels, class_weights)
    return tf.gather(class_weights, tf.maximum(labels, 0))


def _measure_of(network: keras.Model) -> Callable[..., tuple[Any, Any]]:
    measure: Callable[..., tuple[Any, Any]] = measure_classes if gives_classes(network) else network.measure_rows
    return measure


def _sums(losses: tf.Tensor, is_right: tf.Tensor) -> tf.Tensor:
    sums = [tf.reduce_sum(losses), tf.reduce_sum(tf.cast(is_right, tf.float32)), tf.size(losses)]
    return tf.stack([tf.cast(value, tf.float64) for value in sums])


def _graph(
    step: Step, network: keras.Model, *, rows: int | None, classes: int | None = None, flexible: Collection[str] = ()
) -> Step:
    """`classes`: of targets in the place of labels. It is traced once, whatever the lengths."""
    lengths = {tensor.name: None if tensor.name in flexible else tensor.shape[1] for tensor in network.inputs}
    features = {name: tf.TensorSpec((rows, length), tf.int32, name=name) for name, length in lengths.items()}
    shape, kind = ((rows,), tf.int32) if classes is None else ((rows, classes), tf.float32)
    labels = tf.TensorSpec(shape, kind, name="labels")
    # XLA has no Horovod op in this build
    graph: Step = tf.function(step, input_signature=[features, labels], jit_compile=False)
    return graph
