"""What is sent to APNs of a wake-up: a block of headers, and a payload.

Source: Apple, "Sending notification requests to APNs" and "Generating a remote notification".
"""

import hashlib

import msgspec

from pairing_server.push import PushAddress, Wakeup, WakeupKind
from pairing_server.push.header_block import HTTPS, POST, literal
from pairing_server.push.line import line_of

#: A device token is hexadecimal, "of variable length".
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_LONGEST_TOKEN = 200


def is_device_token(address: str) -> bool:
    """Whether an address can be one at all; what cannot is not sent."""
    return 0 < len(address) <= _LONGEST_TOKEN and _HEXADECIMAL.issuperset(address)


def path_header(address: PushAddress) -> bytes:
    """Return the header that names the phone, which is the first of a block."""
    return literal(b":path", b"/3/device/" + address.address.encode("ascii"), is_secret=True)


def fixed_headers(authority: str, topic: str, token: str) -> bytes:
    """Return the headers that all wake-ups have, which follow."""
    return b"".join(
        (
            POST,
            HTTPS,
            literal(b":authority", authority.encode()),
            literal(b"authorization", b"bearer " + token.encode(), is_secret=True),
            literal(b"apns-topic", topic.encode()),
            literal(b"apns-push-type", b"alert"),
            literal(b"apns-priority", b"10"),
        )
    )


def varying_headers(address: PushAddress, wakeup: Wakeup) -> bytes:
    """Return the headers that differ from one wake-up to the next, which are the last."""
    expires_at = str(int(wakeup.expires_at.timestamp()))
    headers = literal(b"apns-id", message_id(address, wakeup).encode())
    headers += literal(b"apns-expiration", expires_at.encode())
    if wakeup.tag:
        headers += literal(b"apns-collapse-id", wakeup.tag.encode())
    return headers


def message_id(address: PushAddress, wakeup: Wakeup) -> str:
    """Return the UUID of a wake-up at a phone: the same one when it is sent again."""
    told = f"{wakeup.id} {wakeup.kind} {address.address}"
    digits = hashlib.sha256(told.encode()).hexdigest()
    # The form of version 4: random to whoever does not know the address.
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


def payload(wakeup: Wakeup) -> bytes:
    """Return the payload: a general line, and the id that the app asks with.

    No category: a notification without one has no buttons, so nothing is answered on a lock
    screen.  A withdrawn wake-up is a quiet line in the place of the earlier one, and wakes the
    app, if iOS lets it, to take that away as well: a background notification alone may come hours
    later or never.
    """
    aps: dict[str, object] = {"alert": {"body": line_of(wakeup)}}
    match wakeup.kind:
        case WakeupKind.REQUEST:
            aps |= {"sound": "default", "interruption-level": "time-sensitive"}
        case WakeupKind.NOTICE:
            aps |= {"sound": "default", "interruption-level": "active"}
        case WakeupKind.WITHDRAWN:
            aps |= {"content-available": 1, "interruption-level": "passive"}
    return msgspec.json.encode(
        {"aps": aps, "id": wakeup.id, "kind": wakeup.kind, "tag": wakeup.tag}
    )
