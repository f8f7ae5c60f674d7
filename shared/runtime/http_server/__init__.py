"""The HTTP server of every process: uvicorn, with limits on what a client may send, hold and leave unread."""
