"""Settings of training; readable without importing TensorFlow, so that a driver starts at once."""

from dataclasses import dataclass
from enum import Enum


class Scaling(Enum):
    """What the number of ranks does to the learning rate: the whole batch grows with it."""

    none = "none"
    square_root = "square_root"
    linear = "linear"  # Goyal et al., 2017


class Decay(Enum):
    """The learning rate's way down after the warm-up."""

    none = "none"
    linear = "linear"
    cosine = "cosine"


class Precision(Enum):
    """Numbers that the layers compute with; weights stay float32."""

    auto = "auto"  # bfloat16 on a GPU that has it, float32 elsewhere
    float32 = "float32"
    bfloat16 = "bfloat16"


class Monitor(Enum):
    """The metric, over all ranks, that tells which epoch is the best."""

    validation_accuracy = "validation_accuracy"
    validation_loss = "validation_loss"


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; rows and steps are a rank's, unless said otherwise."""

    ranks: int = 2  # processes that train together, one a task slot of Spark
    min_ranks: int = 1  # after a loss, training goes on with so many or more
    max_losses: int = 3  # ranks lost in a row without a new checkpoint, then training fails
    start_timeout_s: int = 120  # the ranks must have started by then, or the job fails
    epochs: int = 12  # at most so many passes over the training rows
    batch_size: int = 128  # rows a step on each rank
    learning_rate: float = 0.001  # at the end of the warm-up, for one rank
    learning_rate_scaling: Scaling = Scaling.linear  # how ranks raise the learning rate
    warm_up_epochs: float = 1.0  # epochs in which the learning rate rises from 0
    decay: Decay = Decay.cosine  # the learning rate's way down after the warm-up
    final_learning_rate: float = 0.01  # share of the learning rate that is left at the end of the decay
    label_smoothing: float = 0.1  # share of the target that goes to all intents alike
    class_balance: float = (
        0.0  # from 0 (all rows count alike) to below 1: the nearer, the more rare intents' rows count
    )
    weight_decay: float = 0.0  # decoupled (AdamW), on matrices; in big embeddings on the rows of the batch; 0 for none
    clip_norm: float = 0.0  # the gradients' common norm is cut to this; 0 does not clip
    average_epochs: float = 0.0  # the weights that are kept are a mean over about so many epochs; 0: the last ones
    commit_steps: int = 500  # steps between two checkpoints within an epoch: what a killed run may lose; 0 for none
    patience: int = 5  # epochs without a better `monitor` before training stops; 0 goes on to the last
    monitor: Monitor = Monitor.validation_accuracy  # the metric that the best epoch is chosen by
    in_scope_share: float = 0.95  # of the validation rows are in scope by the version's own threshold
    precision: Precision = Precision.auto  # mixed precision
    shuffle_rows: int = 65536  # rows mixed at a time; row groups come in random order as well
    length_buckets: int = 1  # equal parts of a feature's length; a batch is of rows of one of them, cut to it; 1: not
    seed: int = 0  # of the order of rows and of dropout
