"""Fingerprints: models of targets that predict every bit of their results, recovered by asking, held to fresh data."""
