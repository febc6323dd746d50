"""Rules of a lost phone: whether it was used after the loss, and what follows from that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from admin.person_fields import FieldError
from pairing_server.languages import N_
from pairing_server.registry.phone_uses import PhoneUse

#: A moment that somebody remembers is no later than now, and a clock that runs ahead counts too.
AHEAD = timedelta(minutes=5)
#: Whoever lost a phone longer ago has paired another one since.
LONGEST = timedelta(days=366)


class Answer(StrEnum):
    """Whether a phone was used after the loss."""

    #: Something was opened with it: revoke it.
    USED = "used"
    #: It was unlocked or its app opened, but nothing was opened with it: block it, and ask.
    TOUCHED = "touched"
    #: Block it; when it is found it can be unblocked.
    NOT_USED = "not_used"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the log says of a phone after a moment.

    Attributes:
        uses: After the moment, newest first.
    """

    answer: Answer
    uses: tuple[PhoneUse, ...]


def judge(uses: Sequence[PhoneUse], credential_id: str, lost_at: datetime) -> Judged:
    """Answer whether a phone was used at or after the moment of the loss.

    Args:
        uses: Of all of the person's phones, in any order.
    """
    after = tuple(
        sorted(
            (use for use in uses if use.credential_id == credential_id and use.at >= lost_at),
            key=lambda use: use.at,
            reverse=True,
        )
    )
    if any(use.is_login for use in after):
        return Judged(Answer.USED, after)
    return Judged(Answer.TOUCHED if after else Answer.NOT_USED, after)


def read_moment(typed: str, offset: str, now: datetime) -> datetime | None:
    """Read when a phone was lost, as a form field of that kind sends it (HTML `datetime-local`).

    Args:
        offset: Minutes by which the reader's clock is ahead of UTC; empty without a script.

    Returns:
        `None` for what is no moment, or one that lies ahead or too far back.
    """
    try:
        local = datetime.fromisoformat(typed)
        moment = local.replace(tzinfo=now.tzinfo) - timedelta(minutes=int(offset or "0"))
    except (ValueError, OverflowError):
        return None
    if local.tzinfo is not None:
        return None
    return moment if now - LONGEST <= moment <= now + AHEAD else None


def read_lost_at(text: str, now: datetime) -> datetime:
    """Read when a phone was lost, as programs send it (RFC 3339).

    Raises:
        FieldError: it is no moment, or one that lies ahead or too far back.
    """
    try:
        moment = datetime.fromisoformat(text)
        is_past = moment.tzinfo is not None and now - LONGEST <= moment <= now + AHEAD
    except (ValueError, OverflowError):
        is_past = False
    if not is_past:
        raise FieldError(
            "lost_at", N_("Fill in a day and a time that is past, and no more than a year ago.")
        )
    return moment
