"""Brings each message of the delay topics to its target topic when it is due, and never before."""
