"""The messages: one module per owner, and what all owners have in common."""
