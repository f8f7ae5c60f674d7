"""The steps of a batch, and what runs beside them: deferred requests, publishing, the sweeper."""
