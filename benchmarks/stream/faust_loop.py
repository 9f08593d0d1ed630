"""The plain loop's work as an agent of Faust, which is none of our dependencies: a Python that has it runs this.

uv venv faust && uv pip install --python faust/bin/python faust-streaming
python -m benchmarks.stream --faust faust/bin/python
"""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import faust

from benchmarks.stream.plain_loop import LoopConfig, Pass

_WAIT_S = 0.01  # for more messages behind the first one


def main(config: LoopConfig) -> None:
    """Until it is ended."""
    predicting = Pass(config)
    app = faust.App(
        "faust-loop", broker=f"kafka://{config.servers}", store="memory://", web_enabled=False, topic_partitions=2,
        consumer_auto_offset_reset="earliest", broker_max_poll_records=config.max_records,
    )  # fmt: skip
    raw = {"key_serializer": "raw", "value_serializer": "raw", "key_type": bytes, "value_type": bytes}
    messages, predictions = (app.topic(name, **raw) for name in (config.messages, config.predictions))

    async def predict(stream: Any) -> AsyncIterator[None]:
        async for values in stream.take(config.max_records, within=_WAIT_S):
            for write in predicting.predict(values):
                key = write.room_id.encode() if write.room_id else None
                await predictions.send(key=key, value=write.prediction.encode())
            yield

    app.agent(messages, name="predict")(predict)
    faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main(LoopConfig(**json.loads(sys.argv[1])))
