"""ZORG-ID's own session interface, for care information systems (XIS) that speak it."""
