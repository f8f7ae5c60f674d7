"""The queries on the read model; each returns only what its reader may see."""
