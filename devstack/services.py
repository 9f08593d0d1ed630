"""The services of a stack by name."""

from collections.abc import Callable, Sequence

from devstack import hdfs, kafka_broker, mlflow_server, redis_server, yarn
from devstack.service import Place, Service

SERVICES: dict[str, Callable[[Place], Service]] = {
    "redis": redis_server.describe_redis,
    "kafka": kafka_broker.describe_kafka,
    "hdfs": hdfs.describe_hdfs,
    "yarn": yarn.describe_yarn,
    "mlflow": mlflow_server.describe_mlflow,
}
_NEEDS = {"yarn": ("hdfs",)}  # for applications' files and logs


def all_ports() -> tuple[str, ...]:
    """The names of every service's ports: a stack chooses them all at once."""
    modules = (redis_server, kafka_broker, hdfs, yarn, mlflow_server)
    return tuple(port for module in modules for port in module.PORTS)


def with_needs(names: Sequence[str]) -> list[str]:
    """The services and those they need, each once; all of them where none is named."""
    wanted = set(names or SERVICES)
    wanted |= {needed for name in wanted for needed in _NEEDS.get(name, ())}
    return [name for name in SERVICES if name in wanted]
