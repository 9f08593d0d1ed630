"""Say things to the bot and see what it predicts: a front end in a few lines.

PYTHONPATH=. python examples/talk.py --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0
"""

import argparse
import sys

from pipelines.io.chat_client import PredictionTimeoutError, connect_chat


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", default="127.0.0.1:9092", metavar="HOST:PORT")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0", metavar="URL")
    parser.add_argument("--room", default="example-room")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS")
    arguments = parser.parse_args()
    with connect_chat(arguments.kafka, arguments.redis) as chat:
        for line in sys.stdin:
            try:
                prediction = chat.predict(line.strip(), room_id=arguments.room, timeout_s=arguments.timeout)
            except PredictionTimeoutError as error:
                print(error, flush=True)
                continue
            versions = ", ".join(f"{name} {version}" for name, version in prediction.models.items() if version)
            print(f"{prediction.intent}  {prediction.confidence}  ({versions})", flush=True)


if __name__ == "__main__":
    main()
