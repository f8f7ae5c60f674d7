"""Owns structures: their state, their requests, and when these take effect."""
