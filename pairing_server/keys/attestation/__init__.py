"""Attestation: what a maker's signature says of where a new key lives."""
