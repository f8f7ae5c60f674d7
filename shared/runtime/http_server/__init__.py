"""The HTTP server of every process: uvicorn, with limits on each client's data, connections and time."""
