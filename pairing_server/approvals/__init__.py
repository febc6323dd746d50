"""Approving: what a workstation asks, what the phone signs, and what becomes of it."""
