"""Owns users and teams: who may do what on which structure."""
