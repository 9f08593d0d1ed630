"""What Spark's connector and kafka-python are told of TLS and SASL, and that secrets come from the environment."""

import pytest

from pipelines.errors import MalgilError
from pipelines.io.kafka_security import KafkaSecurityConfig, Protocol, client_security, spark_security

SECURED = KafkaSecurityConfig(Protocol.SASL_SSL, "SCRAM-SHA-256")


@pytest.fixture
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALGIL_KAFKA_USER", "maru")
    monkeypatch.setenv("MALGIL_KAFKA_PASSWORD", 'a"b\\c')
    monkeypatch.setenv("MALGIL_KAFKA_CA_FILE", "ca.pem")


@pytest.mark.usefixtures("_environment")
def test_tls_and_sasl_are_spelled_for_both() -> None:
    assert spark_security(SECURED) == {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.location": "ca.pem",
        "kafka.sasl.mechanism": "SCRAM-SHA-256",
        "kafka.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        r'username="maru" password="a\"b\\c";',
    }
    assert client_security(SECURED) == {
        "security_protocol": "SASL_SSL",
        "ssl_cafile": "ca.pem",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "maru",
        "sasl_plain_password": 'a"b\\c',
    }


@pytest.mark.usefixtures("_environment")
def test_without_tls_and_sasl_nothing_of_them_is_told() -> None:
    assert spark_security(KafkaSecurityConfig()) == {"kafka.security.protocol": "PLAINTEXT"}
    assert client_security(KafkaSecurityConfig(Protocol.SSL)) == {"security_protocol": "SSL", "ssl_cafile": "ca.pem"}


def test_a_secret_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALGIL_KAFKA_USER", "maru")
    monkeypatch.delenv("MALGIL_KAFKA_PASSWORD", raising=False)
    with pytest.raises(MalgilError, match="expected the environment variable MALGIL_KAFKA_PASSWORD, which Kafka's"):
        spark_security(SECURED)


def test_a_mechanism_that_is_not_known_is_named() -> None:
    with pytest.raises(MalgilError, match="expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, received 'MD5'"):
        client_security(KafkaSecurityConfig(Protocol.SASL_PLAINTEXT, "MD5"))
