"""One safe way to reach Kafka: clients, consumers, producers, and what is done with what nobody can handle."""
