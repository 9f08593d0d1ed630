"""How one proves to Kafka who one is, and Kafka to us: TLS and SASL, as Spark's connector and kafka-python spell them.

Secrets come from the environment. A driver in a cluster gets these variables from the submitting shell.
"""

import os
from dataclasses import dataclass
from enum import Enum

from pipelines.errors import MalgilError


class Protocol(Enum):
    """What a listener of the brokers speaks."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


_LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


@dataclass(frozen=True)
class KafkaSecurityConfig:
    """TLS and SASL of the connections to Kafka."""

    protocol: Protocol = Protocol.PLAINTEXT  # PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
    sasl_mechanism: str = "SCRAM-SHA-512"  # PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; not used without SASL
    user_env: str = "MALGIL_KAFKA_USER"  # the environment variable with the user's name, for SASL
    password_env: str = "MALGIL_KAFKA_PASSWORD"  # with the password
    ca_file_env: str = "MALGIL_KAFKA_CA_FILE"  # with the path of a CA's PEM file on every node; empty: Java's own CAs


def spark_security(config: KafkaSecurityConfig) -> dict[str, str]:
    """Options of Spark's Kafka source and sink. Raises MalgilError where the environment lacks a secret."""
    options = {"kafka.security.protocol": config.protocol.value}
    if _has_tls(config) and (ca_file := os.environ.get(config.ca_file_env)):
        options |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": ca_file}
    if _has_sasl(config):
        user, password = (_quote(secret) for secret in _read_secrets(config))
        module = _LOGIN_MODULES[config.sasl_mechanism]
        options |= {
            "kafka.sasl.mechanism": config.sasl_mechanism,
            "kafka.sasl.jaas.config": f"{module} required username={user} password={password};",
        }
    return options


def client_security(config: KafkaSecurityConfig) -> dict[str, str]:
    """Arguments of kafka-python's clients. Raises MalgilError where the environment lacks a secret."""
    options = {"security_protocol": config.protocol.value}
    if _has_tls(config) and (ca_file := os.environ.get(config.ca_file_env)):
        options["ssl_cafile"] = ca_file
    if _has_sasl(config):
        user, password = _read_secrets(config)
        names = ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
        options |= dict(zip(names, (config.sasl_mechanism, user, password), strict=True))
    return options


def _has_tls(config: KafkaSecurityConfig) -> bool:
    return config.protocol in (Protocol.SSL, Protocol.SASL_SSL)


def _has_sasl(config: KafkaSecurityConfig) -> bool:
    return config.protocol in (Protocol.SASL_PLAINTEXT, Protocol.SASL_SSL)


def _read_secrets(config: KafkaSecurityConfig) -> tuple[str, str]:
    """The user's name and password."""
    if config.sasl_mechanism not in _LOGIN_MODULES:
        raise MalgilError(
            f"kafka.security.sasl_mechanism: expected one of {', '.join(_LOGIN_MODULES)}, "
            f"received {config.sasl_mechanism!r}"
        )
    if missing := [name for name in (config.user_env, config.password_env) if not os.environ.get(name)]:
        raise MalgilError(
            f"kafka.security: expected the environment variable {' and '.join(missing)}, which Kafka's "
            f"{config.sasl_mechanism} needs; set it in the submitting shell"
        )
    return os.environ[config.user_env], os.environ[config.password_env]


def _quote(secret: str) -> str:
    """As a JAAS line quotes it."""
    escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
