"""Several networks as one: the weighted mean of their probabilities, and the weights that suit a validation split."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from models.vocabulary import InputSpec

_LEAST = 1e-9  # a probability; below it the members have nothing to say
_ROUNDS = 200  # of the fit; it moves less than 1e-4 after a few dozen


def build_ensemble(
    inputs: Mapping[str, InputSpec], members: Sequence[keras.Model], weights: Sequence[float]
) -> keras.Model:
    """One network from named ids to `logits` (batch, classes), made of the members' own layers.

    Each member reads those of the `inputs` that it has by name, and gives probabilities; the weights' sum is 1. The
    logits are the logarithms of the mean probabilities, so that it is calibrated and served like any other network.
    """
    ids = {name: keras.Input((spec.length,), dtype="int32", name=name) for name, spec in inputs.items()}
    parts = []
    for number, (member, weight) in enumerate(zip(members, weights, strict=True), 1):
        read = _for_any_length(member, name=f"member_{number}")({name: ids[name] for name in _names(member)})
        parts.append(weight * read)
    mean = layers.Add(dtype="float32", name="mean")(parts)
    return keras.Model(ids, ops.log(ops.maximum(mean, _LEAST)), name="intent_ensemble")


def fit_weights(likelihoods: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The members' weights under which a mean of their probabilities explains the labels best.

    `likelihoods` (rows, members) holds the probability that each member gave to the row's own label. Their mean's
    likelihood has one maximum, which expectation maximization climbs to (Dempster et al., 1977): a row counts for
    each member by its share in the mean. A member that adds nothing ends near 0.
    """
    weights = np.full(likelihoods.shape[1], 1 / likelihoods.shape[1])
    for _ in range(_ROUNDS):
        shares = likelihoods * weights
        weights = (shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)).mean(axis=0)
        weights /= weights.sum()
    return weights


def _for_any_length(member: keras.Model, *, name: str) -> keras.Model:
    """The member, its own layers, for rows cut to any length (`models.predictor` cuts them)."""
    inputs = {tensor.name: keras.Input((None,), dtype="int32", name=tensor.name) for tensor in member.inputs}
    flexible = keras.models.clone_model(member, input_tensors=inputs, clone_function=lambda layer: layer)
    return keras.Model(inputs, flexible.output, name=name)


def _names(member: keras.Model) -> list[str]:
    return [tensor.name for tensor in member.inputs]
