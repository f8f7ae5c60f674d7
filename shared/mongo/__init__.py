"""One safe way to use MongoDB."""
