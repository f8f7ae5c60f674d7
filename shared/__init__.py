"""What every process shares: the request engine, the messages, and one safe way to reach Kafka, MongoDB and callers."""
