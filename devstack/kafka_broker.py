"""Kafka: one process that is broker and controller (KRaft), keeping its topics over a restart.

It also listens with TLS and SASL, at `kafka.secure` in ports.json: user and password are `malgil`, and
kafka/certificate.pem is the CA. So what is set for a secured Kafka can be tried here.
"""

import base64
import hashlib
import logging
from pathlib import Path

from devstack.certificate import CERTIFICATE, KEY, write_certificate
from devstack.java import build_java_command, lock_path
from devstack.service import Daemon, Place, Service
from pipelines.io.jars import jar_folder

LOCK = "kafka"
PORTS = ("kafka.broker", "kafka.controller", "kafka.secure")
_ANSWER_MS = 2000
_LOG4J = """rootLogger.level = info
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1}: %m%n%ex
"""


def describe_kafka(place: Place) -> Service:
    """It answers when it names itself among the brokers."""
    return Service(
        name="kafka",
        address=place.address("kafka.broker"),
        daemons=(_broker(place),),
        write_configuration=lambda: _write_configuration(place),
        lock=LOCK,
    )


def _broker(place: Place) -> Daemon:
    settings = str(_settings_path(place))
    cluster = base64.urlsafe_b64encode(b"\0" + hashlib.sha256(settings.encode()).digest()[:15]).decode().rstrip("=")
    formatting = ("format", "--ignore-formatted", "--cluster-id", cluster, "--config", settings)
    return Daemon(
        name="kafka",
        command=_build_command(place, "kafka.Kafka", settings),
        first=_build_command(place, "kafka.tools.StorageTool", *formatting),
        ports=PORTS,
        is_ready=lambda: _is_ready(place),
    )


def _build_command(place: Place, main: str, *arguments: str) -> tuple[str, ...]:
    return build_java_command(
        main,
        *arguments,
        heap_mib=512,
        class_path=[jar_folder(lock_path(LOCK)) / "*"],
        scratch=place.scratch("kafka"),
        options=[f"-Dlog4j2.configurationFile={(place.home('kafka') / 'log4j2.properties').as_uri()}"],
    )


def _is_ready(place: Place) -> bool:
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # that nobody answers yet is no news
    try:
        client = KafkaAdminClient(
            bootstrap_servers=place.address("kafka.broker"),
            bootstrap_timeout_ms=_ANSWER_MS,
            request_timeout_ms=_ANSWER_MS,
        )
    except KafkaError:
        return False
    try:
        return bool(client.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        client.close()


def _settings_path(place: Place) -> Path:
    return place.home("kafka") / "server.properties"


def _write_configuration(place: Place) -> None:
    home = place.home("kafka")
    home.mkdir(parents=True, exist_ok=True)
    (home / "log4j2.properties").write_text(_LOG4J)
    write_certificate(home)
    settings = {**_settings(place), **_security_settings(place)}
    lines = (f"{name}={value}\n" for name, value in settings.items())
    _settings_path(place).write_text("".join(lines), encoding="utf8")


def _settings(place: Place) -> dict[str, object]:
    broker, controller, secure = (place.address(port) for port in PORTS)
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller},SECURE://{secure}",
        "advertised.listeners": f"PLAINTEXT://{broker},SECURE://{secure}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": place.home("kafka") / "data",
        "auto.create.topics.enable": "true",
        # one broker: one replica of everything, also of Kafka's own topics
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # two cores
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        # nobody else joins: elections and groups need not wait, and a killed broker is back in 5 s instead of 11
        "group.initial.rebalance.delay.ms": 0,
        "controller.quorum.election.timeout.ms": 200,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 2000,
    }


def _security_settings(place: Place) -> dict[str, object]:
    """Those of the secured listener."""
    listener = "listener.name.secure"
    certificate, key = (_on_one_line(place.home("kafka") / name) for name in (CERTIFICATE, KEY))
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return {
        f"{listener}.ssl.keystore.type": "PEM",
        f"{listener}.ssl.keystore.certificate.chain": certificate,
        f"{listener}.ssl.keystore.key": key,
        f"{listener}.sasl.enabled.mechanisms": "PLAIN",
        f"{listener}.plain.sasl.jaas.config": f'{module} required user_malgil="malgil";',
    }


def _on_one_line(file: Path) -> str:
    """As a properties file writes line breaks."""
    return file.read_text().replace("\n", "\\n")
