"""Who may be asked from a browser: who has logged in there before, for this program."""

import re
from collections.abc import Callable
from dataclasses import replace

from pairing_server.approvals.auth_request import Shown
from pairing_server.keys.policy import KeyPolicy, accepts, with_changes
from pairing_server.oidc.browser_login import BrowserLogin
from pairing_server.ports import Ports
from pairing_server.registry import (
    Query,
    credentials,
    organisations,
    people,
    person_workstations,
)
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import Person, PersonStatus

_UZI_NUMBER = re.compile(r"[0-9]{9}", re.ASCII)


class KnownPeople:
    """Finds people for the login page, and tells it of nobody else."""

    def __init__(self, ports: Ports, policy: KeyPolicy) -> None:
        """Build it.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        self._registry = ports.registry
        self._clock = ports.clock
        self._policy = policy

    async def named(self, text: str, login: BrowserLogin) -> str | None:
        """Return the id of a person who may be asked from this browser, by number or name."""

        def find(tx: Query) -> Person | None:
            if _UZI_NUMBER.fullmatch(text):
                return people.by_uzi_number(tx, text)
            return people.by_user_name(tx, text)

        return await self._registry.read(lambda tx: self._askable(tx, find, login))

    async def again(self, person_id: str, login: BrowserLogin) -> str | None:
        """Return the id of a person whom this browser remembers, if they may still be asked."""
        return await self._registry.read(
            lambda tx: self._askable(tx, lambda tx: people.get_person(tx, person_id), login)
        )

    async def name(self, person_id: str) -> str:
        """Return what a person is called who wanted to be remembered; nothing if they left."""
        person = await self._registry.read(lambda tx: people.get_person(tx, person_id))
        return person.name if person is not None and person.status is PersonStatus.ACTIVE else ""

    async def fill_in(self, shown: Shown, person_id: str) -> tuple[Shown, tuple[str, ...]]:
        """Return what the person is shown, with who asks, and the roles that they have there."""

        def read(tx: Query) -> tuple[Shown, tuple[str, ...]]:
            organisation = organisations.get(tx, shown.ura)
            membership = people.membership(tx, person_id, shown.ura)
            codes = membership.role_codes if membership is not None else ()
            filled = replace(
                shown,
                organisation=organisation.name if organisation is not None else "",
                role_code=codes[0] if codes else "",
            )
            return filled, codes

        return await self._registry.read(read)

    def _askable(
        self, tx: Query, find: Callable[[Query], Person | None], login: BrowserLogin
    ) -> str | None:
        person, now = find(tx), self._clock()
        organisation = organisations.get(tx, login.request.ura)
        if (
            person is None
            or person.status is not PersonStatus.ACTIVE
            or organisation is None
            or organisation.status is not OrganisationStatus.ACTIVE
        ):
            return None
        membership = people.membership(tx, person.id, organisation.ura)
        place = person_workstations.get(
            tx, person.id, login.request.client_id, login.place.workstation_id
        )
        if membership is None or not membership.is_valid(now):
            return None
        # Elsewhere nobody is woken by who only knows a name: there the QR code is scanned.
        if place is None or not place.is_known:
            return None
        policy = with_changes(self._policy, organisation.key_policy)
        phones = credentials.of_person(tx, person.id)
        has_phone = any(
            phone.opens(organisation.ura, now) and accepts(policy, phone) for phone in phones
        )
        return person.id if has_phone else None
