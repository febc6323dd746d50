"""Encryption for a browser: the vector of RFC 8291, and another implementation that reads it."""

import json
import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from clients.push_simulator.web_push_content import BrowserKeys, UndecryptableError
from pairing_server.push.aes128gcm import encrypt
from pairing_server.push.subscription import read_subscription
from pairing_server.tokens import b64url, b64url_decode

VECTOR = json.loads(Path("tests/vectors/webpush_encryption.json").read_text())
CURVE = ec.SECP256R1()
KEYS = BrowserKeys(secrets.token_bytes(16))


def private(text):
    return ec.derive_private_key(int.from_bytes(b64url_decode(text), "big"), CURVE)


def subscription(p256dh, auth):
    keys = {"p256dh": p256dh, "auth": auth}
    return read_subscription(json.dumps({"endpoint": "https://push.test/x", "keys": keys}))


def of(keys):
    return subscription(b64url(keys.point), b64url(keys.auth))


def encrypted(content, keys=KEYS, **options):
    key, salt = ec.generate_private_key(CURVE), secrets.token_bytes(16)
    return encrypt(content, of(keys), key, salt, **options)


def test_the_vector_of_the_standard():
    to = subscription(VECTOR["receiver_public"], VECTOR["auth"])
    sender, salt = private(VECTOR["sender_private"]), b64url_decode(VECTOR["salt"])

    body = encrypt(VECTOR["plaintext"].encode(), to, sender, salt)

    assert b64url(body) == VECTOR["body"]


def test_the_browser_of_the_simulator_reads_the_vector_too():
    keys = BrowserKeys(b64url_decode(VECTOR["auth"]), private(VECTOR["receiver_private"]))

    assert keys.decrypt(b64url_decode(VECTOR["body"])).decode() == VECTOR["plaintext"]


@given(st.binary(max_size=3993), st.integers(0, 300))
def test_what_is_encrypted_is_read_by_who_it_is_for(content, length):
    body = encrypted(content, length=min(length, 3993))

    assert KEYS.decrypt(body) == content
    assert len(body) == 86 + max(len(content), min(length, 3993)) + 17
    with pytest.raises(UndecryptableError):
        BrowserKeys(KEYS.auth).decrypt(body)
    with pytest.raises(UndecryptableError):
        BrowserKeys(secrets.token_bytes(16), KEYS.key).decrypt(body)


def test_all_that_is_padded_is_as_long():
    assert len({len(encrypted(b"x" * size, length=128)) for size in range(129)}) == 1


def test_more_than_one_record_is_refused():
    assert len(encrypted(b"x" * 4079)) == 86 + 4096
    with pytest.raises(ValueError, match="longer than one record"):
        encrypted(b"x" * 4080)


def test_no_byte_of_it_can_be_changed():
    body = encrypted(b"x")
    for place in (0, 16, 21, 22, 60, 86, len(body) - 1):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        if place == 16:  # The record size, which may be any that is large enough.
            continue
        with pytest.raises(UndecryptableError):
            KEYS.decrypt(changed)


def test_two_messages_have_nothing_in_common():
    first, second = encrypted(b"x"), encrypted(b"x")
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]
    assert first[86:] != second[86:]
