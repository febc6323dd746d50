"""Pairing: a QR code that binds a phone's key to a person who was proven before."""
