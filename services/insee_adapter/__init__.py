"""Asks INSEE's register (Sirene) for the others: one quota, one cache, one queue that is fair between actors."""
