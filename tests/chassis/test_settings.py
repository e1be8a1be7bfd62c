"""A process that would believe anyone on the network does not start, and no setting's value is shown."""

import pytest

from chassis.settings import KafkaSettings, load
from kit.environment import environment
from tests.apache_kafka.certificates import Authority

PASSWORD = {"kafka_username": "myili_payments", "kafka_password": "hunter2"}


@pytest.mark.parametrize("kafka", ["127.0.0.1:9092", "localhost:9092,127.0.0.1:9093", "[::1]:9092"])
def test_a_broker_of_this_machine_needs_no_authentication(kafka: str) -> None:
    with environment(kafka=kafka):
        assert load(KafkaSettings).kafka_client == {"bootstrap_servers": kafka}


@pytest.mark.parametrize(
    "kafka",
    [
        "kafka:9092",
        "10.0.0.7:9092",
        "127.0.0.1:9092,kafka:9092",
        "127.0.0.1.example.org:9092",
        "localhost.example.org:9092",
        "127.0.0.1@kafka:9092",
        "[::1]kafka:9092",
        "0.0.0.0:9092",
        "127.0.0.1:9092,",
        "localhost",
    ],
)
def test_a_broker_elsewhere_without_authentication_is_refused(kafka: str, capsys: pytest.CaptureFixture[str]) -> None:
    with environment(kafka=kafka), pytest.raises(SystemExit) as end:
        load(KafkaSettings)
    sentence = capsys.readouterr().err
    assert end.value.code == 2
    assert "MYILI_KAFKA: " in sentence
    assert "MYILI_KAFKA_USERNAME" in sentence


def test_a_setting_that_says_so_aloud_lets_it_be() -> None:
    with environment(kafka="kafka:9092", kafka_insecure="true"):
        assert load(KafkaSettings).kafka_client == {"bootstrap_servers": "kafka:9092"}


def test_with_a_password_every_connection_is_encrypted_and_the_broker_verified() -> None:
    with environment(kafka="127.0.0.1:9092", kafka_ca=Authority.new().pem, **PASSWORD):
        client = dict(load(KafkaSettings).kafka_client)
    context = client.pop("ssl_context")
    assert (context.check_hostname, context.verify_mode.name, len(context.get_ca_certs())) == (True, "CERT_REQUIRED", 1)
    assert client == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "myili_payments",
        "sasl_plain_password": "hunter2",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"kafka_username": "myili_payments"},
        {"kafka_password": "hunter2"},
        {"kafka_ca": Authority.new().pem},
        {**PASSWORD, "kafka_ca": "hunter2"},
        {**PASSWORD, "kafka_ca": "证书"},
        {**PASSWORD, "kafka_ca": Authority.new().pem.replace("M", "N")},
    ],
)
def test_half_an_authentication_is_refused(settings: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with environment(kafka="127.0.0.1:9092", **settings), pytest.raises(SystemExit):
        load(KafkaSettings)
    assert "hunter2" not in capsys.readouterr().err
