"""What a process needs to run, whatever it does: settings, logs, metrics, health, the time, an HTTP server."""
