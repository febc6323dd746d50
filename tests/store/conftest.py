"""The fixtures of the store's tests."""

from tests.valkey import store, valkey_url

__all__ = ["store", "valkey_url"]
