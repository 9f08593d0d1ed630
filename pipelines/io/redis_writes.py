"""How a prediction changes in Redis: its keys, and the scripts by which predictions are written.

`malgil:prediction:{message_id}` holds a message's prediction as JSON, for `ttl_s`;
`malgil:text:{message_id}` the clean, masked text that was predicted, as long, where it is kept: a correction, which
names nothing but a message, is joined with both by look-ups, however many messages there are;
`malgil:room:{room_id}` is a Redis Stream of that room's predictions, trimmed and kept as long.
Redis runs a script as a whole, and saves its data between two scripts: no reader and no crash sees a prediction
without its text and its entry in the stream. Redis Cluster is out of scope: a message's keys lie in different slots.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import redis

from pipelines.errors import MalgilError

if TYPE_CHECKING:  # it brings PySpark, which a reader of predictions need not have
    from pipelines.io.redis_connection import RedisConfig

_FAILED = "Redis did not take the predictions"
_NONE = ""  # a key that a message has not
Answer = TypeVar("Answer")


class PredictionWrite(NamedTuple):
    """A prediction on its way to Redis."""

    message_id: str
    room_id: str | None
    prediction: str  # JSON
    text: str | None = None  # clean and masked, where it is kept


def prediction_key(message_id: str) -> str:
    return f"malgil:prediction:{message_id}"


def text_key(message_id: str) -> str:
    return f"malgil:text:{message_id}"


def room_key(room_id: str) -> str:
    return f"malgil:room:{room_id}"


def write_to_redis(
    client: redis.Redis, script: str, writes: Iterable[PredictionWrite], config: "RedisConfig"
) -> list[Any]:
    """The script's answers, one a prediction, in one round trip and one run of the script.

    Raises MalgilError when Redis does not answer or refuses one; those before it stay written.
    """
    keys: list[str] = []
    arguments: list[str | int] = [config.ttl_s, config.room_stream_length]
    for message_id, room_id, prediction, text in writes:
        keys += prediction_key(message_id), text_key(message_id) if text is not None else _NONE
        keys.append(room_key(room_id) if room_id is not None else _NONE)
        arguments += message_id, prediction, text or ""
    answers: list[Any] = ask(lambda: client.register_script(script)(keys, arguments))
    return answers


def ask(command: Callable[[], Answer]) -> Answer:
    """What Redis answers. Raises MalgilError as `write_to_redis` does."""
    try:
        return command()
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise MalgilError(f"{_FAILED}: {error}; run it again when it answers") from error
    except redis.ResponseError as error:
        advice = "see its memory (redis.embedded.max_memory for the embedded one), disk and rights"
        raise MalgilError(f"{_FAILED}: {error}; {advice}") from error


# One run for all: what a run costs, in Redis and in the client, is more than what a prediction does.
# `write` of each script has the keys of a prediction and gives the answer.
_WRITE_ALL = """
local kept = {}  -- rooms whose time has begun anew: once a run will do

local function set(key, text_key, room_key, message_id, prediction, text)
  redis.call('SET', key, prediction, 'EX', ARGV[1])
  if text_key ~= '' then redis.call('SET', text_key, text, 'EX', ARGV[1]) end
  if room_key ~= '' then
    redis.call('XADD', room_key, 'MAXLEN', '~', ARGV[2], '*', 'message_id', message_id, 'prediction', prediction)
    if not kept[room_key] then redis.call('EXPIRE', room_key, ARGV[1]) end
    kept[room_key] = true
  end
end

local function write_all(write)
  local answers = {}
  for at = 1, #KEYS, 3 do
    local key, text_key, room_key = KEYS[at], KEYS[at + 1], KEYS[at + 2]
    local message_id, prediction, text = ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
    table.insert(answers, write(key, text_key, room_key, message_id, prediction, text))
  end
  return answers
end
"""

# Of a message that is predicted anew: the newer one stays. Answers 1 where that is this one. Probabilities within
# 0.0001 are equal: the last digits of a float depend on the rows that a message was predicted with.
WRITE_NEWER = f"""{_WRITE_ALL}
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

return write_all(function(key, text_key, room_key, message_id, prediction, text)
  local stands = redis.call('GET', key)
  if stands then
    local stored, new = cjson.decode(stands), cjson.decode(prediction)
    if is_stale(new, stored) then return 0 end
    new.predicted_at = stored.predicted_at
    if is_same(new, stored) then return 0 end
  end
  set(key, text_key, room_key, message_id, prediction, text)
  return 1
end)
"""

# Of a message that may come again: the first one stays. Answers with that one, and with nothing where it is this one.
WRITE_FIRST = f"""{_WRITE_ALL}
return write_all(function(key, text_key, room_key, message_id, prediction, text)
  local stands = redis.call('GET', key)
  if not stands then set(key, text_key, room_key, message_id, prediction, text) end
  return stands
end)
"""
