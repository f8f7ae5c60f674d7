"""A simulator of INSEE's Sirene API for development and tests: its protocol over HTTP, its quota, its faults."""
