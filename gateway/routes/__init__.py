"""The routes, one file a resource. Each translates, and decides nothing."""
