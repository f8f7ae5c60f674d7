"""The life of a request, written once for every owner. `engine.py` has the steps of a batch in order."""
