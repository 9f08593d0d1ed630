"""The recurrent layers that encoders are made of, with seeds for all that is random in them."""

from typing import Any

from models.encoders.token_vectors import Seeds


def make_lstm(units: int, seeds: Seeds, **options: Any) -> Any:
    """Hochreiter and Schmidhuber (1997), "Long Short-Term Memory"."""
    from keras import layers

    return layers.LSTM(units, **_initializers(seeds), **options)


def make_gru(units: int, seeds: Seeds, **options: Any) -> Any:
    """Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder"."""
    from keras import layers

    return layers.GRU(units, **_initializers(seeds), **options)


def make_bigru(units: int, seeds: Seeds, *, name: str, **options: Any) -> Any:
    """A GRU (Cho et al., 2014) in each direction, side by side: 2 x `units`."""
    from keras import layers

    forward, backward = (
        make_gru(units, seeds, **options, go_backwards=is_backward, name=way)
        for way, is_backward in (("forward", False), ("backward", True))
    )
    return layers.Bidirectional(forward, backward_layer=backward, name=name)


def _initializers(seeds: Seeds) -> dict[str, Any]:
    import keras

    return {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=next(seeds)),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=next(seeds)),
    }
