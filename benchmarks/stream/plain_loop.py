"""The plain alternative: one process with a kafka-python consumer, our transforms and model, Redis, and a producer.

    python -m benchmarks.stream.plain_loop '{"servers": …}'

At least once, as predict_stream: offsets are committed when predictions are in Redis and in Kafka. It has no dead
letters by schema, no new models, no other node to go on when this one is lost, and grows by starting more of them.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import redis
from kafka import KafkaConsumer, KafkaProducer

from pipelines.io.model_files import ModelFiles, load_model
from pipelines.io.redis_connection import RedisConfig
from pipelines.io.redis_writes import WRITE_FIRST, PredictionWrite, write_to_redis
from pipelines.live_models import LiveModel, LiveModels
from pipelines.live_prediction import predict_messages
from pipelines.prediction import PredictionConfig, create_predictor
from udfs.screening import ScreeningConfig


@dataclass(frozen=True)
class LoopConfig:
    """What a loop reads, with which model, and where it writes."""

    servers: str
    messages: str
    predictions: str
    redis_url: str
    model: str  # the folder with its files
    max_records: int = 4096

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Pass:
    """Our transforms, model and Redis in this process, on one core as a Spark task of one core has it."""

    def __init__(self, config: LoopConfig) -> None:
        self._models, self._client = LiveModels(_load(config)), redis.Redis.from_url(config.redis_url)
        self._redis = RedisConfig(url=config.redis_url)

    def predict(self, values: Sequence[bytes]) -> list[PredictionWrite]:
        """The predictions of JSON messages; they stand in Redis then."""
        rows = [_read(value) for value in values]
        outcomes = predict_messages(rows, self._models, screening=ScreeningConfig())
        writes = [PredictionWrite(p.message_id, p.room_id, p.value) for p in outcomes.predictions]
        for start in range(0, len(writes), self._redis.batch_rows):
            write_to_redis(self._client, WRITE_FIRST, writes[start : start + self._redis.batch_rows], self._redis)
        return writes


def main(config: LoopConfig) -> None:
    """Until it is ended."""
    predicting = Pass(config)
    consumer = KafkaConsumer(
        config.messages, bootstrap_servers=config.servers, group_id="plain-loop", enable_auto_commit=False,
        auto_offset_reset="earliest", max_poll_records=config.max_records,
    )  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=config.servers)
    while True:
        for records in consumer.poll(timeout_ms=1000).values():
            for write in predicting.predict([record.value for record in records]):
                key = write.room_id.encode() if write.room_id else None
                producer.send(config.predictions, key=key, value=write.prediction.encode())
            producer.flush()
            consumer.commit()


def _load(config: LoopConfig) -> LiveModel:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = load_model(ModelFiles(config.model, "malgil-intent", "1"))
    return LiveModel(create_predictor(loaded, PredictionConfig()), "malgil-intent", "1")


def _read(value: bytes) -> Mapping[str, Any]:
    """A record as a row of live_messages.LIVE_MESSAGE; it trusts that the record is one."""
    message = json.loads(value)
    sent_at = datetime.fromisoformat(message["sent_at"])
    return {
        "partition": 0, "offset": 0, "sha256": hashlib.sha256(value).hexdigest(),
        "message_id": message["message_id"], "room_id": message["room_id"], "bot_id": message["bot_id"],
        "speaker": message["speaker"], "sent_at": sent_at.isoformat(), "sent_us": int(sent_at.timestamp() * 1e6),
        "text": message["text"], "known_reason": None, "is_screened": True, "is_predicted": True,
    }  # fmt: skip


if __name__ == "__main__":
    main(LoopConfig(**json.loads(sys.argv[1])))
