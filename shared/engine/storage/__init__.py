"""Storage of documents, request records and copies: the protocol, on MongoDB and in memory."""
