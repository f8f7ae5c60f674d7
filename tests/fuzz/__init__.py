"""Inputs that nobody thought of, at every entry point of a running system: `docs/faults.md`, « Fuzzing »."""
