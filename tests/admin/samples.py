"""What the paths of pages name, of the own organisation and of another one."""

from dataclasses import replace

from pairing_server.registry import credentials
from tests.admin.desk import ELSEWHERE, employ
from tests.registry.people import CREDENTIAL

OWN = {"person": "anna", "phone": "phone-anna", "search": "x"}
OTHERS = {"person": "boris", "phone": "phone-boris", "search": "y"}


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
        await house.registry.commit(lambda tx, phone=phone: credentials.add(tx, phone))
