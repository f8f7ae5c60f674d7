"""How Kafka is reached."""

from pydantic import SecretStr

from shared.kafka.clients import build_broker
from shared.runtime.settings import KafkaSettings


def test_each_of_several_brokers_is_one_to_start_from() -> None:
    settings = KafkaSettings(bootstrap="a:9092,b:9092", user="u", password=SecretStr("p"))
    assert build_broker(settings).specification.url == ["a:9092", "b:9092"]
