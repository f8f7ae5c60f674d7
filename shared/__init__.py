"""What all processes share: the request engine, the messages, and one safe way to use Kafka, MongoDB and HTTP."""
