"""Who asks: tokens, and the keys that prove them."""
