"""Authentication: bearer tokens, and the keys that verify them."""
