"""Where documents, requests and copies are kept: what the engine asks of storage, on MongoDB and in memory."""
