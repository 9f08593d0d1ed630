"""How a prediction changes in Redis: its keys, and the scripts by which it is written.

`malgil:prediction:{message_id}` holds a message's prediction as JSON, for `ttl_s`;
`malgil:room:{room_id}` is a Redis Stream of that room's predictions, trimmed and kept as long.
Redis runs a script as a whole, and saves its data between two scripts: no reader and no crash sees the key without
its entry in the stream. Redis Cluster is out of scope: a message's two keys lie in different slots.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import redis

from pipelines.errors import MalgilError

if TYPE_CHECKING:  # it brings PySpark, which a reader of predictions need not have
    from redis.client import Pipeline

    from pipelines.io.redis_connection import RedisConfig

_FAILED = "Redis did not take the predictions"


class PredictionWrite(NamedTuple):
    """A prediction on its way to Redis."""

    message_id: str
    room_id: str | None
    prediction: str  # JSON


def prediction_key(message_id: str) -> str:
    return f"malgil:prediction:{message_id}"


def room_key(room_id: str) -> str:
    return f"malgil:room:{room_id}"


def write_to_redis(
    client: redis.Redis, script: str, writes: Iterable[PredictionWrite], config: "RedisConfig"
) -> list[Any]:
    """The script's answers, one a prediction, in one round trip.

    Raises MalgilError when Redis does not answer or refuses one; those before it stay written.
    """
    pipeline = client.pipeline(transaction=False)
    write = client.register_script(script)
    for message_id, room_id, prediction in writes:
        keys = [prediction_key(message_id)] + ([room_key(room_id)] if room_id is not None else [])
        write(keys, [prediction, config.ttl_s, config.room_stream_length, message_id], client=pipeline)
    return execute(pipeline)


def execute(pipeline: "Pipeline") -> list[Any]:
    """The answers of a pipeline's commands. Raises MalgilError as `write_to_redis` does."""
    try:
        answers: list[Any] = pipeline.execute(raise_on_error=False)  # raised by redis-py, an error would quote the rows
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise MalgilError(f"{_FAILED}: {error}; run it again when it answers") from error
    for answer in answers:
        if isinstance(answer, Exception):
            advice = "see its memory (redis.embedded.max_memory for the embedded one), disk and rights"
            raise MalgilError(f"{_FAILED}: {answer}; {advice}")
    return answers


_SET = """
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
if KEYS[2] then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'message_id', ARGV[4], 'prediction', ARGV[1])
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
"""

# Of a message that is predicted anew: the newer one stays. Answers 1 where that is this one. Probabilities within
# 0.0001 are equal: the last digits of a float depend on the rows that a message was predicted with.
WRITE_NEWER = f"""
local function is_same(a, b)
  if type(a) == 'number' and type(b) == 'number' then return math.abs(a - b) < 1e-4 end
  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
  for key in pairs(b) do if a[key] == nil then return false end end
  for key, value in pairs(a) do if not is_same(value, b[key]) then return false end end
  return true
end

local function is_stale(new, stored)
  for name, version in pairs(stored.models) do
    local ours, theirs = tonumber(new.models[name]), tonumber(version)
    if ours and theirs and ours < theirs then return true end
  end
  return new.predicted_at < stored.predicted_at
end

local text = redis.call('GET', KEYS[1])
if text then
  local stored, new = cjson.decode(text), cjson.decode(ARGV[1])
  if is_stale(new, stored) then return 0 end
  new.predicted_at = stored.predicted_at
  if is_same(new, stored) then return 0 end
end
{_SET}
return 1
"""

# Of a message that may come again: the first one stays. Answers with that one, and with nothing where it is this one.
WRITE_FIRST = f"""
local stands = redis.call('GET', KEYS[1])
if stands then return stands end
{_SET}
return false
"""
