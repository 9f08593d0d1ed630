"""The console's settings, and who may reach it: without a token nobody but this machine."""

import ipaddress
from dataclasses import dataclass

from pipelines.errors import MalgilError


@dataclass(frozen=True)
class ConsoleConfig:
    """How the console is served."""

    host: str = "127.0.0.1"  # the address that it listens on; one that other machines reach needs a token
    port: int = 8090  # 0: any that is free
    token_env: str = "MALGIL_CONSOLE_TOKEN"  # the environment variable with the token that people sign in with
    answer_s: float = 10.0  # after which the chat page says that no prediction came
    timeout_s: float = 5.0  # for an answer of Kafka, Redis, YARN or the stream's metrics
    resource_manager: str = ""  # http://host:port of YARN's ResourceManager; empty: that of HADOOP_CONF_DIR


def check_address(config: ConsoleConfig, token: str | None) -> None:
    """Raises MalgilError where other machines would reach a console that asks for no token."""
    if token or is_loopback(config.host):
        return
    raise MalgilError(
        f"console.host: expected 127.0.0.1, ::1 or localhost, as {config.token_env} holds no token, found "
        f"{config.host!r}; export a token in {config.token_env} (openssl rand -hex 32), or listen on loopback"
    )


def is_loopback(host: str) -> bool:
    """Whether the name or address, perhaps in brackets, is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # another name, which anybody may point here
        return False
