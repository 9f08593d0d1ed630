"""Messages on their way: at an even rate, as people would send them."""

import json
import time
from collections.abc import Sequence
from datetime import datetime, timezone

from kafka import KafkaProducer

ROOMS = 50


def write_message(number: int, text: str, *, rooms: int = ROOMS) -> tuple[bytes, bytes]:
    """Key and value of a record of the messages topic."""
    room = f"room-{number % rooms}"
    message = {
        "message_id": f"m{number}",
        "room_id": room,
        "bot_id": "shop",
        "speaker": "customer",
        "sent_at": datetime.now(timezone.utc).isoformat(),
        "text": text,
    }
    return room.encode(), json.dumps(message, ensure_ascii=False).encode()


def talk(servers: str, topic: str, texts: Sequence[str], *, per_s: float, seconds: float, first: int = 0) -> int:
    """Send messages at this rate for so long, each at its time; returns how many."""
    producer = KafkaProducer(bootstrap_servers=servers)
    count, started = int(per_s * seconds), time.monotonic()
    for number in range(first, first + count):
        time.sleep(max(0.0, started + (number - first) / per_s - time.monotonic()))
        key, value = write_message(number, texts[number % len(texts)])
        producer.send(topic, key=key, value=value)
    producer.flush(timeout=30)
    producer.close()
    return count
