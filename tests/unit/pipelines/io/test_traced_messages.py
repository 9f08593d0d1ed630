"""Where a message came from, as far as that can be found."""

from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.traced_messages import find_record


def test_a_kafka_that_does_not_answer_leaves_the_rest_of_a_trace_alone() -> None:
    value = {"message_id": "m1", "sent_at": None, "predicted_at": "2026-05-01T00:00:00.000000Z"}
    assert find_record(KafkaConfig(bootstrap_servers="127.0.0.1:1", timeout_s=0.5), value) is None
