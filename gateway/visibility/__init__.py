"""Visibility: who may see and do what (rules R1, R2, R23). Pure."""
