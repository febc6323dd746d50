"""Mailing what people are told of their phones, until the mail server took it."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol

import structlog

from pairing_server.background import in_rounds
from pairing_server.mail.letter import Sender, letter
from pairing_server.ports import Ports
from pairing_server.registry import credentials, mail_outbox
from pairing_server.registry.mail_outbox import Waiting

#: How soon after it happened a mail is sent.
EVERY = timedelta(seconds=5)
SWEPT_EVERY = timedelta(minutes=1)
#: A mail that was not taken is sent again after so long, and each time after twice as long.
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)

_log = structlog.get_logger("mail")


class MailRefusedError(Exception):
    """A mail was not taken; `args[0]` is why, in one word that names nobody.

    Attributes:
        is_final: Whether it will not be taken later either.
    """

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Post(Protocol):
    """What takes mail."""

    async def send(self, message: EmailMessage) -> None:
        """Hand over one mail.

        Raises:
            MailRefusedError: it was not taken.
        """


class Postman:
    """Mails each notice, whichever node is first."""

    def __init__(self, ports: Ports, post: Post, sender: Sender) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._post = post
        self._sender = sender
        self._swept_at: datetime | None = None

    async def run(self) -> None:
        """Mail for ever."""
        await in_rounds(self._round, EVERY, _log, "no mail")

    async def sweep(self) -> int:
        """Give up what could not be mailed for a day.  Returns how much of it there was."""
        now = self._clock()
        late = await self._registry.commit(lambda tx: mail_outbox.give_up(tx, now))
        if late:
            _log.warning("mail given up", count=late)
        return late

    async def send(self) -> int:
        """Mail what is to be mailed now.  Returns how many mails were taken."""
        now = self._clock()
        waiting = await self._registry.read(lambda tx: mail_outbox.due(tx, now))
        # One after the other: a mail server is no place to be in a hurry at.
        return sum([await self._mail(each) for each in waiting])

    async def _round(self) -> None:
        if self._swept_at is None or self._clock() - self._swept_at >= SWEPT_EVERY:
            await self.sweep()
            self._swept_at = self._clock()
        await self.send()

    async def _mail(self, waiting: Waiting) -> bool:
        pause = min(FIRST_PAUSE * (1 << min(waiting.attempts, 10)), LONGEST_PAUSE)
        until = self._clock() + pause
        notice = waiting.notice
        if not await self._registry.commit(lambda tx: mail_outbox.claim(tx, waiting, until)):
            return False
        phone = await self._registry.read(lambda tx: credentials.get(tx, notice.credential_id))
        name = "" if phone is None else phone.name or phone.model
        try:
            await self._post.send(letter(notice, name, waiting.address, self._sender))
        except MailRefusedError as error:
            _log.warning("mail not taken", kind=notice.kind.value, reason=error.args[0])
            if error.is_final:
                await self._registry.commit(lambda tx: mail_outbox.mailed(tx, notice.id))
            return False
        await self._registry.commit(lambda tx: mail_outbox.mailed(tx, notice.id))
        return True
