"""Word to people whose phone's key is about to expire: 60, 30 and 7 days ahead, and then."""

import asyncio
from datetime import timedelta

import sqlalchemy as sa
import structlog

from pairing_server.clock import to_milliseconds
from pairing_server.keys.binding import tell
from pairing_server.keys.status import Told
from pairing_server.ports import Ports
from pairing_server.registry import (
    RegistryUnavailableError,
    Transaction,
    credentials,
    phone_notices,
)
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.registry.tables import credential, phone_notice

#: How many days ahead people are told, the nearest first.
DAYS_AHEAD = (7, 30, 60)
EVERY = timedelta(hours=1)
#: So many phones in one commit, lest others wait for it.
AT_ONCE = 200
#: Of a key that expired longer ago nobody is told any more.
LATE = timedelta(days=7)

_log = structlog.get_logger("phones")

_c = credential.c
_untold = (
    sa.select(_c.id)
    .where(
        _c.status == CredentialStatus.ACTIVE.value,
        _c.expires_at > sa.bindparam("after"),
        _c.expires_at <= sa.bindparam("until"),
        ~sa.exists().where(
            phone_notice.c.id == sa.bindparam("prefix") + _c.id + sa.bindparam("suffix")
        ),
    )
    .order_by(_c.expires_at, _c.id)
    .limit(AT_ONCE)
)


class Reminders:
    """Tells each person once for each of the days, whichever node is first."""

    def __init__(self, ports: Ports, told: Told) -> None:
        """Build it.

        Args:
            told: Wakes the person's phones.
        """
        self._registry = ports.registry
        self._clock = ports.clock
        self._told = told

    async def run(self) -> None:
        """Tell everybody each hour, for ever."""
        while True:
            try:
                await self.make()
            except RegistryUnavailableError as error:
                _log.warning("no reminders", error=repr(error))
            await asyncio.sleep(EVERY.total_seconds())

    async def make(self) -> int:
        """Tell everybody who has not been told.  Returns how many there were."""
        now, count = self._clock(), 0
        await self._registry.commit(lambda tx: phone_notices.forget(tx, now))
        earlier = -LATE
        for days in (0, *DAYS_AHEAD):
            until = timedelta(days=days)
            count += await self._tell_all(earlier, until, days)
            earlier = until
        return count

    async def _tell_all(self, after: timedelta, until: timedelta, days: int) -> int:
        now, count = self._clock(), 0
        kind = PhoneNoticeKind.EXPIRING if days else PhoneNoticeKind.EXPIRED
        detail = str(days) if days else "now"

        def change(tx: Transaction) -> list[Credential]:
            rows = tx.all(
                _untold,
                after=to_milliseconds(now + after),
                until=to_milliseconds(now + until),
                prefix=f"{kind}:",
                suffix=f":{detail}",
            )
            found = [credentials.get(tx, row["id"]) for row in rows]
            return [phone for phone in found if phone and tell(tx, phone, kind, now, detail)]

        while told := await self._registry.commit(change):
            for phone in told:
                await self._told(phone, kind)
            count += len(told)
        return count
