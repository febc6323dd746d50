"""What a phone reads of itself, of its siblings, and of what happened."""

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.http import answer, asked_language, bearer, route_table
from pairing_server.keys.flow import BoundPhone, PhoneFlow
from pairing_server.languages import Language
from pairing_server.openapi import Header, Operation
from pairing_server.phones.overview import (
    EventKind,
    Overview,
    PastEvent,
    Sibling,
    Standing,
    Told,
    ToldStatus,
)
from pairing_server.push import PushService
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.registry.push_health import PushHealth
from pairing_server.tokens import digest
from pairing_server.uzi.roles import role_name


class ToldPushHealth(msgspec.Struct):
    """What became of a phone's wake-ups; `last_error` is what the push service said, or ours."""

    last_ok_at: datetime | None
    last_error_at: datetime | None
    last_error: str


class BoundCredential(msgspec.Struct):
    """What a phone is bound to; `role` and `organisation` as they are now."""

    credential_id: str
    status: CredentialStatus
    name: str
    uzi_number: str
    organisation: str
    ura: str
    role_code: str
    role: str
    device_name: str
    platform: str
    model: str
    is_default: bool
    bound_at: datetime
    expires_at: datetime
    push: PushService | None
    push_health: ToldPushHealth
    vapid_public_key: Annotated[
        str,
        msgspec.Meta(
            description=(
                "The applicationServerKey of Web Push subscriptions, base64url; empty where this "
                "server sends none."
            )
        ),
    ]


class PhoneRecord(msgspec.Struct):
    """One of the person's phones."""

    credential_id: str
    device_name: str
    platform: str
    model: str
    app_version: str
    status: ToldStatus
    is_this: bool
    is_default: bool
    bound_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_used_workstation: str
    last_used_location: str
    last_used_organisation: str
    push: PushService | None
    push_health: ToldPushHealth


class PhoneRecords(msgspec.Struct):
    """The person's phones, oldest first; the revoked ones are not among them."""

    credentials: list[PhoneRecord]


class HistoryEvent(msgspec.Struct):
    """Something that happened; what does not apply is the empty string."""

    id: str
    at: datetime
    kind: EventKind
    client: str
    organisation: str
    workstation: str
    location: str
    credential_id: str
    device_name: str
    reason: str


class History(msgspec.Struct):
    """What happened with the person's phones, newest first, a hundred at most."""

    events: list[HistoryEvent]


class NoticeRecord(msgspec.Struct):
    """Something that the person should know."""

    id: str
    at: datetime
    kind: PhoneNoticeKind
    credential_id: str
    device_name: str
    detail: str


class Notices(msgspec.Struct):
    """What the person is told on this phone, newest first; of ninety days, fifty at most."""

    notices: list[NoticeRecord]


class OverviewRoutes:
    """Reads of a bound phone."""

    def __init__(
        self, overview: Overview, phones: PhoneFlow, clock: Clock, vapid_public_key: str
    ) -> None:
        self._overview = overview
        self._phones = phones
        self._clock = clock
        self._vapid_public_key = vapid_public_key

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the calls."""
        return [
            Operation(
                "GET",
                "/phone/credential",
                self.show,
                headers=(Header.ACCEPT_LANGUAGE,),
                responses={200: BoundCredential},
            ),
            Operation("GET", "/phone/credentials", self.siblings, responses={200: PhoneRecords}),
            Operation("GET", "/phone/history", self.history, responses={200: History}),
            Operation("GET", "/phone/notices", self.notices, responses={200: Notices}),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Tell the phone what it is bound to."""
        phone = await self._phones.authenticate(bearer(request))
        standing = await self._overview.standing(phone)
        return answer(_bound(phone, standing, self._vapid_public_key, asked_language(request)))

    async def siblings(self, request: web.Request) -> web.Response:
        """List the person's phones with their last use."""
        phone = await self._phones.authenticate(bearer(request))
        now = self._clock()
        found = await self._overview.siblings(phone.person.id, phone.credential.only_ura)
        return answer(PhoneRecords([_record(each, phone, now) for each in found]))

    async def history(self, request: web.Request) -> web.Response:
        """List what happened with the person's phones."""
        phone = await self._phones.authenticate(bearer(request))
        events = await self._overview.history(phone.person.id, phone.credential.only_ura)
        return answer(History([history_event(event) for event in events]))

    async def notices(self, request: web.Request) -> web.Response:
        """List what the person should know of their other phones."""
        phone = await self._phones.authenticate(bearer(request))
        found = await self._overview.notices(phone)
        return answer(Notices([_notice(told) for told in found]))


def _bound(
    phone: BoundPhone, standing: Standing, vapid_public_key: str, language: Language | None
) -> BoundCredential:
    credential, person = phone.credential, phone.person
    return BoundCredential(
        credential_id=credential.id,
        status=credential.status,
        name=person.name,
        uzi_number=person.uzi_number or "",
        organisation="" if standing.organisation is None else standing.organisation.name,
        ura=credential.bound_ura or "",
        role_code=standing.role_code,
        role=role_name(standing.role_code, language),
        device_name=credential.device_name,
        platform=credential.platform,
        model=credential.model,
        is_default=person.default_phone == credential.id,
        bound_at=credential.bound_at,
        expires_at=credential.expires_at,
        push=push_of(credential),
        push_health=told_health(standing.push_health),
        vapid_public_key=vapid_public_key,
    )


def _record(sibling: Sibling, asking: BoundPhone, now: datetime) -> PhoneRecord:
    credential = sibling.credential
    return PhoneRecord(
        credential_id=credential.id,
        device_name=credential.device_name,
        platform=credential.platform,
        model=credential.model,
        app_version=credential.app_version,
        status=sibling.told_status(now),
        is_this=credential.id == asking.credential.id,
        is_default=asking.person.default_phone == credential.id,
        bound_at=credential.bound_at,
        expires_at=credential.expires_at,
        last_used_at=credential.last_used_at,
        last_used_workstation=credential.last_used_workstation or "",
        last_used_location=credential.last_used_location or "",
        last_used_organisation=sibling.last_used_organisation,
        push=push_of(credential),
        push_health=told_health(sibling.push_health),
    )


def history_event(event: PastEvent) -> HistoryEvent:
    """Return an event as it is told."""
    phone, shown = event.credential, event.shown
    return HistoryEvent(
        id=event.id,
        at=event.at,
        kind=event.kind,
        client=shown.get("client", ""),
        organisation=shown.get("organisation", ""),
        workstation=shown.get("workstation", ""),
        location=shown.get("location", ""),
        credential_id="" if phone is None else phone.id,
        device_name="" if phone is None else phone.device_name,
        reason=event.reason,
    )


def _notice(told: Told) -> NoticeRecord:
    notice, phone = told.notice, told.credential
    return NoticeRecord(
        # Its own name in the registry tells the moment and the phone.
        id=digest(notice.id)[:22],
        at=notice.at,
        kind=notice.kind,
        credential_id=notice.credential_id,
        device_name="" if phone is None else phone.device_name,
        detail=notice.detail,
    )


def push_of(credential: Credential) -> PushService | None:
    """Return by what a phone is woken."""
    service = credential.push_service
    return None if service is None else PushService(service)


def told_health(health: PushHealth) -> ToldPushHealth:
    """Return what became of a phone's wake-ups, as it is told."""
    return ToldPushHealth(health.last_ok_at, health.last_error_at, health.last_error)
