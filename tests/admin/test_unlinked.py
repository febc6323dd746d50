"""Who is unlinked is cut off there at once, and nowhere else."""

import pytest

from clients.oauth_error import AccessDenied
from pairing_server.registry import credentials, people
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work, employ, id_of

THERE = "90009999"


@pytest.fixture
async def holder(house):
    """Somebody with a phone, who works for two organisations."""
    phone = await house.bind()
    person_id = await id_of(house, house.holder)
    await employ(house, person_id, ura=THERE)
    return person_id, phone


async def unlink(house, person_id):
    chief = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    answer = await chief.post(f"/admin/people/{person_id}/membership/unlink", {"sure": "yes"})
    assert answer.status == 303


async def test_what_is_open_there_ends_and_elsewhere_goes_on(house, holder):
    person_id, phone = holder
    here = await house.workstation("HIS")
    waiting = await house.ask(here)
    there = await house.workstation("EPD", uras=(THERE,))
    going_on = await house.ask(there, ura=THERE)

    await unlink(house, person_id)

    with pytest.raises(AccessDenied) as ended:
        await here.poll_once(waiting)
    assert ended.value.reason == "revoked"
    assert await there.poll_once(going_on, wait=0) is None
    (left,) = await phone.auth_requests()
    await phone.approve(left, going_on.binding_code)
    assert (await there.poll(going_on)).claims.ura == THERE


async def test_what_was_approved_and_not_redeemed_opens_nothing(house, holder):
    person_id, phone = holder
    here = await house.workstation("HIS")
    started = await house.approved(phone, here)

    await unlink(house, person_id)

    with pytest.raises(AccessDenied):
        await here.poll(started)


async def test_the_phone_is_not_revoked(house, holder):
    person_id, phone = holder

    await unlink(house, person_id)

    held = await house.registry.read(lambda tx: credentials.get(tx, phone.credential_id))
    assert held.status is CredentialStatus.ACTIVE
    assert (
        await house.registry.read(lambda tx: people.membership(tx, person_id, THERE))
    ).is_valid(house.ports.clock())
