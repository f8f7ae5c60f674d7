"""Where records come in: reading them, handling a batch of each topic, and running an owner."""
