"""Rate limits of each caller over all replicas: `rates` and `leases` are arithmetic, `store` keeps the permits."""
