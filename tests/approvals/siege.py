"""A person with phones that can be woken, and clients that ask for them at any time of the day.

Clients ask through the server's own steps: over HTTP their assertions would be of another time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from clients.phone import SoftwarePhone
from pairing_server.approvals.asked import Asked
from pairing_server.approvals.auth_request import AuthRequest, Shown
from pairing_server.approvals.fatigue import Gate
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.keys.policy import server_policy
from pairing_server.push import PushSender, PushService, Wakeup, WakeupKind
from pairing_server.push.dispatch import Dispatch
from tests.approvals.desk import Desk
from tests.push.senders import settled

CODE = "042917"
LIFETIME = timedelta(minutes=2)


@dataclass
class Siege:
    """What is asked of a person, and what of it wakes them."""

    desk: Desk
    person_id: str
    flow: ApprovalFlow = field(init=False)

    def __post_init__(self) -> None:
        self.flow = self.flow_by(dict.fromkeys(PushService, self.desk.house.push))

    def flow_by(self, senders: Mapping[PushService, PushSender]) -> ApprovalFlow:
        """The server's own steps, waking by these senders."""
        house = self.desk.house
        dispatch = Dispatch(house.ports, senders)
        return ApprovalFlow(house.ports, dispatch, house.rp(), server_policy(house.settings))

    async def ask(
        self,
        workstation_id: str = "ws-1",
        client_id: str = "his",
        gate: Gate = Gate.VOUCHED,
        person_id: str | None = None,
    ) -> AuthRequest:
        """Ask for the person from a workstation."""
        asked = self.asked(workstation_id, client_id, gate, person_id)
        _, request = await self.flow.ask(asked)
        await settled()
        return request

    def asked(
        self,
        workstation_id: str = "ws-1",
        client_id: str = "his",
        gate: Gate = Gate.VOUCHED,
        person_id: str | None = None,
    ) -> Asked:
        """What a client asks for the person from a workstation."""
        now = self.desk.house.ports.clock()
        shown = Shown(
            client="HIS",
            organisation="De Linde",
            ura=self.desk.house.holder.ura,
            role_code="01.015",
            workstation=workstation_id,
            location="",
            message="",
            nonce="n",
            requested_at=now.isoformat(),
        )
        return Asked(
            client_id=client_id,
            person_id=person_id or self.person_id,
            workstation_id=workstation_id,
            scope="openid uzi",
            shown=shown,
            code=CODE,
            lifetime=LIFETIME,
            gate=gate,
        )

    async def is_woken(self, *place: str, gate: Gate = Gate.VOUCHED) -> bool:
        """Ask, and say whether that woke the person's phones."""
        before = len(self.pushed())
        await self.ask(*place, gate=gate)
        return len(self.pushed()) > before

    async def approve(self, request: AuthRequest, phone: SoftwarePhone | None = None) -> None:
        phone = phone or self.desk.phone
        await phone.approve(await phone.get(request.id), CODE)
        await settled()

    async def deny(
        self, request: AuthRequest, reason: str = "other", phone: SoftwarePhone | None = None
    ) -> None:
        phone = phone or self.desk.phone
        await phone.deny(await phone.get(request.id), reason)
        await settled()

    def pushed(self) -> list[str]:
        """The requests of which a notice was pushed, one for each phone."""
        return [wakeup.id for wakeup in self.desk.house.push.requests()]

    def sent(self, phone_token: str) -> list[Wakeup]:
        """What was sent to a phone."""
        sent = self.desk.house.push.sent
        return [wakeup for address, wakeup in sent if address.address == phone_token]

    def withdrawn(self, phone_token: str) -> list[Wakeup]:
        """What was withdrawn at a phone."""
        return [each for each in self.sent(phone_token) if each.kind is WakeupKind.WITHDRAWN]

    def pass_time(self, duration: timedelta) -> None:
        self.desk.house.ports.clock.advance(duration)

    async def end_due(self) -> None:
        """Take away the notices of what has run out."""
        await self.flow.end_due()
        await settled()
