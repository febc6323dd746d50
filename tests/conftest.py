"""Fixtures of the whole suite: real stores, and a house to run a server in."""

from tests.house import (
    clock,
    empty_registry,
    house,
    make_house,
    ports,
    register,
    registry,
    stores,
)
from tests.valkey import store, valkey_url

__all__ = [
    "clock",
    "empty_registry",
    "house",
    "make_house",
    "ports",
    "register",
    "registry",
    "store",
    "stores",
    "valkey_url",
]
