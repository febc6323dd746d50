"""Rules of what a call names beside its body: which act it is, what it changes, which page."""

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from admin.api.call_refusals import Changed, KeyNeeded, MatchNeeded
from admin.people_refusals import InvalidField
from pairing_server.openapi import Filter
from pairing_server.tokens import b64url, digest

#: As many as are listed at once, unless said; and at most.
LISTED, MOST = 50, 200
#: As many tags as `If-Match` may name.
MAX_TAGS = 10
#: Bytes of a tag: enough that no two states of one thing have the same.
_TAG_BYTES = 12

#: A token, or a string of structured fields (RFC 9651 section 3.3.3), without its quotes.
_KEY = re.compile(r'"(?P<quoted>[ !#-\[\]-~]{1,253})"|(?P<bare>[!#-~]{1,255})', re.ASCII)
_LIMIT = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_CURSOR = re.compile(r"[A-Za-z0-9_\-.]{1,200}", re.ASCII)


#: How every list is read part by part.
PAGING: Mapping[str, Filter] = {
    "cursor": Filter(
        "As the last page's `Link` has it.", {"type": "string", "pattern": f"^{_CURSOR.pattern}$"}
    ),
    "limit": Filter(
        "As many at once.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": LISTED},
    ),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """Which part of a list is asked for: behind what, and how many."""

    cursor: str
    limit: int


def read_key(values: Sequence[str]) -> str:
    """Return the digest of an `Idempotency-Key`; the key itself may tell of a person.

    Raises:
        KeyNeeded: there is none, more than one, or it cannot be kept.
    """
    found = _KEY.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        raise KeyNeeded
    return digest(found["quoted"] or found["bare"])


def fingerprint(method: str, path: str, body: Any) -> str:
    """Return what tells one act from another: where it was sent, and what was read of its body."""
    return digest("\n".join((method, path, msgspec.json.encode(body).decode())))


def read_match(values: Sequence[str]) -> frozenset[str]:
    """Return the tags that `If-Match` names (RFC 9110 section 13.1.1).

    Raises:
        MatchNeeded: it names none.
    """
    listed = ",".join(values).split(",", MAX_TAGS)
    tags = frozenset(each.strip() for each in listed if each.strip())
    if not tags:
        raise MatchNeeded
    return tags


def check_match(tags: frozenset[str], tag: str) -> None:
    """Make sure that something is what the caller read; a weak tag never says so.

    Raises:
        Changed: it is another one now.
    """
    if not tags & {tag, "*"}:
        raise Changed


def tag_of(key: bytes, *parts: Any) -> str:
    """Return the entity tag of something, by all that it is made of, told or not.

    Args:
        key: Of the server: who guesses what is not told learns by no tag whether it is so.
    """
    raw = msgspec.json.encode(parts)
    return f'"{b64url(hmac.digest(key, raw, "sha256")[:_TAG_BYTES])}"'


def read_listing(query: Mapping[str, str]) -> Listing:
    """Return which part of a list is asked for.

    Raises:
        InvalidField: there is no such part.
    """
    cursor, limit = query.get("cursor", ""), query.get("limit", str(LISTED))
    if cursor and not _CURSOR.fullmatch(cursor):
        raise InvalidField("Send a cursor as it was given, or none.", field="cursor")
    if not _LIMIT.fullmatch(limit) or int(limit) > MOST:
        raise InvalidField(f"Send a limit from 1 to {MOST}, or none.", field="limit")
    return Listing(cursor, int(limit))


def check_known(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse what no filter is called: a mistyped one would find everybody.

    Raises:
        InvalidField: something else stands in the query.
    """
    if set(query) - set(known):
        raise InvalidField(f"Filter by {', '.join(known)} alone.", field="query")
