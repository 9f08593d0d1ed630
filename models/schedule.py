"""The learning rate over a run: linear warm-up, then a decay."""

import math
from typing import Any

import keras
from keras import ops

from models.training_config import Decay, Scaling, TrainingConfig

_POWER = {Scaling.none: 0.0, Scaling.square_root: 0.5, Scaling.linear: 1.0}


class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """From 0 to `peak` in `warm_up_steps`, then down to `final` x `peak` at `steps`, and flat after that."""

    def __init__(self, *, peak: float, warm_up_steps: int, steps: int, decay: str, final: float) -> None:
        self.peak, self.warm_up_steps, self.steps = peak, warm_up_steps, steps
        self.decay, self.final = decay, final
        self.shifted = 0

    def shift(self, steps: int) -> None:
        """Be `steps` further than the optimizer counts: a run whose number of ranks changed has other steps."""
        self.shifted = steps

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step + self.shifted, "float32")
        rising = (step + 1) / max(self.warm_up_steps, 1)
        done = (step - self.warm_up_steps) / max(self.steps - self.warm_up_steps, 1)
        done = ops.clip(done, 0.0, 1.0)
        share = {"none": 1.0 + 0 * done, "linear": 1 - done, "cosine": (1 + ops.cos(math.pi * done)) / 2}
        falling = self.final + (1 - self.final) * share[self.decay]
        return self.peak * ops.where(step < self.warm_up_steps, rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "warm_up_steps": self.warm_up_steps,
            "steps": self.steps,
            "decay": self.decay,
            "final": self.final,
        }


def peak_learning_rate(config: TrainingConfig, *, ranks: int) -> float:
    """The learning rate at the end of the warm-up: it grows with the ranks as `learning_rate_scaling` says."""
    return float(config.learning_rate * ranks ** _POWER[config.learning_rate_scaling])


def learning_rate_schedule(config: TrainingConfig, *, ranks: int, steps_per_epoch: int) -> WarmUpAndDecay:
    """The schedule of a run."""
    return WarmUpAndDecay(
        peak=peak_learning_rate(config, ranks=ranks),
        warm_up_steps=round(config.warm_up_epochs * steps_per_epoch),
        steps=config.epochs * steps_per_epoch,
        decay=Decay(config.decay).value,
        final=config.final_learning_rate if config.decay is not Decay.none else 1.0,
    )
