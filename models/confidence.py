"""How far a trained network can be believed, by the validation rows: its temperature, and where its scope ends."""

import keras
import numpy as np
import numpy.typing as npt

from models.calibration import UNCALIBRATED, Batches, Calibration, Ids, calibrate, confidences
from models.collective import Ranks
from models.predictor import compile_network
from models.scope import find_threshold
from models.steps import gives_classes

_ROWS = 256  # a call of the network: no gradients, so that the logits are what costs


def judge_confidence(
    network: keras.Model, batches: Batches, ranks: Ranks, *, in_scope_share: float
) -> tuple[Calibration, float]:
    """The network's calibration, and the out-of-scope threshold that keeps `in_scope_share` of the rows.

    The network gives logits. Equal on all ranks, which must call it together, each with its own rows. A network that
    gives no classes has neither.
    """
    if not gives_classes(network):
        return UNCALIBRATED, 0.0
    predict = compile_network(network, batch_rows=_ROWS)
    calibration = calibrate(predict, batches, ranks)

    def find_confidences(ids: Ids) -> npt.NDArray[np.float32]:
        return confidences(predict(ids), calibration.temperature)

    return calibration, find_threshold(find_confidences, batches, ranks, share=in_scope_share)
