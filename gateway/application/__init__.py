"""What a client can do, by whatever way they come: ask, wait for the outcome, look a SIRET up. Knows no HTTP."""
