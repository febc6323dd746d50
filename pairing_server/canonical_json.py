"""JSON in its one canonical form (RFC 8785), which is signed and hashed.

Strings, whole numbers and what holds them are written here, for a login has a hundred of them;
what is left, and all that has no such form, is the library's.
"""

from json.encoder import encode_basestring
from typing import Any

import rfc8785

#: What a number in JSON can say exactly (RFC 7493 section 2.2).
_LARGEST = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """Return the canonical JSON of a value, UTF-8.

    Raises:
        ValueError: it has none.
    """
    try:
        return _written(value).encode()
    except (AttributeError, TypeError, UnicodeError):
        # A name that is no string, or not Unicode: the library says so.
        return rfc8785.dumps(value)


def _written(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is dict:
        members = []
        for name in sorted(value, key=None if "".join(value).isascii() else _place):
            member = value[name]
            written = encode_basestring(member) if type(member) is str else _written(member)
            members.append(f"{encode_basestring(name)}:{written}")
        return f"{{{','.join(members)}}}"
    if kind is list:
        return f"[{','.join(map(_written, value))}]"
    if kind is int and -_LARGEST <= value <= _LARGEST:
        return str(value)
    return rfc8785.dumps(value).decode()


def _place(name: str) -> bytes:
    # RFC 8785 section 3.2.3: by UTF-16, which is not the order of code points.
    return name.encode("utf-16-be")
