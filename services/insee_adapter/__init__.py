"""Looks SIRETs up in INSEE's register (Sirene) for all processes: one quota, one cache, one fair queue."""
