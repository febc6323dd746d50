"""How long a key lives."""

from datetime import timedelta

from pairing_server.keys.credential import CREDENTIAL_LIFETIME


def test_a_key_lives_as_long_as_a_card():
    assert timedelta(days=3 * 365) == CREDENTIAL_LIFETIME
