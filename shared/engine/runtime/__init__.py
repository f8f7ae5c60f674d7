"""The steps of a batch, and what a process does beside them: deferred requests, the sweeper, publishing."""
