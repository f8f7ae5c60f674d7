"""The life of a request, written once for every owner. `engine.py` reads as the steps of a batch."""
