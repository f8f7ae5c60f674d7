"""What a developer's machine needs and production never runs: local brokers, simulators, demo data."""
