"""What CBOR a phone may send: the CTAP2 canonical form, checked before anything decodes it.

The decoder under `webauthn` acts on tags, before any signature is checked: one that compiles a
regular expression can be kept busy for many seconds by a stranger's few kilobytes.  CTAP2 knows
no tags, so nothing that has one gets that far.
"""

from typing import Any

import cbor2

#: CTAP 2.2 section 8: "maps and arrays nest at most four levels".
MAX_DEPTH = 4
#: WebAuthn Level 3 section 6.1: RP id hash, flags and sign count.
FIXED_BYTES = 37
#: Section 6.5.1: AAGUID and the length of the credential id.
ATTESTED_BYTES = 18
ATTESTED_CREDENTIAL_DATA = 0x40

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_FALSE_TRUE_NULL = (20, 21, 22)
_LENGTH_FOLLOWS = 24
_INDEFINITE = 28


def attestation_object(data: bytes) -> dict[str, Any]:
    """Decode an attestation object, once it and the CBOR within it were checked.

    Raises:
        ValueError: it is none, or holds what CTAP2 does not.
    """
    check(data)
    try:
        decoded = cbor2.loads(data, allow_duplicate_keys=False)
    except cbor2.CBORError as error:
        raise ValueError("no attestation object") from error
    if not isinstance(decoded, dict) or not {"fmt", "attStmt", "authData"} <= decoded.keys():
        raise ValueError("no attestation object")
    if not isinstance(decoded["authData"], bytes):
        raise TypeError("no authenticator data")
    check_authenticator_data(decoded["authData"])
    return decoded


def check_authenticator_data(data: bytes) -> None:
    """Check the CBOR behind the fixed part: the public key and the extensions.

    An authenticator writes them in the one canonical form, so that no two decoders can read them
    differently; of the statement around them, which clients write, that is not asked.

    Raises:
        ValueError: it ends early, or holds what CTAP2 does not.
    """
    if len(data) < FIXED_BYTES:
        raise ValueError("authenticator data end early")
    at = FIXED_BYTES
    if data[32] & ATTESTED_CREDENTIAL_DATA:
        at += ATTESTED_BYTES
        at += int.from_bytes(data[at - 2 : at])
    check(data[at:], canonical=True)


def check(data: bytes, *, canonical: bool = False) -> None:
    """Check items that follow one another (CTAP 2.2 section 8).

    Args:
        canonical: Whether numbers and lengths are the shortest, and keys sorted and different.

    Raises:
        ValueError: they end early, nest too deeply, or hold a tag, a float or an open end.
    """
    reader = _Reader(data, canonical=canonical)
    at = 0
    try:
        while at < len(data):
            at = reader.item(at, 0)
    except IndexError as error:
        raise ValueError("CBOR ends early") from error
    if at > len(data):
        raise ValueError("CBOR ends early")


class _Reader:
    def __init__(self, data: bytes, *, canonical: bool) -> None:
        self._data = data
        self._canonical = canonical

    def item(self, at: int, depth: int) -> int:
        """Check the item at a place and return the place behind it."""
        if depth > MAX_DEPTH:
            raise ValueError("CBOR nests too deeply")
        major, value = self._data[at] >> 5, self._data[at] & 31
        at += 1
        if major == _SIMPLE and value in _FALSE_TRUE_NULL:
            return at
        if major in (_TAG, _SIMPLE) or value >= _INDEFINITE:
            raise ValueError("CBOR that CTAP2 does not know")
        if value >= _LENGTH_FOLLOWS:
            at, value = self._number(at, 1 << (value - _LENGTH_FOLLOWS))
        if major in (_BYTES, _TEXT):
            return at + value
        # Each member takes a byte at least, so that a lie about their number ends with the data.
        if major == _ARRAY:
            for _ in range(value):
                at = self.item(at, depth + 1)
        if major == _MAP:
            at = self._members(at, value, depth + 1)
        return at

    def _number(self, at: int, size: int) -> tuple[int, int]:
        value = int.from_bytes(self._data[at : at + size])
        # What fits into the initial byte, or into half of these, is written so.
        shortest = _LENGTH_FOLLOWS if size == 1 else 1 << (4 * size)
        if self._canonical and value < shortest:
            raise ValueError("CBOR that is not canonical")
        return at + size, value

    def _members(self, at: int, number: int, depth: int) -> int:
        before: tuple[int, int, bytes] | None = None
        for _ in range(number):
            key_at, at = at, self.item(at, depth)
            # Lower major types first, then shorter keys, then lower bytes.
            key = self._data[key_at] >> 5, at - key_at, self._data[key_at:at]
            if self._canonical and before is not None and key <= before:
                raise ValueError("CBOR that is not canonical")
            before = key
            at = self.item(at, depth)
        return at
