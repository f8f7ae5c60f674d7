"""Inputs that nobody thought of, at every door of a running system: `docs/faults.md`, « Fuzzing »."""
