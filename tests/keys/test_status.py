"""Which move is allowed from where, and that of two at once none is lost."""

import asyncio
import contextlib
from itertools import product

import pytest

from pairing_server.errors import Conflict, NotFound
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.registry import credentials
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
