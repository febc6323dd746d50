"""Fixtures of the whole suite: real stores, and a house to run a server in."""

import os

from hypothesis import settings

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

# Two cores that others share too: how long an example takes says nothing of it.  In CI the same
# examples each time; at a desk, new ones.
settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("here")
