"""What the paths of pages name, of the own organisation and of another one."""

from dataclasses import replace
from datetime import timedelta

from pairing_server.audit.events import NoticeRead
from pairing_server.registry import credentials, pending_acts
from pairing_server.registry.pending_acts import PendingAct
from tests.admin.desk import ELSEWHERE, employ
from tests.registry.people import CREDENTIAL

OWN = {"person": "anna", "phone": "phone-anna", "pending": "pending-own", "event": ""}
OTHERS = {"person": "boris", "phone": "phone-boris", "pending": "pending-others", "event": ""}


async def furnish(house):
    """Put there what the samples name."""
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
        seen = NoticeRead(actor="person:x", object=f"notice:{ura}", ura=ura)

        def change(tx, phone=phone, asked=asked, seen=seen):
            credentials.add(tx, phone)
            pending_acts.add(tx, asked)
            tx.record(seen)

        await house.registry.commit(change)
        # Its id is drawn as it is recorded.
        sample["event"] = next(
            each["id"] for each in await house.events() if each["object"] == seen.object
        )
