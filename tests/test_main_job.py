"""The main job end to end, over HTTP through the reference clients."""

import pytest

from clients.oauth_error import AccessDenied, UnknownUser
from tests import calls


async def test_a_paired_phone_logs_its_holder_in(house):
    phone = await calls.pair(house)
    workstation = await house.workstation()
    started = await house.approved(phone, workstation)

    assertion = await workstation.poll(started)

    assert assertion.claims.uzi_number == house.holder.uzi_number
    assert assertion.claims.ura == house.holder.ura
    assert assertion.claims.role_code == house.holder.role_code


async def test_a_blocked_phone_redeems_nothing_and_opens_nothing(house):
    phone = await calls.pair(house)
    workstation = await house.workstation()
    started = await house.approved(phone, workstation)

    await house.phone_status().block(phone.credential_id, "operator:test")

    with pytest.raises(AccessDenied) as refused:
        await workstation.poll(started)
    assert refused.value.reason == "revoked"
    with pytest.raises(UnknownUser):
        await house.ask(workstation)
