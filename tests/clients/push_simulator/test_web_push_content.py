"""A browser reads what is for it, and drops all else."""

import secrets

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clients.push_simulator.web_push_content import BrowserKeys, UndecryptableError
from tests.push.test_aes128gcm import encrypted

KEYS = BrowserKeys(secrets.token_bytes(16))


def sealed(record, size=4096):
    """Encrypt a record as it stands, delimiter and padding included."""
    sender = BrowserKeys(KEYS.auth)
    salt = secrets.token_bytes(16)
    content_key, nonce = KEYS._keys(salt, sender.point)
    header = salt + size.to_bytes(4, "big") + b"\x41" + sender.point
    return header + AESGCM(content_key).encrypt(nonce, record, None)


@pytest.mark.parametrize(
    ("record", "content"),
    [(b"x\x02", b"x"), (b"\x02", b""), (b"x\x02\x00\x00", b"x"), (b"a\x02b\x02\x00", b"a\x02b")],
)
def test_the_content_ends_at_the_last_delimiter(record, content):
    assert KEYS.decrypt(sealed(record)) == content


@pytest.mark.parametrize("record", [b"", b"x", b"x\x01", b"x\x02\x01", b"\x00\x00"])
def test_a_record_that_is_not_the_last_is_dropped(record):
    with pytest.raises(UndecryptableError):
        KEYS.decrypt(sealed(record))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(20),
        bytes(100),
        encrypted(b"x"),
        sealed(b"x\x02")[:-1],
        sealed(b"x\x02", size=17),
        sealed(b"x\x02")[:21] + b"\x04" + bytes(64) + bytes(18),
    ],
)
def test_what_is_not_for_it_is_dropped(body):
    with pytest.raises(UndecryptableError):
        KEYS.decrypt(body)


def test_nothing_secret_is_shown():
    assert KEYS.auth.hex() not in repr(KEYS)
