"""One safe way to reach MongoDB."""
