"""The gateway's read model: built from `*.state` and `*.journal`, shared by its replicas, and always rebuildable."""
