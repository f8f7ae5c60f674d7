"""Tools for development that production never runs: local brokers, simulators, demo data, generated contracts."""
