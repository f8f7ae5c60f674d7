"""One safe way to use Kafka: clients, consumers, producers, dead letters."""
