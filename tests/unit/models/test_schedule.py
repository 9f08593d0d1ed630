import pytest

from models.schedule import learning_rate_schedule
from models.training_config import Decay, Scaling, TrainingConfig


def rates(config: TrainingConfig, *, ranks: int, steps: list[int]) -> list[float]:
    schedule = learning_rate_schedule(config, ranks=ranks, steps_per_epoch=4)
    return [float(schedule(step)) for step in steps]


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        (Decay.none, [0.5, 1.0, 2.0, 2.0, 2.0]),
        (Decay.linear, [0.5, 1.0, 2.0, 1.1, 0.2]),
        (Decay.cosine, [0.5, 1.0, 2.0, 1.1, 0.2]),
    ],
)
def test_it_rises_for_an_epoch_then_falls_to_the_last_step(decay: Decay, expected: list[float]) -> None:
    config = TrainingConfig(epochs=3, learning_rate=1.0, warm_up_epochs=1, decay=decay, final_learning_rate=0.1)

    assert rates(config, ranks=2, steps=[0, 1, 4, 8, 12]) == pytest.approx(expected)


@pytest.mark.parametrize(("scaling", "peak"), [(Scaling.none, 1.0), (Scaling.square_root, 2.0), (Scaling.linear, 4.0)])
def test_its_peak_grows_with_the_ranks(scaling: Scaling, peak: float) -> None:
    config = TrainingConfig(epochs=3, learning_rate=1.0, warm_up_epochs=0, learning_rate_scaling=scaling)

    assert rates(config, ranks=4, steps=[0]) == [peak]
