"""An approval is given once and redeemed once, whoever else acts at the same moment."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from clients.auth_request import Closed, WrongCode
from clients.client_data import Flags, Twist
from clients.wire import WireError
from pairing_server.approvals.asked import Asked, request_id
from pairing_server.approvals.auth_request import DenyReason, Status, revoke, settle
from pairing_server.approvals.evidence import challenge, details
from pairing_server.approvals.inbox import MAX_OF_CLIENT
from pairing_server.approvals.refusals import AuthRequestClosed, TooManyOpen
from pairing_server.approvals.refusals import WrongCode as WrongCodeRefusal
from pairing_server.errors import NotFound
from pairing_server.keys.flow import OVERTAKEN
from pairing_server.keys.refusals import InvalidAssertion, PhoneBlocked
from pairing_server.oidc.refusals import UnknownUserId
from pairing_server.registry import RegistryUnavailableError, notices, people
from tests.approvals.desk import MeddlingRegistry, UnreliableRegistry, held, results
from tests.doubles import StalledStore

ISSUED = ("AssertionIssued", "AuthRequestApproved", "AuthRequestDenied")


async def test_64_redemptions_make_one_assertion(desk):
    started = await desk.approved()
    done = await results(*(desk.poll(started) for _ in range(64)))
    assert sorted(done) == ["invalid_grant"] * 63 + ["ok"]
    assert await desk.count("redemptions") == 1
    assert await desk.actions(*ISSUED) == ["AuthRequestApproved", "AssertionIssued"]


async def test_a_store_that_lost_the_redemption_makes_no_second_one(desk):
    started = await desk.approved()
    before = await desk.raw(started)
    assert await desk.outcome(started) == "assertion"
    await desk.roll_back(started, before)
    assert (await desk.record(started)).status is Status.APPROVED
    done = await results(*(desk.poll(started) for _ in range(8)))
    assert done == ["invalid_grant"] * 8
    assert await desk.actions("AssertionIssued") == ["AssertionIssued"]
    assert (await desk.record(started)).status is Status.REDEEMED


async def test_a_store_that_lost_the_approval_takes_no_other_answer(desk):
    started, request = await desk.ask()
    before = await desk.raw(started)
    await desk.phone.approve(request, started.binding_code)
    await desk.roll_back(started, before)
    with pytest.raises(Closed) as closed:
        await desk.phone.deny(request)
    assert closed.value.ended == "approved"
    # The registry had the yes first, and the Store is told so.
    assert await desk.outcome(started) == "assertion"
    assert await desk.count("answers") == 1


async def test_a_forged_approval_is_none(desk):
    started, _ = await desk.ask()
    await desk.change(started, status=Status.APPROVED)
    assert await desk.outcome(started) == "invalid_grant"
    assert await desk.actions(*ISSUED) == []


async def test_a_forged_approval_of_what_was_denied_is_none(desk):
    started, request = await desk.ask()
    await desk.phone.deny(request)
    await desk.change(started, status=Status.APPROVED)
    assert await desk.outcome(started) == "invalid_grant"


async def test_an_approval_moved_to_another_person_is_none(desk):
    colleague = replace(desk.house.holder, uzi_number="900000777", first_names="Bo")
    await desk.house.registered(colleague)
    other = await desk.house.registry.read(lambda tx: people.by_uzi_number(tx, "900000777"))
    started = await desk.approved()
    await desk.change(started, person_id=other.id)
    assert await desk.outcome(started) == "revoked"


async def test_what_was_redeemed_stays_redeemed_when_the_phone_is_blocked_later(desk):
    started = await desk.approved()
    before = await desk.raw(started)
    assert await desk.outcome(started) == "assertion"
    await desk.block()
    await desk.roll_back(started, before)
    assert await desk.outcome(started) == "invalid_grant"
    assert await desk.actions("AssertionRefused") == []


async def test_64_answers_have_one_winner(desk):
    started, request = await desk.ask()
    code = started.binding_code
    approvals = [desk.phone.approve(request, code) for _ in range(32)]
    denials = [
        desk.phone.deny(request, reason) for reason in ("other", "not_me") for _ in range(16)
    ]
    done = await asyncio.gather(*approvals, *denials, return_exceptions=True)
    refused = [error for error in done if error is not None]
    assert {type(error) for error in refused} == {Closed}
    assert await desk.count("answers") == 1
    approved = done[:32].count(None)
    denied = {done[32:48].count(None), done[48:].count(None)}
    assert (approved, denied) in [(1, {0}), (0, {0, 16})]
    events = await desk.actions("AuthRequestApproved", "AuthRequestDenied")
    assert events == ["AuthRequestApproved" if approved else "AuthRequestDenied"]


async def test_64_approvals_have_one_winner(desk):
    started, request = await desk.ask()
    done = await results(*(desk.phone.approve(request, started.binding_code) for _ in range(64)))
    assert sorted(done) == ["auth_request_closed"] * 63 + ["ok"]
    assert await desk.outcome(started) == "assertion"


async def test_64_wrong_codes_are_compared_three_times(desk):
    started, request = await desk.ask()
    done = await results(*(desk.phone.approve(request, "no") for _ in range(64)))
    assert sorted(done) == ["auth_request_closed"] * 61 + ["wrong_code"] * 3
    assert await desk.outcome(started) == "wrong_code"
    assert await desk.actions(*ISSUED) == ["AuthRequestDenied"]


async def test_the_identical_answer_again_is_no_second_one(desk):
    started, request = await desk.ask()
    code = started.binding_code
    body = {"decision": "approve", "code": code, "assertion": desk.assertion(request, code)}
    await desk.phone.answer(request.id, body)
    await desk.phone.answer(request.id, body)
    assert await desk.outcome(started) == "assertion"
    await desk.phone.answer(request.id, body)
    assert await desk.actions(*ISSUED) == ["AuthRequestApproved", "AssertionIssued"]


async def test_the_identical_denial_again_is_no_second_one(desk):
    started, request = await desk.ask()
    await desk.phone.deny(request, "not_me")
    await desk.phone.deny(request, "not_me")
    with pytest.raises(Closed) as closed:
        await desk.phone.deny(request, "other")
    assert closed.value.ended == "denied"
    assert await desk.outcome(started) == "not_me"
    assert await desk.actions(*ISSUED) == ["AuthRequestDenied"]


async def stalled_approval(desk, request, code, meanwhile):
    """Approve, with another step between the read and the swap."""
    store = StalledStore(desk.house.store, meanwhile)
    phone = await desk.bound()
    signed = desk.signed(request, code)
    try:
        await desk.flow(store).approve(phone, request.id, code, signed)
    finally:
        assert store.stalled


async def test_a_denial_between_read_and_swap_wins(desk):
    started, request = await desk.ask()

    async def deny():
        await desk.phone.deny(request)

    with pytest.raises(AuthRequestClosed):
        await stalled_approval(desk, request, started.binding_code, deny)
    assert await desk.outcome(started) == "denied"


async def test_the_third_wrong_code_between_read_and_swap_wins(desk):
    started, request = await desk.ask()
    await desk.change(started, wrong_answers=("1", "2"))

    async def mistype():
        with pytest.raises(WrongCode):
            await desk.phone.approve(request, "no")

    with pytest.raises(AuthRequestClosed):
        await stalled_approval(desk, request, started.binding_code, mistype)
    assert await desk.outcome(started) == "wrong_code"


async def test_an_approval_before_the_third_wrong_code_wins(desk):
    started, request = await desk.ask()
    await desk.change(started, wrong_answers=("1", "2"))

    async def approve():
        await desk.phone.approve(request, started.binding_code)

    with pytest.raises(AuthRequestClosed):
        await stalled_approval(desk, request, "no", approve)
    assert await desk.outcome(started) == "assertion"


async def test_a_newer_request_between_read_and_swap_wins(desk):
    started, request = await desk.ask()

    async def ask_again():
        await desk.ask()

    with pytest.raises(AuthRequestClosed) as closed:
        await stalled_approval(desk, request, started.binding_code, ask_again)
    assert closed.value.members == {"status": Status.SUPERSEDED}
    assert await desk.outcome(started) == "superseded"


async def test_a_block_between_read_and_swap_wins(desk):
    started, request = await desk.ask()
    with pytest.raises(AuthRequestClosed):
        await stalled_approval(desk, request, started.binding_code, desk.block)
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("answers") == 0


async def test_a_denial_that_lost_to_an_approval_is_closed(desk):
    started, request = await desk.ask()

    async def approve():
        await desk.phone.approve(request, started.binding_code)

    store = StalledStore(desk.house.store, approve)
    with pytest.raises(AuthRequestClosed):
        await desk.flow(store).deny(await desk.bound(), request.id, DenyReason.OTHER)
    assert store.stalled
    assert await desk.outcome(started) == "assertion"


async def test_an_approval_that_the_clock_overtakes_is_too_late(desk, clock):
    started, request = await desk.ask()
    await desk.change(started, expires_at=clock() + timedelta(seconds=30))
    registry = MeddlingRegistry(desk.house.registry)

    async def time_passes():
        clock.advance(timedelta(seconds=30))

    phone, signed = await desk.bound(), desk.signed(request, started.binding_code)
    store = StalledStore(desk.house.store, time_passes)
    flow = desk.flow(store, registry)
    with pytest.raises(AuthRequestClosed) as closed:
        await flow.approve(phone, request.id, started.binding_code, signed)
    assert store.stalled
    assert closed.value.members == {"status": Status.EXPIRED}
    assert await desk.count("answers") == 0
    assert await desk.outcome(started) == "expired_token"


async def test_a_block_between_the_check_and_the_commit_wins(desk):
    started, request = await desk.ask()
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = desk.block
    phone, signed = await desk.bound(), desk.signed(request, started.binding_code)
    with pytest.raises(PhoneBlocked):
        await desk.flow(registry=registry).approve(phone, request.id, started.binding_code, signed)
    assert await desk.count("answers") == 0
    assert await desk.outcome(started) == "revoked"


async def test_a_block_after_the_commit_ends_the_request(desk):
    started, request = await desk.ask()
    registry = MeddlingRegistry(desk.house.registry)
    registry.after = desk.block
    phone, signed = await desk.bound(), desk.signed(request, started.binding_code)
    with pytest.raises(AuthRequestClosed):
        await desk.flow(registry=registry).approve(phone, request.id, started.binding_code, signed)
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("redemptions") == 0


async def test_a_block_after_the_approval_refuses_the_redemption_and_is_audited(desk):
    started = await desk.approved()
    await desk.block()
    assert await desk.outcome(started) == "revoked"
    assert await desk.actions("AssertionIssued", "AuthenticatorBlocked") == [
        "AuthenticatorBlocked"
    ]


async def test_an_approval_given_before_a_block_does_not_survive_the_unblocking(desk):
    started = await desk.approved()
    await desk.block()
    await desk.unblock()
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("redemptions") == 0


async def test_an_approval_given_before_a_block_does_not_come_back_with_the_store(desk):
    """The Store forgets that the block ended it, or nobody lived to tell the Store."""
    started = await desk.approved()
    approved = await desk.raw(started)
    await desk.block()
    desk.house.ports.clock.advance(timedelta(seconds=1))
    await desk.unblock()
    await desk.roll_back(started, approved)
    assert await desk.outcome(started) == "revoked"
    assert await desk.count("redemptions") == 0


async def test_an_approval_beside_a_newer_request_is_found_by_a_block(desk):
    """The newer one comes while the older one is claimed: it takes its place in no list."""
    older, request = await desk.ask()
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = desk.ask
    phone, signed = await desk.bound(), desk.signed(request, older.binding_code)
    await desk.flow(registry=registry).approve(phone, request.id, older.binding_code, signed)
    await desk.block()
    await desk.unblock()
    assert await desk.outcome(older) == "revoked"


async def test_what_is_approved_is_not_superseded(desk):
    older = await desk.approved()
    await desk.ask()
    assert await desk.outcome(older) == "assertion"


async def test_a_block_during_a_held_poll_is_heard_at_once(desk):
    started, _ = await desk.ask()
    poll = await held(desk.outcome(started, wait=25))
    await desk.block()
    assert await asyncio.wait_for(poll, 2) == "revoked"


async def test_an_answer_that_was_claimed_in_a_crash_is_completed_by_repeating_it(desk):
    started, request = await desk.ask()
    code = started.binding_code
    registry = UnreliableRegistry(desk.house.registry)
    registry.away = 1
    phone, signed = await desk.bound(), desk.signed(request, code)
    flow = desk.flow(registry=registry)
    with pytest.raises(RegistryUnavailableError):
        await flow.approve(phone, request.id, code, signed)
    assert (await desk.record(started)).status is Status.CLAIMED
    assert await desk.outcome(started) == "pending"
    await flow.approve(phone, request.id, code, signed)
    assert await desk.outcome(started) == "assertion"


async def unheard_approval(desk, *, keeps):
    """Approve while the registry is away, or its answer gets lost."""
    started, request = await desk.ask()
    registry = UnreliableRegistry(desk.house.registry)
    registry.away, registry.keeps = 1, keeps
    phone, signed = await desk.bound(), desk.signed(request, started.binding_code)
    with pytest.raises(RegistryUnavailableError):
        await desk.flow(registry=registry).approve(phone, request.id, started.binding_code, signed)
    return started, request


async def test_an_approval_that_nobody_heard_can_be_denied(desk):
    started, request = await unheard_approval(desk, keeps=False)
    await desk.phone.deny(request, "not_me")
    assert await desk.outcome(started) == "not_me"
    assert await desk.actions(*ISSUED) == ["AuthRequestDenied"]


async def test_an_approval_that_nobody_heard_can_be_given_anew(desk):
    started, request = await unheard_approval(desk, keeps=False)
    await desk.phone.approve(request, started.binding_code)
    assert await desk.outcome(started) == "assertion"
    assert await desk.actions(*ISSUED) == ["AuthRequestApproved", "AssertionIssued"]


async def test_an_approval_that_nobody_heard_is_still_its_phones_alone(desk):
    started, request = await unheard_approval(desk, keeps=False)
    other = await desk.house.bind(await desk.house.logged_in())
    with pytest.raises(Closed) as closed:
        await other.approve(request, started.binding_code)
    assert closed.value.ended == "pending"
    await other.deny(request)
    assert await desk.outcome(started) == "denied"


@pytest.mark.parametrize("answer", ["deny", "approve"])
async def test_an_approval_that_only_the_registry_heard_stands(desk, answer):
    started, request = await unheard_approval(desk, keeps=True)
    call = {
        "deny": lambda: desk.phone.deny(request, "not_me"),
        "approve": lambda: desk.phone.approve(request, started.binding_code),
    }[answer]
    with pytest.raises(Closed) as closed:
        await call()
    assert closed.value.ended == "approved"
    assert await desk.phone.auth_requests() == []
    assert await desk.outcome(started) == "assertion"
    assert await desk.actions(*ISSUED) == ["AuthRequestApproved", "AssertionIssued"]


async def test_an_answer_signed_before_the_one_that_stands_is_told_so(desk):
    """Its sign count is too low by now, which is not what is wrong."""
    started, request = await desk.ask()
    code = started.binding_code
    phone, older = await desk.bound(), desk.signed(request, code)
    registry = UnreliableRegistry(desk.house.registry)
    registry.away, registry.keeps = 1, True
    with pytest.raises(RegistryUnavailableError):
        await desk.flow(registry=registry).approve(
            phone, request.id, code, desk.signed(request, code)
        )
    with pytest.raises(AuthRequestClosed) as closed:
        await desk.flow().approve(await desk.bound(), request.id, code, older)
    assert closed.value.members == {"status": Status.APPROVED}


async def test_an_answer_that_was_replaced_before_its_commit_was_known_takes_effect(desk):
    """The claim is another's when the commit of the first answer is heard."""
    started, request = await desk.ask()
    registry = MeddlingRegistry(desk.house.registry)

    async def deny():
        with pytest.raises(Closed):
            await desk.phone.deny(request)

    registry.after = deny
    phone, signed = await desk.bound(), desk.signed(request, started.binding_code)
    await desk.flow(registry=registry).approve(phone, request.id, started.binding_code, signed)
    assert await desk.outcome(started) == "assertion"


async def test_a_commit_whose_answer_got_lost_is_not_made_twice(desk):
    started, request = await desk.ask()
    code = started.binding_code
    registry = UnreliableRegistry(desk.house.registry)
    registry.away, registry.keeps = 1, True
    phone, signed = await desk.bound(), desk.signed(request, code)
    flow = desk.flow(registry=registry)
    with pytest.raises(RegistryUnavailableError):
        await flow.approve(phone, request.id, code, signed)
    assert await desk.outcome(started) == "pending"
    await flow.approve(phone, request.id, code, signed)
    assert await desk.outcome(started) == "assertion"
    assert await desk.actions(*ISSUED) == ["AuthRequestApproved", "AssertionIssued"]


async def test_an_answer_claimed_in_time_is_not_completed_too_late(desk, clock):
    started, request = await desk.ask(requested_expiry=20)
    code = started.binding_code
    registry = UnreliableRegistry(desk.house.registry)
    registry.away = 1
    phone, signed = await desk.bound(), desk.signed(request, code)
    flow = desk.flow(registry=registry)
    with pytest.raises(RegistryUnavailableError):
        await flow.approve(phone, request.id, code, signed)
    clock.advance(timedelta(seconds=started.expires_in))
    with pytest.raises(AuthRequestClosed):
        await flow.approve(phone, request.id, code, signed)
    assert await desk.count("answers") == 0
    assert await desk.outcome(started) == "expired_token"


async def test_a_wrong_third_code_is_completed_by_repeating_it(desk):
    started, request = await desk.ask()
    await desk.change(started, wrong_answers=("1", "2"))
    registry = UnreliableRegistry(desk.house.registry)
    registry.away = 1
    phone, signed = await desk.bound(), desk.signed(request, "no")
    flow = desk.flow(registry=registry)
    with pytest.raises(RegistryUnavailableError):
        await flow.approve(phone, request.id, "no", signed)
    with pytest.raises(WrongCodeRefusal) as wrong:
        await flow.approve(phone, request.id, "no", signed)
    assert wrong.value.members == {"attempts_left": 0}
    assert await desk.outcome(started) == "wrong_code"


async def test_a_lost_race_of_sign_counts_lets_the_phone_sign_again(desk):
    one, first = await desk.ask(request_context={"workstation_id": "a"})
    two, second = await desk.ask(request_context={"workstation_id": "b"})
    phone = await desk.bound()
    older = desk.signed(first, one.binding_code)
    await desk.phone.approve(second, two.binding_code)
    with pytest.raises(InvalidAssertion):
        await desk.flow().approve(phone, first.id, one.binding_code, older)
    assert (await desk.record(one)).status is Status.PENDING
    await desk.phone.approve(first, one.binding_code)
    assert await desk.outcome(one) == "assertion"


MEMBERS = [
    "id", "client", "organisation", "ura", "role_code", "workstation",
    "location", "message", "nonce", "requested_at",
]  # fmt: skip


@pytest.mark.parametrize("member", MEMBERS)
async def test_a_phone_that_was_shown_something_else_does_not_approve(desk, member):
    started, request = await desk.ask()
    other = msgspec.structs.replace(request, **{member: getattr(request, member) + "x"})
    code = started.binding_code
    body = {"decision": "approve", "code": code, "assertion": desk.assertion(other, code)}
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(request.id, body)
    assert (refused.value.status, refused.value.error) == (400, "invalid_assertion")
    assert (await desk.record(started)).attempts_left == 3
    assert await desk.outcome(started) == "pending"


async def test_a_signed_denial_is_no_approval(desk):
    started, request = await desk.ask()
    code = started.binding_code
    signed = details(await desk.record(started), code) | {"decision": "deny"}
    assertion = desk.phone.assertion(challenge(signed))
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(
            request.id, {"decision": "approve", "code": code, "assertion": assertion}
        )
    assert refused.value.error == "invalid_assertion"


async def test_a_code_other_than_the_signed_one_does_not_count(desk):
    started, request = await desk.ask()
    signed = desk.assertion(request, "111111")
    body = {"decision": "approve", "code": started.binding_code, "assertion": signed}
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(request.id, body)
    assert refused.value.error == "invalid_assertion"
    assert (await desk.record(started)).attempts_left == 3


TWISTS = {
    "challenge": Twist(challenge=b"x" * 32),
    "origin": Twist(origin="https://evil.example"),
    "rp id": Twist(rp_id="evil.example"),
    "type": Twist(type="webauthn.create"),
    "framed": Twist(cross_origin=True),
    "not present": Twist(clear_flags=Flags.UP),
    "not verified": Twist(clear_flags=Flags.UV),
    "backup eligibility": Twist(set_flags=Flags.BE),
    "signature": Twist(spoil_signature=True),
}


@pytest.mark.parametrize("twist", TWISTS.values(), ids=TWISTS)
async def test_what_is_not_well_signed_counts_nothing(desk, twist):
    started, request = await desk.ask()
    await desk.approved(request_context={"workstation_id": "other"})
    body = {
        "decision": "approve",
        "code": "wrong!",
        "assertion": desk.assertion(request, "wrong!", twist),
    }
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(request.id, body)
    assert refused.value.error == "invalid_assertion"
    record = await desk.record(started)
    assert (record.status, record.attempts_left) == (Status.PENDING, 3)


async def test_a_count_that_does_not_grow_blocks_the_phone_and_raises_the_alarm(desk):
    started, request = await desk.ask()
    await desk.approved(request_context={"workstation_id": "other"})
    body = {
        "decision": "approve",
        "code": started.binding_code,
        "assertion": desk.assertion(request, started.binding_code, Twist(sign_count=0)),
    }
    with pytest.raises(WireError) as overtaken:
        await desk.phone.answer(request.id, body)
    assert (overtaken.value.status, overtaken.value.error) == (400, "invalid_assertion")
    desk.house.ports.clock.advance(OVERTAKEN)
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(request.id, body)
    assert (refused.value.status, refused.value.error) == (403, "phone_blocked")
    assert await desk.actions("CloneSuspected", "AuthRequestApproved") == [
        "AuthRequestApproved",
        "CloneSuspected",
    ]
    assert await desk.outcome(started) == "revoked"
    with pytest.raises(WireError, match="phone_blocked"):
        await desk.phone.auth_requests()
    told = await desk.house.registry.read(
        lambda tx: notices.of_organisation(tx, desk.house.holder.ura)
    )
    assert [notice.kind for notice in told] == ["sign_count"]


async def test_an_assertion_for_one_request_does_not_approve_another(desk):
    """Both are open, of the same client, and with the same code."""
    first, one = await desk.ask(binding_message="042917")
    second, other = await desk.ask(
        binding_message="042917", request_context={"workstation_id": "other"}
    )
    body = {"decision": "approve", "code": "042917", "assertion": desk.assertion(one, "042917")}
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(other.id, body)
    assert refused.value.error == "invalid_assertion"
    await desk.phone.answer(one.id, body)
    assert (await desk.outcome(first), await desk.outcome(second)) == ("assertion", "pending")


async def test_the_key_of_another_phone_of_the_same_person_does_not_sign_for_this_one(desk):
    page = await desk.house.logged_in()
    other = await desk.house.bind(page)
    started, request = await desk.ask()
    assertion = other.assertion(b"x" * 32)
    body = {"decision": "approve", "code": started.binding_code, "assertion": assertion}
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(request.id, body)
    assert refused.value.error == "invalid_assertion"
    await other.approve(request, started.binding_code)
    assert await desk.outcome(started) == "assertion"


async def test_a_good_signature_under_another_credential_id_does_not_approve(desk):
    started, request = await desk.ask()
    code = started.binding_code
    other = {"id": "b3RoZXI", "rawId": "b3RoZXI"}
    body = {
        "decision": "approve",
        "code": code,
        "assertion": desk.assertion(request, code) | other,
    }
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(request.id, body)
    assert refused.value.error == "invalid_assertion"
    assert await desk.outcome(started) == "pending"


async def test_a_newer_request_at_the_same_workstation_ends_the_older(desk):
    older, _ = await desk.ask()
    poll = await held(desk.outcome(older, wait=25))
    newer, request = await desk.ask()
    assert await asyncio.wait_for(poll, 2) == "superseded"
    assert await desk.phone.auth_requests() == [request]
    assert await desk.outcome(newer) == "pending"


async def test_nobody_ends_the_request_of_another_workstation_or_client(desk):
    mine, _ = await desk.ask()
    await desk.ask(request_context={"workstation_id": "another"})
    await desk.ask(request_context={})
    other_client = await desk.house.workstation("EPD")
    await desk.house.ask(other_client)
    assert await desk.outcome(mine) == "pending"
    assert len(await desk.phone.auth_requests()) == 4


async def test_what_ran_out_is_not_said_to_be_superseded(desk, clock):
    older, _ = await desk.ask(requested_expiry=10)
    clock.advance(timedelta(seconds=10))
    await desk.ask()
    assert await desk.outcome(older) == "expired_token"


async def test_three_without_a_workstation_may_be_open(desk):
    asked = [await desk.ask(request_context={}) for _ in range(3)]
    with pytest.raises(WireError) as refused:
        await desk.ask(request_context={})
    assert (refused.value.status, refused.value.error) == (403, "access_denied")
    await desk.phone.deny(asked[0][1])
    await desk.phone.approve(asked[1][1], asked[1][0].binding_code)
    await desk.ask(request_context={})
    await desk.ask(request_context={})
    assert len(await desk.phone.auth_requests()) == 3


async def test_a_client_cannot_flood_a_phone_and_mutes_nobody(desk):
    for n in range(MAX_OF_CLIENT):
        await desk.ask(request_context={"workstation_id": f"ws-{n}"})
    with pytest.raises(WireError) as refused:
        await desk.ask(request_context={"workstation_id": "one more"})
    assert (refused.value.status, refused.value.error) == (403, "access_denied")
    assert len(await desk.phone.auth_requests()) == MAX_OF_CLIENT
    await desk.house.ask(await desk.house.workstation("EPD"))
    assert len(await desk.phone.auth_requests()) == MAX_OF_CLIENT + 1


async def test_a_request_that_was_turned_away_leaves_nothing_behind(desk):
    for _ in range(3):
        _, request = await desk.ask(request_context={})
    stored = (await desk.shelf.get(request.id)).value
    asked = asked_like(stored)
    created = []

    class Watched(StalledStore):
        async def create(self, key, value, ttl):
            created.append(key)
            return await super().create(key, value, ttl)

    with pytest.raises(TooManyOpen):
        await desk.flow(Watched(desk.house.store, never)).ask(asked)
    assert len(created) == 1
    assert await desk.house.store.get(created[0]) is None


def asked_like(stored):
    return Asked(
        client_id=stored.client_id,
        person_id=stored.person_id,
        workstation_id=stored.workstation_id,
        scope=stored.scope,
        shown=stored.shown,
        code=stored.code,
        lifetime=timedelta(minutes=2),
    )


async def never():
    """Not reached, or harmless."""


async def test_a_block_that_overlooks_a_request_still_ends_it(desk):
    """The block looks into the inbox after the client was let in and before the request is put."""
    started, _ = await desk.ask(request_context={"workstation_id": "before"})
    asked = replace(asked_like(await desk.record(started)), workstation_id="after")
    store = StalledStore(desk.house.store, desk.block)
    auth_req_id, _ = await desk.flow(store).ask(asked)
    assert store.stalled
    assert (await desk.shelf.get(request_id(auth_req_id))).value.status is Status.REVOKED


async def test_two_requests_that_meet_in_the_inbox_are_both_there(desk):
    started, _ = await desk.ask()
    asked = replace(asked_like(await desk.record(started)), workstation_id="second")

    async def another():
        await desk.ask(request_context={"workstation_id": "third"})

    store = StalledStore(desk.house.store, another)
    await desk.flow(store).ask(asked)
    assert store.stalled
    assert len(await desk.phone.auth_requests()) == 3


async def test_a_denied_request_that_is_settled_late_stays_denied(desk):
    started, request = await desk.ask()
    await desk.phone.deny(request)
    record = await desk.record(started)
    assert settle(record, record.answer) == record
    assert revoke(record, record.expires_at - timedelta(seconds=1)) == record


async def test_a_request_that_the_store_lost_is_not_found(desk):
    started, request = await desk.ask()
    await desk.shelf.delete(request.id)
    with pytest.raises(WireError) as refused:
        await desk.phone.approve(request, started.binding_code)
    assert refused.value.status == NotFound.status
    assert await desk.phone.auth_requests() == []
    assert await desk.outcome(started) == "invalid_grant"


async def test_a_store_that_loses_a_request_during_its_approval_lets_nobody_in(desk):
    started, request = await desk.ask()
    registry = MeddlingRegistry(desk.house.registry)

    async def lose():
        await desk.shelf.delete(request.id)

    registry.after = lose
    phone, signed = await desk.bound(), desk.signed(request, started.binding_code)
    await desk.flow(registry=registry).approve(phone, request.id, started.binding_code, signed)
    assert await desk.outcome(started) == "invalid_grant"


async def test_nobody_without_an_active_phone_is_asked(desk):
    await desk.block()
    with pytest.raises(WireError) as refused:
        await desk.ask()
    assert refused.value.error == UnknownUserId.code
