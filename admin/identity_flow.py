"""Registration by an operator with the employee (option 2B), face to face.

The operator looks at an identity document and writes down which one it was; the employee scans the
code on the operator's page; the operator types the number on the employee's phone.
"""

from collections.abc import Callable
from datetime import date

from admin import identity_record
from admin.access import Act
from admin.actor import Actor
from admin.identity_fields import Document
from admin.identity_record import Seen
from admin.linking_flow import LinkingFlow
from admin.linking_record import Newcomer
from admin.wrong_dates import WrongDates
from pairing_server.ports import Ports
from pairing_server.qr.code import PairingCode
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.pairing import Pairing
from pairing_server.registry import Query, Transaction
from pairing_server.registry.identity_checks import IdentityCheck
from pairing_server.registry.people import Person
from pairing_server.tokens import new_id

#: Whether an organisation wants a second administrator for an act.
WantsSecond = Callable[[Query, str, Act], bool]


class IdentityFlow:
    """Register, see again, second, offer a pairing, confirm it."""

    def __init__(
        self,
        ports: Ports,
        linking: LinkingFlow,
        pairings: PairingFlow,
        wants_second: WantsSecond,
    ) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._linking = linking
        self._pairings = pairings
        self._wants_second = wants_second
        self._wrong_dates = WrongDates(ports.store)

    async def register(
        self, actor: Actor, newcomer: Newcomer, born: date, document: Document
    ) -> tuple[Person, IdentityCheck]:
        """Make a record of who stands before the operator.

        Raises:
            as `admin.identity_record.register`.
        """
        now = self._clock()
        made: list[IdentityCheck] = []

        def change(tx: Transaction) -> Person:
            invited, seen = self._linking.drawn(born), self._seen(tx, actor, document)
            person, found = identity_record.register(tx, actor, newcomer, invited, seen, now)
            made.append(found)
            return person

        person = await self._linking.with_free_name(change)
        # The change may run more than once; the last time is the one that counts.
        return person, made[-1]

    async def see_again(
        self, actor: Actor, person_id: str, born: date, document: Document
    ) -> tuple[Person, IdentityCheck]:
        """Write a check of who has a record already.

        Raises:
            TooManyWrongDates: this administrator or operator gave too many dates that do not fit.
            as `admin.identity_record.see_again`.
        """
        now = self._clock()

        def change(tx: Transaction) -> tuple[Person, IdentityCheck]:
            invited, seen = self._linking.drawn(born), self._seen(tx, actor, document)
            return identity_record.see_again(tx, actor, person_id, invited, seen, now)

        async with self._wrong_dates.counted(actor):
            return await self._registry.commit(change)

    async def second(self, actor: Actor, check_id: str, *, approve: bool) -> None:
        """Approve of a registration as a second administrator, or refuse it.

        Raises:
            as `admin.identity_record.second`.
        """
        now = self._clock()
        await self._registry.commit(
            lambda tx: identity_record.second(tx, actor, check_id, now, approve=approve)
        )

    async def offer_pairing(
        self, actor: Actor, check_id: str, browser: str
    ) -> tuple[Pairing, PairingCode]:
        """Show a code for the employee to scan with their phone.

        Args:
            browser: Digest of the operator's session.

        Raises:
            NotRegistered: the person does not work there any more.
            as `admin.identity_record.of_actor`.
        """
        now = self._clock()
        found = await self._registry.read(
            lambda tx: identity_record.of_actor(tx, actor, check_id, now)
        )
        return await self._pairings.offer(
            found.person_id, found.ura, browser, bound_by_operator(actor), is_by_operator=True
        )

    async def confirm(
        self, actor: Actor, check_id: str, pairing_id: str, browser: str, number: str
    ) -> None:
        """Bind the employee's phone, once the operator typed the number on its screen.

        Raises:
            as `pairing_server.qr.flow.PairingFlow.confirm` and `admin.identity_record.use`.
        """
        now = self._clock()
        await self._pairings.confirm(
            pairing_id,
            browser,
            number,
            lambda tx, bound: identity_record.use(tx, actor, check_id, bound, now),
        )

    def _seen(self, tx: Query, actor: Actor, document: Document) -> Seen:
        return Seen(
            check_id=new_id(self._random),
            document=document,
            is_seconded=self._wants_second(tx, actor.ura, Act.REGISTER_2B),
        )


def bound_by_operator(actor: Actor) -> str:
    """Return the proof behind a key of option 2B: which operator saw its holder."""
    return f"operator:{actor.person_id}"
