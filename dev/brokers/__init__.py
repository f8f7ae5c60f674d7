"""A real Kafka and a real MongoDB on this machine, without Docker.

with LocalBrokers.open(folder, Ports.free()) as brokers:
    brokers.kafka_bootstrap, brokers.kafka_admin, brokers.service_mongo_uri("structure_svc")
"""

from dev.brokers.errors import BrokerError, BrokerFailed, MissingTools, PortBusy
from dev.brokers.local import LocalBrokers
from dev.brokers.stack import Brokers, Ports

__all__ = ["BrokerError", "BrokerFailed", "Brokers", "LocalBrokers", "MissingTools", "PortBusy", "Ports"]
