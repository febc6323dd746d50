"""What the paths of pages name, of the own organisation and of another one."""

from dataclasses import replace
from datetime import timedelta

from pairing_server.audit.events import NoticeRead
from pairing_server.registry import clients, credentials, identity_checks, offers, pending_acts
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.identity_checks import CheckStatus, DocumentKind, IdentityCheck
from pairing_server.registry.offers import MembershipOffer
from pairing_server.registry.pending_acts import PendingAct
from pairing_server.registry.people import MembershipKind
from tests.admin.desk import ELSEWHERE, employ
from tests.registry.people import CREDENTIAL, NOW

OFFER = MembershipOffer(
    id="",
    ura="",
    uzi_number="911111111",
    first_names="Gea",
    last_name="Gast",
    kind=MembershipKind.EMPLOYEE,
    role_codes=("01.015",),
    valid_until=None,
    offered_by="person:somebody",
    offered_at=NOW,
    expires_at=NOW + timedelta(days=36500),
)
CHECK = IdentityCheck(
    id="",
    person_id="",
    ura="",
    document_kind=DocumentKind.PASSPORT,
    document_ending="AB12",
    document_country="NLD",
    checked_on=NOW.date(),
    checked_by="operator",
    made_at=NOW,
    status=CheckStatus.READY,
)
CLIENT = Client(
    id="",
    name="SIEM",
    jwks={"keys": []},
    uras=(),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=NOW,
    metadata=ClientMetadata(ssf_delivery_endpoint="https://siem.example/events"),
)

OWN = {
    "ura": "",
    "person": "anna",
    "phone": "phone-anna",
    "pending": "pending-own",
    "event": "",
    "offer": "offer-anna",
    "check": "check-anna",
    "pairing": "pairing",
    "client": "siem-own",
}
OTHERS = {
    "ura": ELSEWHERE,
    "person": "boris",
    "phone": "phone-boris",
    "pending": "pending-others",
    "event": "",
    "offer": "offer-boris",
    "check": "check-boris",
    "pairing": "pairing",
    "client": "siem-others",
}


async def furnish(house):
    """Put there what the samples name."""
    OWN["ura"] = house.holder.ura
    for sample, ura in ((OWN, house.holder.ura), (OTHERS, ELSEWHERE)):
        await employ(house, sample["person"], None, ura)
        now = house.ports.clock()
        phone = replace(
            CREDENTIAL,
            id=sample["phone"],
            person_id=sample["person"],
            pairing_id=f"pairing-{sample['phone']}",
            device_token_digest=None,
            bound_ura=ura,
        )
        asked = PendingAct(
            id=sample["pending"],
            ura=ura,
            act="revoke_phone",
            subject={**sample, "credential": phone.id, "name": "Anna", "phone": "Pixel"},
            asked_by=sample["person"],
            asked_at=now,
            expires_at=now + timedelta(hours=1),
        )
        offer = replace(OFFER, id=sample["offer"], ura=ura)
        check = replace(CHECK, id=sample["check"], person_id=sample["person"], ura=ura)
        client = replace(CLIENT, id=sample["client"], uras=(ura,))
        seen = NoticeRead(actor="person:x", object=f"notice:{ura}", ura=ura)

        def change(tx, phone=phone, asked=asked, offer=offer, check=check, more=(client, seen)):
            credentials.add(tx, phone)
            pending_acts.add(tx, asked)
            offers.add(tx, offer)
            identity_checks.add(tx, check)
            clients.add(tx, more[0])
            tx.record(more[1])

        await house.registry.commit(change)
        # Its id is drawn as it is recorded.
        sample["event"] = next(
            each["id"] for each in await house.events() if each["object"] == seen.object
        )
