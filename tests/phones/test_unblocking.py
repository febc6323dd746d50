"""A blocked phone is unblocked by its holder and an administrator, together and not alone."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from clients.auth_request import WrongCode
from clients.client_data import Flags, Twist
from clients.phone_challenge import unblock_challenge, unblock_details
from pairing_server.errors import Conflict, Expired, NotFound
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.keys.refusals import NotUnblocked
from pairing_server.phones.refusals import NotOffered
from pairing_server.phones.unblocking import (
    CODE_ATTEMPTS,
    OFFER_LIFETIME,
    Offer,
    type_code,
)
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.tables import person
from tests.approvals.desk import MeddlingRegistry, results
from tests.phones.conftest import refused

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
OFFER = Offer(actor="operator:test", code="123456", expires_at=NOW + OFFER_LIFETIME)


@pytest.fixture
async def unblocking(owner):
    """Block the owner's phone."""
    await owner.block()
    return owner.flows(owner.ports())[4]


@given(st.lists(st.text("0123456789", min_size=6, max_size=6), max_size=6))
def test_no_more_than_three_wrong_codes_are_ever_compared(codes):
    offer = OFFER
    for number, code in enumerate(code for code in codes if code != OFFER.code):
        if number >= CODE_ATTEMPTS:
            with pytest.raises(NotOffered):
                type_code(offer, OFFER.code, NOW)
            return
        offer = type_code(offer, code, NOW)
        assert (offer.is_typed, offer.attempts_left) == (False, CODE_ATTEMPTS - number - 1)


def test_the_right_code_is_right_until_the_offer_is_over():
    assert type_code(OFFER, "123456", NOW).is_typed
    with pytest.raises(Expired):
        type_code(OFFER, "123456", OFFER.expires_at)


async def test_the_holder_types_the_administrators_code(owner, unblocking):
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    await owner.phone.unblock(offer.code)
    assert await owner.phone.auth_requests() == []
    assert (await owner.stored()).status is CredentialStatus.ACTIVE
    (event,) = await owner.events("AuthenticatorUnblocked")
    evidence = msgspec.json.decode(event["evidence"])
    assert (event["actor"].partition(":")[0], evidence["offered_by"]) == (
        "person",
        "operator:test",
    )
    assert evidence["signed"]["code"] == offer.code
    assert len(await owner.events("UnblockingOffered")) == 1


async def test_who_waits_hears_of_it(owner, unblocking):
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    waiting = asyncio.create_task(
        unblocking.wait(owner.phone.credential_id, timedelta(seconds=20))
    )
    await asyncio.sleep(0.1)
    await owner.phone.unblock(offer.code)
    assert await asyncio.wait_for(waiting, 10)
    assert not await unblocking.wait("unknown", timedelta(0))


async def test_without_an_offer_the_holder_unblocks_nothing(owner, unblocking):
    assert await refused(owner.phone.unblock("123456")) == (404, "not_found")
    assert (await owner.stored()).status is CredentialStatus.BLOCKED


async def test_three_wrong_codes_end_the_offer(owner, unblocking):
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    wrong = "000000" if offer.code != "000000" else "111111"
    left = []
    for _ in range(3):
        with pytest.raises(WrongCode) as told:
            await owner.phone.unblock(wrong)
        left.append(told.value.attempts_left)
    assert left == [2, 1, 0]
    assert await refused(owner.phone.unblock(offer.code)) == (404, "not_found")
    assert (await owner.stored()).status is CredentialStatus.BLOCKED


async def test_of_many_codes_at_once_three_are_compared(owner, unblocking):
    await unblocking.offer(owner.phone.credential_id, "operator:test")
    done = await results(*(owner.phone.unblock(f"{n:05}x") for n in range(16)))
    assert done.count("wrong_code") == 3
    assert set(done) == {"wrong_code", "not_found"}


async def test_a_newer_offer_takes_the_place_of_the_older_one(owner, unblocking):
    old = await unblocking.offer(owner.phone.credential_id, "operator:test")
    new = await unblocking.offer(owner.phone.credential_id, "operator:test")
    if old.code != new.code:
        assert (await refused(owner.phone.unblock(old.code)))[0] == 422
    await owner.phone.unblock(new.code)


WRONG = {
    "another challenge": Twist(challenge=b"another" * 4),
    "another origin": Twist(origin="https://evil.example"),
    "an unverified user": Twist(clear_flags=Flags.UV),
    "another signature": Twist(spoil_signature=True),
}


@pytest.mark.parametrize("twist", WRONG.values(), ids=WRONG)
async def test_what_the_key_did_not_sign_unblocks_nothing_and_counts_nothing(
    owner, unblocking, twist
):
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    phone = owner.phone
    for _ in range(4):
        drawn = await phone.token_challenge()
        details = unblock_details(drawn.challenge, credential=phone.credential_id, code=offer.code)
        assertion = phone.authenticator.get(
            unblock_challenge(details), phone.rp_id, phone.origin, twist
        )
        body = {"id": drawn.id, "code": offer.code, "assertion": assertion}
        told = await refused(phone._call("POST", "/phone/unblocking", body))
        assert told == (400, "invalid_assertion")
    assert (await owner.stored()).status is CredentialStatus.BLOCKED
    await phone.unblock(offer.code)


async def test_another_phone_of_the_person_does_not_sign_for_it(owner, unblocking):
    other = await owner.another()
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    assert (await refused(other.unblock(offer.code)))[0] == 404
    assert (await owner.stored()).status is CredentialStatus.BLOCKED


async def test_a_challenge_is_spent_by_its_use(owner, unblocking):
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    phone = owner.phone
    drawn = await phone.token_challenge()
    details = unblock_details(drawn.challenge, credential=phone.credential_id, code=offer.code)
    assertion = phone.assertion(unblock_challenge(details))
    body = {"id": drawn.id, "code": offer.code, "assertion": assertion}
    await phone._call("POST", "/phone/unblocking", body)
    await owner.block()
    await unblocking.offer(phone.credential_id, "operator:test")
    assert (await refused(phone._call("POST", "/phone/unblocking", body)))[0] == 404


async def test_a_phone_that_may_have_been_copied_is_not_unblocked(owner):
    await owner.house.phone_status().suspect(owner.phone.credential_id)
    unblocking = owner.flows(owner.ports())[4]
    with pytest.raises(NotUnblocked):
        await unblocking.offer(owner.phone.credential_id, "operator:test")


async def test_the_phone_of_a_closed_person_is_not_unblocked(owner, unblocking):
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    closing = sa.update(person).values(status="closed")
    await owner.house.registry.commit(lambda tx: tx.run(closing))
    assert await refused(owner.phone.unblock(offer.code)) == (400, "invalid_assertion")
    assert (await owner.stored()).status is CredentialStatus.BLOCKED


async def test_a_phone_that_is_not_blocked_is_not_offered(owner):
    unblocking = owner.flows(owner.ports())[4]
    with pytest.raises(Conflict):
        await unblocking.offer(owner.phone.credential_id, "operator:test")
    with pytest.raises(NotFound):
        await unblocking.offer("unknown", "operator:test")


async def test_a_revocation_before_the_commit_wins(owner, unblocking):
    offer = await unblocking.offer(owner.phone.credential_id, "operator:test")
    registry = MeddlingRegistry(owner.house.registry)
    registry.before = owner.revoke
    phone, flow = owner.phone, owner.flows(owner.ports(registry=registry))[4]
    drawn = await phone.token_challenge()
    details = unblock_details(drawn.challenge, credential=phone.credential_id, code=offer.code)
    assertion = msgspec.convert(
        phone.assertion(unblock_challenge(details)), AuthenticationResponse
    )
    with pytest.raises(Conflict):
        await flow.complete(drawn.id, offer.code, assertion)
    assert (await owner.stored()).status is CredentialStatus.REVOKED
