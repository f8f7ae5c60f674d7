"""The questions asked of the read model, each answered with what its reader may see."""
