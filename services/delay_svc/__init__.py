"""Forwards each delayed record to its target topic when it is due, and never before."""
