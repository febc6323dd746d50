"""What an organisation changes about its people, one commit each."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from admin import merge_record, people_record
from admin.actor import Actor
from admin.people_rules import Wanted
from admin.within import Within, alone
from admin.wrong_dates import WrongDates
from pairing_server.portal.birth_date import BirthDates
from pairing_server.ports import Ports
from pairing_server.registry import Transaction
from pairing_server.registry.people import AdministrativeRole

T = TypeVar("T")

#: Ends what a person has under way or open: (person, organisation; `None` for all of them).
EndAt = Callable[[str, str | None], Awaitable[None]]


class PeopleFlow:
    """Unlink, change, rename, appoint, dismiss and merge."""

    def __init__(self, ports: Ports, births: BirthDates, end_at: EndAt) -> None:
        """Build the flow.

        Args:
            end_at: Called after a commit that cut somebody off.
        """
        self._registry = ports.registry
        self._clock = ports.clock
        self._births = births
        self._end_at = end_at
        self._wrong_dates = WrongDates(ports.store)

    async def unlink(self, actor: Actor, person_id: str, within: Within = alone) -> None:
        """End a membership: from the moment this returns it opens nothing there.

        The person's phones stay theirs, and open what other organisations they work for.

        Raises:
            as `admin.people_record.unlink`.
        """
        await self._commit(lambda tx, now: people_record.unlink(tx, actor, person_id, now), within)
        await self._end_at(person_id, actor.ura)

    async def change_membership(
        self, actor: Actor, person_id: str, wanted: Wanted, within: Within = alone
    ) -> bool:
        """Write roles and end of a membership.  Returns whether they are others now.

        Raises:
            as `admin.people_record.change_membership`.
        """
        return await self._commit(
            lambda tx, now: people_record.change_membership(tx, actor, person_id, wanted, now),
            within,
        )

    async def rename(
        self,
        actor: Actor,
        person_id: str,
        first_names: str,
        last_name: str,
        within: Within = alone,
    ) -> bool:
        """Correct the name of who has shown no card.  Returns whether it is another now.

        Raises:
            as `admin.people_record.rename`.
        """
        return await self._commit(
            lambda tx, now: people_record.rename(
                tx, actor, person_id, first_names, last_name, now
            ),
            within,
        )

    async def set_address(
        self, actor: Actor, person_id: str, address: str | None, within: Within = alone
    ) -> bool:
        """Say where a person is mailed.  Returns whether it is elsewhere now.

        Raises:
            as `admin.people_record.set_address`.
        """
        return await self._commit(
            lambda tx, now: people_record.set_address(tx, actor, person_id, address, now), within
        )

    async def appoint(self, actor: Actor, person_id: str, role: AdministrativeRole) -> bool:
        """Let a person manage the organisation.  Returns whether they did not do so already.

        Raises:
            as `admin.people_record.appoint`.
        """
        return await self._commit(
            lambda tx, now: people_record.appoint(tx, actor, person_id, role, now)
        )

    async def dismiss(self, actor: Actor, person_id: str) -> bool:
        """Let a person manage the organisation no more.  Returns whether they did.

        Raises:
            as `admin.people_record.dismiss`.
        """
        return await self._commit(lambda tx, now: people_record.dismiss(tx, actor, person_id, now))

    async def merge(self, actor: Actor, merging: merge_record.Merging) -> None:
        """Make one record of two of the same person.

        Raises:
            TooManyWrongDates: this administrator gave too many dates that do not fit.
            as `admin.merge_record.merge`.
        """
        async with self._wrong_dates.counted(actor):
            await self._commit(
                lambda tx, now: merge_record.merge(tx, actor, merging, self._births, now)
            )
        await self._end_at(merging.absorbed, None)

    async def _commit(
        self, change: Callable[[Transaction, datetime], T], within: Within = alone
    ) -> T:
        now = self._clock()
        return await self._registry.commit(lambda tx: within(tx, lambda tx: change(tx, now)))
