"""The entry point for HTTP clients: a REST API on a read model of its own. It has no rule of the domain."""
