"""How an auth request that is for whoever scans becomes one person's."""

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals.auth_request import AuthRequest, Taker
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.approvals.refusals import NotKnownThere, TooManyOpen
from pairing_server.errors import NotFound
from pairing_server.keys.flow import BoundPhone
from pairing_server.keys.refusals import PhoneBlocked
from pairing_server.ports import Ports
from pairing_server.registry import Query, credentials, organisations, people
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import PersonStatus


class Taking:
    """Gives a request to who scanned it first."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._requests = OpenRequests(ports.store, ports.clock)
        self._clock = ports.clock

    async def take(self, phone: BoundPhone, request: AuthRequest, *, by_camera: bool) -> None:
        """Make a request this person's, put it on their list and tell the workstation.

        Raises:
            NotFound: it has become another person's meanwhile, or has ended.
            NotKnownThere: the person is nobody at the organisation that asks.
            PhoneBlocked: the phone was cut off meanwhile.
            TooManyOpen: as many of the client's are open as may be; the request has ended.
        """
        person_id, now = phone.person.id, self._clock()
        scanned_by = phone.credential.id if by_camera else None
        taker = await self._registry.read(
            lambda tx: self._taker(tx, person_id, request.shown.ura, scanned_by)
        )
        if taker is None:
            raise NotKnownThere
        taken = await self._requests.change(request.id, lambda held: rules.take(held, taker, now))
        if taken.person_id != person_id:
            raise NotFound("another person's, or over")
        try:
            await self._requests.enlist(person_id, taken)
        except TooManyOpen:
            await self._requests.revoke(person_id, request.id)
            raise
        # What cuts a phone off ends what stands on the person's list; it may have looked before
        # this request stood there.
        credential_id = phone.credential.id
        credential = await self._registry.read(lambda tx: credentials.get(tx, credential_id))
        if credential is None or not credential.is_active(self._clock()):
            await self._requests.revoke(person_id, request.id)
            raise PhoneBlocked

    def _taker(self, tx: Query, person_id: str, ura: str, scanned_by: str | None) -> Taker | None:
        person = people.get_person(tx, person_id)
        organisation = organisations.get(tx, ura)
        membership = people.membership(tx, person_id, ura)
        if (
            person is None
            or person.status is not PersonStatus.ACTIVE
            or organisation is None
            or organisation.status is not OrganisationStatus.ACTIVE
            or membership is None
            or not membership.is_valid(self._clock())
        ):
            return None
        return Taker(person_id, organisation.name, membership.role_codes, scanned_by)
