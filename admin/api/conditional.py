"""What a call asks of the commit that does it: that it is done once, or to what was read."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from admin.api.call_refusals import KeyReused
from admin.api.conditions import check_match
from pairing_server.registry import Transaction, idempotency_keys
from pairing_server.registry.idempotency_keys import Kept

T = TypeVar("T")

#: How long an act is known by its key.
LIFETIME = timedelta(hours=24)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an act, the first time and again: identifiers, and of nobody anything."""

    status: int
    id: str | None = None
    location: str | None = None


class AnsweredBefore(Exception):  # noqa: N818  (no error: the act was done)
    """The act was done under this key; nothing is done now."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Once:
    """Does an act once for each key: who did it first has left word in the same commit.

    Of two that are sent at once the one that commits second finds the other's word, on whatever
    node: the key is unique in the registry, and the change that loses is undone.
    """

    def __init__(
        self,
        client_id: str,
        digest: str,
        fingerprint: str,
        told: Callable[..., Answer],
        now: datetime,
    ) -> None:
        """Build it.

        Args:
            told: Says what is answered, of what the change returned.
        """
        self._client_id = client_id
        self._digest = digest
        self._fingerprint = fingerprint
        self._told = told
        self._now = now

    def __call__(self, tx: Transaction, change: Callable[[Transaction], T], /) -> T:
        """Run the change, and keep what is answered.

        Raises:
            AnsweredBefore: it was done.
            KeyReused: something else was done under this key.
        """
        kept = idempotency_keys.get(tx, self._client_id, self._digest)
        if kept is not None and self._now - kept.kept_at < LIFETIME:
            if kept.fingerprint != self._fingerprint:
                raise KeyReused
            raise AnsweredBefore(msgspec.json.decode(kept.answer, type=Answer))
        value = change(tx)
        idempotency_keys.forget(tx, self._client_id, self._now - LIFETIME)
        answer = msgspec.json.encode(self._told(value)).decode()
        made = Kept(
            client_id=self._client_id,
            digest=self._digest,
            fingerprint=self._fingerprint,
            answer=answer,
            kept_at=self._now,
        )
        idempotency_keys.add(tx, made)
        return value


class Unchanged:
    """Does an act only to what the caller has read (RFC 9110 section 13.1.1)."""

    def __init__(self, tags: frozenset[str], read: Callable[[Transaction], str | None]) -> None:
        """Build it.

        Args:
            read: Locks what is changed, and returns its tag; `None` where it is not there, which
                the change itself refuses.
        """
        self._tags = tags
        self._read = read

    def __call__(self, tx: Transaction, change: Callable[[Transaction], T], /) -> T:
        """Run the change.

        Raises:
            Changed: it is another one now.
        """
        tag = self._read(tx)
        if tag is not None:
            check_match(self._tags, tag)
        return change(tx)
