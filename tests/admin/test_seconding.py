"""What one asks for and another does: once, and as all is at that moment."""

import asyncio
from dataclasses import replace

import pytest

from admin.access import Act
from admin.refusals import Forbidden
from admin.seconding import SecondFlow
from pairing_server.errors import Conflict, NotFound, Unauthenticated
from pairing_server.registry import people
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people import PersonStatus
from tests.admin.desk import employ, set_role
from tests.admin.lost import ADMINISTRATOR, OPERATOR, SERVICE_DESK, with_registry


@pytest.fixture
def flow(lost, meddled):
    """Asking and doing, with somebody who may be faster."""
    return SecondFlow(*with_registry(lost, meddled))


@pytest.fixture
async def chief(lost):
    """What the second one's page asks again: an administrator, who did not ask."""
    await lost.want_two_for("revoke_phone", "unblock_phone")
    return await lost.still()


@pytest.fixture
async def asking(lost, chief):
    return await lost.still(await lost.call(OPERATOR))


@pytest.fixture
async def asked(lost, flow, asking):
    return await flow.ask(asking, Act.REVOKE_PHONE, lost.phone.credential_id)


async def test_of_two_who_do_it_one_did(lost, flow, chief, asked):
    done = await asyncio.gather(
        *(flow.do_as_second(chief, asked.id) for _ in range(4)), return_exceptions=True
    )

    assert len([each for each in done if isinstance(each, Conflict)]) == 3
    assert await lost.count("AuthenticatorRevoked") == 1


async def test_what_is_withdrawn_at_that_moment_is_not_done(
    lost, flow, meddled, chief, asking, asked
):
    other = SecondFlow(lost.house.ports, flow._statuses, flow._unblocking)
    meddled.before = lambda: other.withdraw(asking, asked.id)

    with pytest.raises(Conflict):
        await flow.do_as_second(chief, asked.id)

    assert meddled.before is None
    assert await lost.status() is CredentialStatus.ACTIVE


async def test_what_is_done_at_that_moment_is_not_withdrawn(
    lost, flow, meddled, chief, asking, asked
):
    other = SecondFlow(lost.house.ports, lost.house.phone_status(), flow._unblocking)
    meddled.before = lambda: other.do_as_second(chief, asked.id)

    with pytest.raises(Conflict):
        await flow.withdraw(asking, asked.id)

    assert await lost.status() is CredentialStatus.REVOKED
    assert await lost.count("ActWithdrawn") == 0


async def test_the_second_one_who_is_dismissed_at_that_moment_does_nothing(
    lost, flow, meddled, chief, asked
):
    meddled.before = lambda: set_role(lost.house, "administrator", None)

    with pytest.raises(Unauthenticated):
        await flow.do_as_second(chief, asked.id)

    assert await lost.status() is CredentialStatus.ACTIVE


async def test_the_second_one_who_is_an_operator_at_that_moment_does_nothing(
    lost, flow, meddled, chief, asked
):
    meddled.before = lambda: set_role(lost.house, "administrator", OPERATOR)

    with pytest.raises(Forbidden):
        await flow.do_as_second(chief, asked.id)

    assert await lost.status() is CredentialStatus.ACTIVE


async def test_an_unblocking_that_is_asked_for_is_offered_to_one(lost, flow, chief, asking):
    await lost.block()
    asked = await flow.ask(asking, Act.UNBLOCK_PHONE, lost.phone.credential_id)

    done = await asyncio.gather(
        *(flow.do_as_second(chief, asked.id) for _ in range(4)), return_exceptions=True
    )

    assert len([each for each in done if isinstance(each, Conflict)]) == 3


async def test_what_is_asked_for_twice_at_a_time_waits_once(lost, flow, asking):
    phone = lost.phone.credential_id

    done = await asyncio.gather(
        *(flow.ask(asking, Act.REVOKE_PHONE, phone) for _ in range(4)), return_exceptions=True
    )

    assert len([each for each in done if isinstance(each, Conflict)]) == 3
    assert await lost.count("ActAsked") == 1


async def test_who_asked_is_not_the_second_one_whatever_they_have_become(lost, flow, asked):
    await set_role(lost.house, asked.asked_by, ADMINISTRATOR)
    promoted = await lost.still(await lost.call(ADMINISTRATOR, asked.asked_by))

    with pytest.raises(Forbidden):
        await flow.do_as_second(promoted, asked.id)

    assert await lost.status() is CredentialStatus.ACTIVE


@pytest.mark.parametrize("role", [None, SERVICE_DESK])
async def test_what_somebody_asked_who_may_not_any_more_is_not_done(
    lost, flow, chief, asked, role
):
    await set_role(lost.house, asked.asked_by, role)

    with pytest.raises(Conflict):
        await flow.do_as_second(chief, asked.id)

    assert await lost.status() is CredentialStatus.ACTIVE
    await set_role(lost.house, asked.asked_by, OPERATOR)
    await flow.do_as_second(chief, asked.id)
    assert await lost.status() is CredentialStatus.REVOKED


async def test_who_asked_and_left_counts_for_nobody(lost, flow, chief, asked):
    now = lost.house.ports.clock()
    await employ(lost.house, asked.asked_by, OPERATOR, valid_until=now)

    with pytest.raises(Conflict):
        await flow.do_as_second(chief, asked.id)


async def test_who_asked_and_is_closed_counts_for_nobody(lost, flow, chief, asked):
    def close(tx):
        person = people.get_person(tx, asked.asked_by)
        people.update_person(tx, replace(person, status=PersonStatus.CLOSED))

    await lost.house.registry.commit(close)

    with pytest.raises(Conflict):
        await flow.do_as_second(chief, asked.id)


async def test_an_act_of_nobody_is_not_done(flow, chief):
    with pytest.raises(NotFound):
        await flow.do_as_second(chief, "nobody's")
