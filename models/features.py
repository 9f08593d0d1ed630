"""What a trained network knows of a message before it decides: the features that small heads of other labels read."""

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

Floats = npt.NDArray[np.float32]

_DECIDES = "deep_logits"  # models.network's last layer behind a sentence's vector
_MEANING = "question_meaning"  # what the reply network's question tower makes of a sentence (models.dual_encoder)
_LEAST = 1e-6  # a probability; below it the classes are equally unlikely


def with_sentence(network: keras.Model) -> keras.Model:
    """The same network and weights, its output the probabilities and, behind them, the sentence's vector.

    (batch, classes + size of the vector). A network without such a vector (bags alone, an ensemble) gives its
    probabilities only.
    """
    vectors = [layer.input for layer in network.layers if layer.name == _DECIDES]
    if not vectors:
        return network
    both = layers.Concatenate(dtype="float32", name="probabilities_and_sentence")([network.output, *vectors])
    return keras.Model(network.input, both, name=network.name)


def sentence_network(network: keras.Model) -> keras.Model | None:
    """From a network of intents or replies, the part that makes a sentence's vector (batch, size); None without one."""
    vectors = [layer.output for layer in network.layers if layer.name == _MEANING]
    vectors += [layer.input for layer in network.layers if layer.name == _DECIDES]
    return keras.Model(network.input, vectors[0], name=f"{network.name}_sentence") if vectors else None


def read_features(given: Floats, *, classes: int) -> Floats:
    """The features (n, size) in what a network `with_sentence` gave: the vector, and the classes' log probabilities."""
    logs = np.log(np.maximum(given[:, :classes], np.float32(_LEAST)))
    return np.concatenate([given[:, classes:], logs], axis=1)
