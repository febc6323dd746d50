"""What a page asks before it shows a step: where the card's holder stands."""

from dataclasses import dataclass

from pairing_server.portal import record
from pairing_server.portal.session import BrowserSession
from pairing_server.ports import Ports
from pairing_server.registry import Query, organisations, people
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import AdministrativeRole


@dataclass(frozen=True, slots=True)
class Standing:
    """What the registry knows of a card's holder at the card's organisation.

    Attributes:
        organisation: The organisation's name as it was registered.
        is_registered: Whether they can pair a phone.
        role: What they are in the organisation's administration.
    """

    organisation: str
    is_registered: bool
    role: AdministrativeRole | None

    @property
    def is_told(self) -> bool:
        """Whether they are told what the organisation is told."""
        return self.role is not None


class StandingFlow:
    """Reads where somebody stands."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._clock = ports.clock

    async def standing(self, session: BrowserSession) -> Standing:
        """Return where the holder of the session's card stands.

        Raises:
            MembershipEnded: the organisation ended theirs.
            RecordClosed: the person's record was closed.
            UnknownOrganisation: the card's organisation is not registered.
        """
        return await self._registry.read(lambda tx: self._read(tx, session))

    async def is_organisation_known(self, session: BrowserSession) -> bool:
        """Tell whether the card's organisation is registered."""
        return await self._registry.read(lambda tx: _is_known(tx, session.card.ura))

    def _read(self, tx: Query, session: BrowserSession) -> Standing:
        known = record.read_known(tx, session.card, self._clock())
        person = known.holder
        membership = people.membership(tx, person.id, session.card.ura) if person else None
        return Standing(
            known.organisation.name,
            is_registered=membership is not None
            and person is not None
            and person.birth_digest is not None
            and person.id == session.person_id,
            role=membership.administrative_role if membership is not None else None,
        )


def _is_known(tx: Query, ura: str) -> bool:
    organisation = organisations.get(tx, ura)
    return organisation is not None and organisation.status is OrganisationStatus.ACTIVE
