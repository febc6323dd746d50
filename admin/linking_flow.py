"""Somebody comes to work for an organisation: asked by their UZI number, or invited by name."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from admin import linking_record, linking_rules
from admin.actor import Actor
from admin.linking_record import Newcomer
from admin.within import Within, alone
from pairing_server.phones.news import Invited, wake_nobody
from pairing_server.portal.birth_date import BirthDates
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError, Transaction
from pairing_server.registry.offers import MembershipOffer
from pairing_server.registry.people import Person
from pairing_server.tokens import draw_digits, new_id

T = TypeVar("T")

#: How often another user name is drawn where one is taken.
_DRAWS = 5


class LinkingFlow:
    """Offer, withdraw, invite."""

    def __init__(self, ports: Ports, births: BirthDates, invited: Invited = wake_nobody) -> None:
        """Build the flow.

        Args:
            invited: Wakes the phones of who is asked.
        """
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._births = births
        self.invited = invited

    async def offer(
        self, actor: Actor, newcomer: Newcomer, uzi_number: str, within: Within = alone
    ) -> MembershipOffer:
        """Offer a membership to whoever has the number: it begins with their yes.

        Raises:
            as `admin.linking_record.offer`.
        """
        now, offer_id = self._clock(), new_id(self._random)

        def change(tx: Transaction) -> MembershipOffer:
            return linking_record.offer(tx, actor, newcomer, uzi_number, offer_id, now)

        offered = await self._registry.commit(lambda tx: within(tx, change))
        await self.invited(actor.ura, uzi_number)
        return offered

    async def withdraw(self, actor: Actor, offer_id: str, within: Within = alone) -> None:
        """Take back what was offered and not answered.

        Raises:
            as `admin.linking_record.withdraw`.
        """
        now = self._clock()

        def change(tx: Transaction) -> None:
            linking_record.withdraw(tx, actor, offer_id, now)

        await self._registry.commit(lambda tx: within(tx, change))

    async def invite(
        self, actor: Actor, newcomer: Newcomer, born: date, within: Within = alone
    ) -> Person:
        """Make a record that waits for a card, or for option 2B.

        Raises:
            as `admin.linking_record.invite`.
        """
        now = self._clock()

        def change(tx: Transaction) -> Person:
            return linking_record.invite(tx, actor, newcomer, self.drawn(born), now)

        return await self.with_free_name(lambda tx: within(tx, change))

    def drawn(self, born: date) -> linking_rules.Invited:
        """Draw what a new record needs."""
        return linking_rules.Invited(
            person_id=new_id(self._random),
            ending=draw_digits(self._random, linking_rules.ENDING_DIGITS),
            born=born,
            births=self._births,
        )

    async def with_free_name(self, change: Callable[[Transaction], T]) -> T:
        """Commit a change that draws user names, again where one of them is taken."""
        for _ in range(_DRAWS):
            try:
                return await self._registry.commit(change)
            except AlreadyExistsError:
                continue
        return await self._registry.commit(change)
