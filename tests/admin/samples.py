"""What the paths of pages name, of the own organisation and of another one."""

from dataclasses import replace

from pairing_server.audit.events import NoticeRead
from pairing_server.registry import credentials
from tests.admin.desk import ELSEWHERE, employ
from tests.registry.people import CREDENTIAL

OWN = {"person": "anna", "phone": "phone-anna", "search": "x", "event": ""}
OTHERS = {"person": "boris", "phone": "phone-boris", "search": "y", "event": ""}


async def furnish(house):
    """Put there what the samples name."""
    for sample, ura in ((OWN, house.holder.ura), (OTHERS, ELSEWHERE)):
        await employ(house, sample["person"], None, ura)
        phone = replace(
            CREDENTIAL,
            id=sample["phone"],
            person_id=sample["person"],
            pairing_id=f"pairing-{sample['phone']}",
            device_token_digest=None,
            bound_ura=ura,
        )
        seen = NoticeRead(actor="person:x", object=f"notice:{ura}", ura=ura)

        def change(tx, phone=phone, seen=seen):
            credentials.add(tx, phone)
            tx.record(seen)

        await house.registry.commit(change)
        # Its id is drawn as it is recorded.
        sample["event"] = next(
            each["id"] for each in await house.events() if each["object"] == seen.object
        )
