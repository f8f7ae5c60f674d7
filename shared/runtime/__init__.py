"""What every process needs to run: settings, logs, metrics, tracing, health, an HTTP server."""
