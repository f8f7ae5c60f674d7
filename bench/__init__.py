"""Benchmarks: each is a command that writes a JSON record and a plot."""
