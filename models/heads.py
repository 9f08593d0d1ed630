"""A small head on a frozen encoder's features: ridge classification, solved in closed form.

One solution of n equations for n rows, n being a few hundred, gives the weights for every penalty that is tried, and
what a head that was trained without a row would have said of that row: so nothing is held out to choose the penalty, to
calibrate, or to tell how good the head is. Rifkin and Lippert (2007), "Notes on Regularized Least Squares".

NumPy alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.calibration import choose_temperature, confidences, top_label_losses
from models.scope import weigh_confidence

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of the weights, where the rows' mean square is 1
_SHARPNESS = 10.0  # of scores between 0 and 1, so that the best temperature is among those that are tried
_LEAST_SPREAD = 1e-6  # of rows; below it they are all the same
_LARGEST = 60_000.0  # what float16 holds


@dataclass(frozen=True)
class Head:
    """What makes probabilities of intents out of features."""

    weights: Floats  # (features + 1, intents); the last row is added whatever the features are

    def predict(self, features: Floats) -> Floats:
        """Probabilities (n, intents) of features (n, size)."""
        logits = features @ self.weights[:-1] + self.weights[-1]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: Floats = raised / raised.sum(axis=1, keepdims=True)
        return found


@dataclass(frozen=True)
class TrainedHead:
    """A head, and how far it can be believed: by each row as a head without that row sees it."""

    head: Head
    scope_threshold: float  # a message that scores less (models.scope) is out of scope
    accuracy: float


def train_head(features: Floats, labels: Labels, known: Doubles, *, in_scope_share: float) -> TrainedHead:
    """The head of rows' features (n, size) and labels 0 to the number of intents, each at least once, two at least.

    `known` is each row's share of known tokens. The threshold keeps `in_scope_share` of the rows. The same rows give
    the same head.
    """
    centre = features.mean(axis=0, dtype=np.float64)
    rows = features - centre
    spread = max(float(np.sqrt((rows**2).sum(axis=1).mean())), _LEAST_SPREAD)  # one for all features: they are alike
    rows /= spread
    duals, unseen = _solve(rows, np.eye(labels.max() + 1)[labels])
    temperature = choose_temperature(top_label_losses(_SHARPNESS * unseen, labels))
    slope = (rows.T @ duals) / spread
    weights = np.concatenate([slope, (duals.sum(axis=0) - centre @ slope)[None]]) * (_SHARPNESS / temperature)
    scores = weigh_confidence(confidences((_SHARPNESS * unseen).astype(np.float32), temperature), known)
    threshold = float(np.quantile(scores, 1 - in_scope_share, method="lower"))
    stored = weights.clip(-_LARGEST, _LARGEST).astype(np.float16).astype(np.float32)
    return TrainedHead(Head(stored), threshold, float((unseen.argmax(axis=1) == labels).mean()))


def _solve(rows: Doubles, targets: Doubles) -> tuple[Doubles, Doubles]:
    """The rows' shares in the weights, and each row's scores by a solution without it: (n, intents) both.

    By the penalty under which most of the latter are right; of equal ones, under which they are nearest to the
    targets. A constant feature stands beside the rows'.
    """
    vectors: Doubles
    values, vectors = np.linalg.eigh(rows @ rows.T + 1.0)
    turned, labels = vectors.T @ targets, targets.argmax(axis=1)
    best, found = (-1, 0.0), (targets, targets)
    for penalty in PENALTIES:
        shrunk = 1 / (values + penalty)
        duals = vectors @ (shrunk[:, None] * turned)
        left = duals / (vectors**2 @ shrunk)[:, None]  # of each row, by a solution without it
        unseen = targets - left
        quality = int((unseen.argmax(axis=1) == labels).sum()), -float((left**2).sum())
        if quality > best:
            best, found = quality, (duals, unseen)
    return found
