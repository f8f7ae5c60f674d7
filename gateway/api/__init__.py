"""The REST API: what stands in a call is read, one use case or one query is asked, and its answer is shown."""
