"""The registry writes one answer, from an active phone, in time."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from pairing_server.approvals.auth_request import Decision, DenyReason, Status
from pairing_server.approvals.evidence import details
from pairing_server.approvals.record import record_answer
from pairing_server.approvals.refusals import AuthRequestClosed, WorkstationNotKnown
from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.flow import BoundPhone
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.refusals import InvalidAssertion, KeyNotAccepted, PhoneBlocked
from pairing_server.registry import answers, credentials, person_workstations
from pairing_server.registry.credentials import Use
from pairing_server.registry.database import open_registry
from tests.approvals.requests import CODE, NOW, PENDING, approval, denial
from tests.registry.people import CREDENTIAL, PERSON, add_everybody


@pytest.fixture
async def record(desk, clock):
    """Record an answer to a request of the desk's phone."""
    phone = await desk.bound()
    request = replace(PENDING, expires_at=clock() + timedelta(minutes=2))

    async def run(answer, signed=None, now=None, policy=KeyPolicy()):  # noqa: B008
        answer = replace(answer, credential_id=phone.credential.id)
        return await desk.house.registry.commit(
            lambda tx: record_answer(
                tx, request, answer, phone, signed or {}, now or clock(), policy
            )
        )

    return run


#: What a third wrong code is kept as.
WRONG_CODE = replace(approval(), decision=Decision.DENY, reason=DenyReason.WRONG_CODE)


async def there(desk):
    """Whether the workstation is a known one, and whether it wakes the person no more."""
    person = (await desk.bound()).person
    found = await desk.house.registry.read(
        lambda tx: person_workstations.get(
            tx, person.id, PENDING.client_id, PENDING.workstation_id
        )
    )
    return None if found is None else (found.is_known, found.push_closed_at is not None)


async def last_event(desk, *, but_for=0):
    event = (await desk.house.events())[-1 - but_for]
    return event["action"], event["outcome"], msgspec.json.decode(event["evidence"])


async def test_an_approval_is_kept_with_what_was_signed(desk, record):
    signed = details(PENDING, CODE)
    await record(approval(), signed)
    kept = await desk.house.registry.read(lambda tx: answers.get_answer(tx, PENDING.id))
    assert (kept.decision, kept.answer_digest) == (answers.Decision.APPROVE, "yes")
    action, outcome, evidence = await last_event(desk)
    assert (action, outcome) == ("AuthRequestApproved", "success")
    assert evidence == {
        "credential": desk.phone.credential_id,
        "signed": signed,
        "assertion": {"signature": "yes"},
    }


async def test_a_yes_from_a_new_workstation_is_none_where_a_known_one_is_asked_for(desk, clock):
    phone, request = await desk.bound(), replace(PENDING, needs_known_place=True)
    request = replace(request, expires_at=clock() + timedelta(minutes=2))
    answer = replace(approval(), credential_id=phone.credential.id)

    async def record(request, answer):
        await desk.house.registry.commit(
            lambda tx: record_answer(tx, request, answer, phone, {}, clock(), KeyPolicy())
        )

    nameless = replace(request, workstation_id="")
    for unknown in (request, nameless):
        with pytest.raises(WorkstationNotKnown):
            await record(unknown, answer)
    # Who has logged in there by a card, or before the policy was agreed, logs in there again.
    await record(replace(request, id="before", needs_known_place=False), answer)
    await record(request, replace(answer, digest="again", sign_count=2))
    assert await desk.actions("AuthRequestApproved") == ["AuthRequestApproved"] * 2
    # A no counts from anywhere.
    no = replace(denial(reason=DenyReason.OTHER), credential_id=phone.credential.id)
    await record(replace(nameless, id="no"), no)


async def test_a_denial_is_kept_with_its_reason(desk, record):
    await record(denial(reason=DenyReason.OTHER))
    action, outcome, evidence = await last_event(desk)
    assert evidence.pop("shown")["workstation"] == PENDING.shown.workstation
    assert (action, outcome, evidence) == (
        "AuthRequestDenied",
        "success",
        {"credential": desk.phone.credential_id, "reason": "other"},
    )


async def test_not_me_closes_push_and_is_an_event_of_its_own(desk, record, clock):
    await record(denial(reason=DenyReason.NOT_ME))
    action, _, evidence = await last_event(desk, but_for=1)
    assert (action, evidence["reason"]) == ("AuthRequestDenied", "not_me")
    action, outcome, evidence = await last_event(desk)
    assert (action, outcome) == ("PushClosed", "success")
    assert evidence == {
        "auth_request": PENDING.id,
        "workstation_id": PENDING.workstation_id,
        "workstation": PENDING.shown.workstation,
        "location": PENDING.shown.location,
    }
    assert await there(desk) == (False, True)


@pytest.mark.parametrize("answer", [denial(reason=DenyReason.OTHER), WRONG_CODE])
async def test_another_denial_closes_nothing(desk, record, answer):
    await record(answer)
    assert await there(desk) is None
    assert await desk.actions("PushClosed") == []


async def test_an_approval_makes_the_workstation_a_known_one(desk, record):
    await record(approval())
    assert await there(desk) == (True, False)


async def test_an_approval_elsewhere_than_before_is_told_in_the_log(desk, record):
    await desk.approved()
    await record(replace(approval(), sign_count=9))
    action, outcome, evidence = await last_event(desk)
    assert (action, outcome) == ("WorkstationFirstUsed", "success")
    assert evidence["workstation_id"] == PENDING.workstation_id


async def test_wrong_codes_are_kept_as_a_refusal(desk, record):
    await record(WRONG_CODE)
    action, outcome, evidence = await last_event(desk)
    assert (action, outcome, evidence["reason"]) == ("AuthRequestDenied", "refused", "wrong_code")


async def test_the_identical_answer_again_writes_nothing(desk, record, clock):
    await record(approval())
    await record(approval(), now=clock() + timedelta(hours=1))
    assert await desk.actions("AuthRequestApproved") == ["AuthRequestApproved"]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (approval(), approval("other"), Status.APPROVED),
        (approval(), denial(), Status.APPROVED),
        (denial(), approval(), Status.DENIED),
    ],
)
async def test_another_answer_hears_what_stands(desk, record, first, second, told):
    await record(first)
    with pytest.raises(AuthRequestClosed) as closed:
        await record(second)
    assert closed.value.members == {"status": told}
    assert await desk.count("answers") == 1


async def test_nothing_is_written_after_expiry(desk, record, clock):
    with pytest.raises(AuthRequestClosed) as closed:
        await record(approval(), now=clock() + timedelta(minutes=2))
    assert closed.value.members == {"status": Status.EXPIRED}
    assert await desk.count("answers") == 0


@pytest.mark.parametrize("answer", [approval(), denial()])
async def test_a_blocked_phone_answers_nothing(desk, record, answer):
    await desk.block()
    with pytest.raises(PhoneBlocked):
        await record(answer)
    assert await desk.count("answers") == 0


async def test_a_use_is_kept_with_its_count_and_place(desk, record):
    await record(replace(approval(), sign_count=7))
    known = await desk.house.registry.read(
        lambda tx: credentials.get(tx, desk.phone.credential_id)
    )
    shown = PENDING.shown
    assert (known.sign_count, known.last_used_ura) == (7, shown.ura)
    assert (known.last_used_workstation, known.last_used_location) == (
        shown.workstation,
        shown.location,
    )


async def test_a_key_that_its_organisation_does_not_take_approves_nothing_and_denies(desk, record):
    strict = KeyPolicy(verdicts=(AttestationVerdict.HARDWARE,))
    with pytest.raises(KeyNotAccepted):
        await record(approval(), policy=strict)
    assert await desk.count("answers") == 0
    await record(denial(), policy=strict)
    assert await desk.count("answers") == 1


async def test_a_sign_count_that_does_not_grow_is_a_copied_key(desk, record):
    known = (await desk.bound()).credential
    await desk.house.registry.commit(
        lambda tx: credentials.record_use(
            tx, known.id, Use(at=known.bound_at, sign_count=7, backed_up=False)
        )
    )
    with pytest.raises(InvalidAssertion):
        await record(replace(approval(), sign_count=7))
    assert await desk.count("answers") == 0


class MeetingBeforeTheFirstWrite:
    """A transaction that waits for another one before it writes, if that one comes."""

    def __init__(self, tx, both):
        self.one, self.all, self.record = tx.one, tx.all, tx.record
        self._tx, self._both = tx, both

    def run(self, statement, **values):
        with suppress(threading.BrokenBarrierError):
            self._both.wait(0.3)
        return self._tx.run(statement, **values)


async def test_one_phones_approvals_at_two_nodes_wait_and_do_not_deadlock(postgresql_url, clock):
    nodes = [open_registry(postgresql_url, chain=name, clock=clock) for name in ("a", "b")]
    await nodes[0].commit(add_everybody)
    phone, both, runs = BoundPhone(CREDENTIAL, PERSON, "token-1"), threading.Barrier(2), []

    def answered(identifier):
        request, answer = replace(PENDING, id=identifier), replace(approval(), sign_count=0)

        def change(tx):
            runs.append(identifier)
            meeting = MeetingBeforeTheFirstWrite(tx, both)
            record_answer(meeting, request, answer, phone, {}, NOW, KeyPolicy())

        return change

    try:
        await asyncio.gather(
            *(node.commit(answered(name)) for name, node in zip("12", nodes, strict=True))
        )
    finally:
        await asyncio.gather(*(node.close() for node in nodes))
    assert sorted(runs) == ["1", "2"]
