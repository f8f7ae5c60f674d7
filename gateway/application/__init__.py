"""The use cases, for any adapter: submit a request, wait for its outcome, look a SIRET up. Knows no HTTP."""
