"""What was decided on an auth request and that it was redeemed: each once, for ever."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.tables import auth_answer, redemption

_CARD = "card"


class Decision(StrEnum):
    """What the person said."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The decision on an auth request.

    Attributes:
        answer_digest: By which the same answer, sent again, is recognised.
        role_code: In which role the person said yes.
        facts_digest: Of the request that they said yes to, so that it is redeemed as no other.
    """

    auth_request: str
    decision: Decision
    answer_digest: str
    credential_id: str
    answered_at: datetime
    role_code: str = ""
    facts_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """That an approved auth request was exchanged for the assertion `jti`."""

    auth_request: str
    client_id: str
    credential_id: str
    jti: str
    redeemed_at: datetime


_insert_answer = sa.insert(auth_answer)
_select_answer = sa.select(auth_answer).where(
    auth_answer.c.auth_request == sa.bindparam("auth_request")
)
_insert_redemption = sa.insert(redemption)
_select_redemption = sa.select(redemption).where(
    redemption.c.auth_request == sa.bindparam("auth_request")
)
_select_redemption_of = sa.select(redemption).where(redemption.c.jti == sa.bindparam("jti"))


def card_key(person_id: str, serial_number: str) -> str:
    """Return by what name an answer has the card that gave it: whose it was, and which."""
    return f"{_CARD}:{person_id}:{serial_number}"


def is_of_card(key: str) -> bool:
    """Whether a card gave the answer with this key; the ids of phones' keys have no colon."""
    return key.startswith(f"{_CARD}:")


def is_of_card_of(key: str, person_id: str) -> bool:
    """Whether a card of this person gave it."""
    return key.startswith(card_key(person_id, ""))


def get_answer(tx: Query, auth_request: str) -> Answer | None:
    """Return the decision on an auth request."""
    row = tx.one(_select_answer, auth_request=auth_request)
    if row is None:
        return None
    return Answer(
        auth_request=row["auth_request"],
        decision=Decision(row["decision"]),
        answer_digest=row["answer_digest"],
        credential_id=row["credential_id"],
        answered_at=from_milliseconds(row["answered_at"]),
        role_code=row["role_code"],
        facts_digest=row["facts_digest"],
    )


def add_answer(tx: Transaction, answer: Answer) -> None:
    """Write the decision on an auth request.

    Raises:
        AlreadyExistsError: it was decided already.
    """
    tx.run(
        _insert_answer,
        auth_request=answer.auth_request,
        decision=answer.decision,
        answer_digest=answer.answer_digest,
        credential_id=answer.credential_id,
        answered_at=to_milliseconds(answer.answered_at),
        role_code=answer.role_code,
        facts_digest=answer.facts_digest,
    )


def get_redemption(tx: Query, auth_request: str) -> Redemption | None:
    """Return the redemption of an auth request."""
    return _redemption(tx.one(_select_redemption, auth_request=auth_request))


def get_redemption_of(tx: Query, jti: str) -> Redemption | None:
    """Return the redemption that made the assertion `jti`."""
    return _redemption(tx.one(_select_redemption_of, jti=jti))


def add_redemption(tx: Transaction, redeemed: Redemption) -> None:
    """Write that an auth request was redeemed.

    Raises:
        AlreadyExistsError: it was redeemed already.
    """
    tx.run(
        _insert_redemption,
        auth_request=redeemed.auth_request,
        client_id=redeemed.client_id,
        credential_id=redeemed.credential_id,
        jti=redeemed.jti,
        redeemed_at=to_milliseconds(redeemed.redeemed_at),
    )


def _redemption(row: Row | None) -> Redemption | None:
    if row is None:
        return None
    return Redemption(
        auth_request=row["auth_request"],
        client_id=row["client_id"],
        credential_id=row["credential_id"],
        jti=row["jti"],
        redeemed_at=from_milliseconds(row["redeemed_at"]),
    )
