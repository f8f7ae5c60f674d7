"""Deciding: the table of rules, documents, transitions. Pure: no driver, no clock, no `await`."""
