"""Read chat.predictions with kafka-python alone, each prediction once: a service that reacts to intents.

python examples/consume_predictions.py --kafka 127.0.0.1:9092 --group my-service

After a crash of predict_stream the topic may hold a prediction twice, the same one under the same message_id: a
consumer that must act once keeps the ids that it has seen, as this one does, as long as a replay can come.
"""

import argparse
import json
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer

REMEMBERED = 100_000  # message ids: more than predict_stream reads in one micro-batch


def read_predictions(
    kafka: str, group: str, *, topic: str = "chat.predictions", idle_s: float = float("inf")
) -> Iterator[dict[str, Any]]:
    """Predictions from where the group stands, each once; ends after `idle_s` without one."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka.split(","),
        group_id=group,
        auto_offset_reset="earliest",
        consumer_timeout_ms=idle_s * 1000,
    )
    seen: OrderedDict[str, None] = OrderedDict()
    try:
        for record in consumer:
            prediction: dict[str, Any] = json.loads(record.value)
            if prediction["message_id"] not in seen:
                yield prediction
                _remember(seen, prediction["message_id"])
    finally:
        consumer.close()


def _remember(seen: "OrderedDict[str, None]", message_id: str) -> None:
    seen[message_id] = None
    if len(seen) > REMEMBERED:
        seen.popitem(last=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", default="127.0.0.1:9092", metavar="HOST:PORT")
    parser.add_argument("--group", default="example")
    arguments = parser.parse_args()
    for prediction in read_predictions(arguments.kafka, arguments.group):
        print(prediction["room_id"], prediction["intent"], prediction["confidence"], sep="\t", flush=True)


if __name__ == "__main__":
    main()
