"""Owns structures: what they are, what is asked of them, and when it takes effect."""
