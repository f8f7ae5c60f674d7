"""The REST API: a route parses a call, runs one use case or one query, and returns its result."""
