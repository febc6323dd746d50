"""Which move is allowed from where, and that of two at once none is lost."""

import asyncio
import contextlib
from itertools import product

import pytest

from pairing_server.errors import Conflict, NotFound
from pairing_server.keys.refusals import NotUnblocked
from pairing_server.keys.status import PhoneStatusFlow, Reason
from pairing_server.registry import credentials, device_tokens, people, phone_notices
from pairing_server.registry.credentials import CredentialStatus
from tests.keys.handset import add_handset

ACTIVE, BLOCKED, REVOKED = (
    CredentialStatus.ACTIVE,
    CredentialStatus.BLOCKED,
    CredentialStatus.REVOKED,
)
MOVES = {
    (ACTIVE, "block"): (BLOCKED, "AuthenticatorBlocked"),
    (ACTIVE, "revoke"): (REVOKED, "AuthenticatorRevoked"),
    (BLOCKED, "unblock"): (ACTIVE, "AuthenticatorUnblocked"),
    (BLOCKED, "revoke"): (REVOKED, "AuthenticatorRevoked"),
}
REFUSED = sorted(set(product(CredentialStatus, ["block", "unblock", "revoke"])) - set(MOVES))


async def status_of(registry, handset):
    return (await registry.read(lambda tx: credentials.get(tx, handset.credential_id))).status


@pytest.mark.parametrize(("move", "then"), MOVES.items())
async def test_a_move_that_is_allowed(
    *, registry, person, clock, status, cut_off, audit, move, then
):
    before, act = move
    handset = await add_handset(registry, person, clock(), status=before)
    await getattr(status, act)(handset.credential_id, "operator:test")
    assert await status_of(registry, handset) is then[0]
    (event,) = await audit()
    assert (event["action"], event["actor"]) == (then[1], "operator:test")
    assert event["object"] == f"credential:{handset.credential_id}"
    assert cut_off.people == [person.id] * (act != "unblock")


@pytest.mark.parametrize(("before", "act"), REFUSED)
async def test_a_move_that_is_not(*, registry, person, clock, status, cut_off, audit, before, act):
    handset = await add_handset(registry, person, clock(), status=before)
    with pytest.raises(Conflict) as refused:
        await getattr(status, act)(handset.credential_id, "operator:test")
    assert refused.value.members == {"status": before}
    assert await status_of(registry, handset) is before
    assert (await audit(), cut_off.people) == ([], [])


@pytest.mark.parametrize("act", ["block", "unblock", "revoke"])
async def test_an_unknown_phone_is_not_moved(status, act):
    with pytest.raises(NotFound):
        await getattr(status, act)("unknown", "operator:test")


async def test_a_block_and_a_revocation_at_once_end_revoked(
    *, registry, other_node, handset, status, clock, cut_off, audit
):
    elsewhere = PhoneStatusFlow(other_node, clock, cut_off)
    acts = [
        status.block(handset.credential_id, "operator:one"),
        elsewhere.revoke(handset.credential_id, "operator:two"),
    ]
    blocked, revoked = await asyncio.gather(*acts, return_exceptions=True)
    assert revoked is None
    assert await status_of(registry, handset) is REVOKED
    actions = {event["action"] for event in await audit()}
    assert actions == {"AuthenticatorRevoked"} | (
        set() if isinstance(blocked, Conflict) else {"AuthenticatorBlocked"}
    )


async def test_of_64_who_revoke_at_once_one_does(handset, status, cut_off, audit):
    acts = [status.revoke(handset.credential_id, "operator:test") for _ in range(64)]
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert len([each for each in outcomes if isinstance(each, Conflict)]) == 63
    assert len(await audit()) == len(cut_off.people) == 1


class StalledTransaction:
    """A transaction in which another node moves the phone between the read and the write."""

    def __init__(self, tx, meanwhile):
        self._tx = tx
        self._meanwhile = meanwhile
        self.all, self.record = tx.all, tx.record

    def one(self, statement, **values):
        row = self._tx.one(statement, **values)
        if row is not None:
            meanwhile, self._meanwhile = self._meanwhile, lambda _: None
            meanwhile(self._tx)
        return row

    def run(self, statement, **values):
        return self._tx.run(statement, **values)


class StalledRegistry:
    """Runs changes in a stalled transaction."""

    def __init__(self, registry, meanwhile):
        self._registry = registry
        self._meanwhile = meanwhile

    async def commit(self, change):
        return await self._registry.commit(
            lambda tx: change(StalledTransaction(tx, self._meanwhile))
        )


@pytest.mark.parametrize(
    ("before", "meanwhile", "act", "after"),
    [
        (BLOCKED, ACTIVE, "revoke", REVOKED),
        (ACTIVE, BLOCKED, "revoke", REVOKED),
        (BLOCKED, REVOKED, "unblock", Conflict),
        (ACTIVE, REVOKED, "block", Conflict),
        (ACTIVE, BLOCKED, "block", Conflict),
    ],
)
async def test_a_move_between_the_read_and_the_write_is_seen(
    *, registry, person, clock, cut_off, before, meanwhile, act, after
):
    handset = await add_handset(registry, person, clock(), status=before)

    def moved(tx):
        assert credentials.set_status(tx, handset.credential_id, before, meanwhile, clock())

    flow = PhoneStatusFlow(StalledRegistry(registry, moved), clock, cut_off)
    refuses = after is Conflict
    with pytest.raises(Conflict) if refuses else contextlib.nullcontext() as refused:
        await getattr(flow, act)(handset.credential_id, "operator:test")
    assert refused is None or refused.value.members == {"status": meanwhile}
    assert refuses or await status_of(registry, handset) is after


async def test_a_revocation_takes_along_all_that_was_derived(registry, person, clock, status):
    handset = await add_handset(
        registry, person, clock(), push_service="fcm", push_address="address"
    )
    await registry.commit(
        lambda tx: people.set_default_phone(tx, person.id, handset.credential_id)
    )
    await registry.commit(
        lambda tx: device_tokens.announce(tx, handset.credential_id, "announced")
    )
    await status.revoke(handset.credential_id, "operator:test", Reason.LOST)
    kept = await registry.read(lambda tx: credentials.get(tx, handset.credential_id))
    assert (kept.device_token_digest, kept.next_device_token_digest) == (None, None)
    assert (kept.push_service, kept.push_address, kept.status_reason) == (None, None, "lost")
    owner = await registry.read(lambda tx: people.get_person(tx, person.id))
    assert owner.default_phone is None
    assert owner.signed_out_at is not None


async def test_a_block_takes_nothing_along_that_an_unblocking_could_not_give_back(
    registry, person, clock, status
):
    handset = await add_handset(
        registry, person, clock(), push_service="fcm", push_address="address"
    )
    before = await registry.read(lambda tx: credentials.get(tx, handset.credential_id))
    await status.block(handset.credential_id, "operator:test")
    await status.unblock(handset.credential_id, "operator:test")
    after = await registry.read(lambda tx: credentials.get(tx, handset.credential_id))
    assert (after.device_token_digest, after.push_address) == (
        before.device_token_digest,
        before.push_address,
    )
    owner = await registry.read(lambda tx: people.get_person(tx, person.id))
    assert owner.signed_out_at is None


@pytest.mark.parametrize(
    ("act", "kinds"),
    [
        ("block", ["phone_blocked"]),
        ("revoke", ["phone_revoked"]),
        ("suspect", ["sign_count"]),
    ],
)
async def test_the_person_is_told_in_the_same_commit(registry, person, clock, status, act, kinds):
    handset = await add_handset(registry, person, clock())
    arguments = [] if act == "suspect" else ["operator:test"]
    await getattr(status, act)(handset.credential_id, *arguments)
    told = await registry.read(lambda tx: phone_notices.of_person(tx, person.id, clock()))
    assert [notice.kind for notice in told] == kinds


async def test_a_suspected_phone_is_blocked_once_and_not_unblocked(
    registry, person, clock, status, audit
):
    handset = await add_handset(registry, person, clock())
    await status.suspect(handset.credential_id)
    await status.suspect(handset.credential_id)
    assert [event["action"] for event in await audit()] == ["CloneSuspected"]
    with pytest.raises(NotUnblocked):
        await status.unblock(handset.credential_id, "operator:test")
    assert await status_of(registry, handset) is BLOCKED


async def test_of_two_administrators_at_once_one_blocks_and_both_are_answered(
    *, registry, other_node, handset, clock, status, cut_off, audit
):
    elsewhere = PhoneStatusFlow(other_node, clock, cut_off)
    done = await asyncio.gather(
        status.block(handset.credential_id, "administrator:one"),
        elsewhere.block(handset.credential_id, "administrator:two"),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) == ["Conflict", "NoneType"]
    assert [event["action"] for event in await audit()] == ["AuthenticatorBlocked"]


async def test_of_an_unblocking_and_a_revocation_at_once_the_revocation_stands(
    registry, other_node, person, clock, status, cut_off
):
    handset = await add_handset(registry, person, clock(), status=BLOCKED)
    elsewhere = PhoneStatusFlow(other_node, clock, cut_off)
    await asyncio.gather(
        status.unblock(handset.credential_id, "administrator:one"),
        elsewhere.revoke(handset.credential_id, "administrator:two"),
        return_exceptions=True,
    )
    assert await status_of(registry, handset) is REVOKED
