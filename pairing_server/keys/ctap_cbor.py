"""What CBOR a phone may send: the CTAP2 canonical form, checked before anything decodes it.

The decoder under `webauthn` acts on tags, before any signature is checked: one that compiles a
regular expression can be kept busy for many seconds by a stranger's few kilobytes.  CTAP2 knows
no tags, so nothing that has one gets that far.
"""

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


def check_authenticator_data(data: bytes) -> None:
    """Check the CBOR behind the fixed part: the public key and the extensions.

    Raises:
        ValueError: it ends early, or holds what CTAP2 does not.
    """
    if len(data) < FIXED_BYTES:
        raise ValueError("authenticator data end early")
    at = FIXED_BYTES
    if data[32] & ATTESTED_CREDENTIAL_DATA:
        at += ATTESTED_BYTES
        at += int.from_bytes(data[at - 2 : at])
    check(data[at:])


def check(data: bytes) -> None:
    """Check items that follow one another (CTAP 2.2 section 8).

    Raises:
        ValueError: they end early, nest too deeply, or hold a tag, a float or an open end.
    """
    at = 0
    try:
        while at < len(data):
            at = _item(data, at, 0)
    except IndexError as error:
        raise ValueError("CBOR ends early") from error
    if at > len(data):
        raise ValueError("CBOR ends early")


def _item(data: bytes, at: int, depth: int) -> int:
    """Check the item at a place and return the place behind it."""
    if depth > MAX_DEPTH:
        raise ValueError("CBOR nests too deeply")
    major, value = data[at] >> 5, data[at] & 31
    at += 1
    if major == _SIMPLE and value in _FALSE_TRUE_NULL:
        return at
    if major in (_TAG, _SIMPLE) or value >= _INDEFINITE:
        raise ValueError("CBOR that CTAP2 does not know")
    if value >= _LENGTH_FOLLOWS:
        size = 1 << (value - _LENGTH_FOLLOWS)
        value = int.from_bytes(data[at : at + size])
        at += size
    if major in (_BYTES, _TEXT):
        return at + value
    if major in (_ARRAY, _MAP):
        # Each member takes a byte at least, so that a lie about their number ends with the data.
        for _ in range(value * (2 if major == _MAP else 1)):
            at = _item(data, at, depth + 1)
    return at
