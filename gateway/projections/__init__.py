"""Projections: from records of the topics to the read model."""
