"""At the moment of the commit: who acts, the phone and the policy are as they are then.

Each test lets somebody else be faster, between the page that was opened and the commit; what the
pages show of it is in `test_person_routes`.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from admin.access import Act
from admin.lost_phone import LostPhoneFlow
from admin.refusals import Forbidden, SecondNeeded
from pairing_server.errors import Conflict, NotFound, Unauthenticated
from pairing_server.registry import people, sessions
from pairing_server.registry.credentials import CredentialStatus
from tests.admin.desk import set_role
from tests.admin.lost import SERVICE_DESK, with_registry

SEEN = {"lost_at": "2026-11-26T03:00:00Z"}


@pytest.fixture
def flow(lost, meddled):
    """The lost phone, with somebody who may be faster."""
    return LostPhoneFlow(*with_registry(lost, meddled))


def acts(flow, still, phone):
    return {
        Act.BLOCK_PHONE: lambda: flow.block(still, phone, SEEN),
        Act.REVOKE_PHONE: lambda: flow.revoke(still, phone, SEEN),
        Act.UNBLOCK_PHONE: lambda: flow.offer_unblocking(still, phone),
    }


ACTS = [Act.BLOCK_PHONE, Act.REVOKE_PHONE, Act.UNBLOCK_PHONE]


@pytest.mark.parametrize("act", ACTS)
async def test_who_is_dismissed_at_that_moment_does_nothing(lost, flow, meddled, act):
    if act is Act.UNBLOCK_PHONE:
        await lost.block()
    before, still = await lost.status(), await lost.still()
    meddled.before = lambda: set_role(lost.house, "administrator", None)

    with pytest.raises(Unauthenticated):
        await acts(flow, still, lost.phone.credential_id)[act]()

    assert meddled.before is None
    assert await lost.status() is before


@pytest.mark.parametrize("act", [Act.REVOKE_PHONE, Act.UNBLOCK_PHONE])
async def test_who_becomes_service_desk_at_that_moment_does_no_more_than_that(
    lost, flow, meddled, act
):
    if act is Act.UNBLOCK_PHONE:
        await lost.block()
    before, still = await lost.status(), await lost.still()
    meddled.before = lambda: set_role(lost.house, "administrator", SERVICE_DESK)

    with pytest.raises(Forbidden):
        await acts(flow, still, lost.phone.credential_id)[act]()

    assert await lost.status() is before


async def test_a_session_that_ends_at_that_moment_blocks_nothing(lost, flow, meddled):
    still = await lost.still()

    async def log_out():
        await lost.house.registry.commit(
            lambda tx: sessions.end_of_member(
                tx, "administrator", lost.house.holder.ura, lost.house.ports.clock()
            )
        )

    meddled.before = log_out

    with pytest.raises(Unauthenticated):
        await flow.block(still, lost.phone.credential_id, SEEN)

    assert await lost.status() is CredentialStatus.ACTIVE


async def test_a_phone_that_its_person_revokes_at_that_moment_is_not_blocked(lost, flow, meddled):
    still = await lost.still()
    meddled.before = lambda: lost.house.phone_status().revoke(
        lost.phone.credential_id, "operator:test"
    )

    with pytest.raises(Conflict):
        await flow.block(still, lost.phone.credential_id, SEEN)

    assert await lost.status() is CredentialStatus.REVOKED
    assert await lost.count("AuthenticatorBlocked") == 0


async def test_who_is_unlinked_at_that_moment_is_another_organisations(lost, flow, meddled):
    still = await lost.still()
    await lost.works_elsewhere_too()

    async def unlink():
        def change(tx):
            held = people.membership(tx, lost.person_id, lost.house.holder.ura)
            # Before the flow looks at the clock, which it does before it commits.
            over = lost.house.ports.clock() - timedelta(minutes=1)
            people.put_membership(tx, replace(held, valid_until=over))

        await lost.house.registry.commit(change)

    meddled.before = unlink

    with pytest.raises(NotFound):
        await flow.block(still, lost.phone.credential_id, SEEN)

    assert await lost.status() is CredentialStatus.ACTIVE


async def test_an_organisation_that_wants_two_at_that_moment_gets_two(lost, flow, meddled):
    still = await lost.still()
    meddled.before = lambda: lost.want_two_for("revoke_phone")

    with pytest.raises(SecondNeeded):
        await flow.revoke(still, lost.phone.credential_id, SEEN)

    assert await lost.status() is CredentialStatus.ACTIVE


async def test_of_two_who_block_one_phone_one_did(lost, flow):
    still = await lost.still()
    phone = lost.phone.credential_id

    done = await asyncio.gather(
        *(flow.block(still, phone, SEEN) for _ in range(8)), return_exceptions=True
    )

    assert [type(each) for each in done if each is not None] == [Conflict] * 7
    assert await lost.count("AuthenticatorBlocked") == 1
