"""Whoever reads at the same moment: each end is written once, and by what stands."""

import asyncio

import pytest

from pairing_server.registry import RegistryUnavailableError
from tests.approvals.desk import Desk, MeddlingRegistry, UnreliableRegistry
from tests.oidc.test_redemption import QUIET_ENDS
from tests.xis.client import CANCELLED, CLOSED, FINISHED, OPENED, UNSIGNED
from tests.xis.flows import Steps, client_of


async def approved(desk, xis):
    """A session that was approved and of which nobody has read."""
    opened = await xis.open()
    await desk.phone.approve(await xis.scan(opened), "")
    return opened


async def signed(desk, xis):
    """A session with a transaction that was approved and of which nobody has read."""
    session = await xis.opened()
    _, asked = await xis.sign(session)
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, asked["bindingCode"])
    return session


def types(told):
    return [each.type for each in told]


async def test_many_readers_open_a_session_once(desk, xis):
    await approved(desk, xis)
    read = await asyncio.gather(*(xis.events(after=0) for _ in range(16)))
    assert {tuple(types(told)) for told in read} == {(3, OPENED)}
    assert await desk.count("redemptions") == 1


async def test_many_readers_finish_a_transaction_once(desk, xis):
    await signed(desk, xis)
    read = await asyncio.gather(*(xis.events(after=2) for _ in range(16)))
    assert {tuple(types(told)) for told in read} == {(FINISHED,)}
    assert await desk.count("redemptions") == 2


async def test_a_reader_between_the_look_and_the_commit_has_opened_it(desk, xis, stores):
    await approved(desk, xis)
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: xis.events(after=0)
    await Steps(desk, stores, registry).settling.settle(await client_of(desk))
    assert types(await xis.events(after=1)) == [OPENED]


async def test_a_close_between_the_look_and_the_commit_wins(desk, xis, stores):
    opened = await approved(desk, xis)
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: xis.close(opened["id"])
    await Steps(desk, stores, registry).settling.settle(await client_of(desk))
    assert types(await xis.events(after=1)) == [CANCELLED]
    assert await desk.count("redemptions") == 0


async def test_a_close_between_the_look_and_the_signature_wins(desk, xis, stores):
    session = await signed(desk, xis)
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: xis.close(session)
    await Steps(desk, stores, registry).settling.settle(await client_of(desk))
    assert types(await xis.events(after=2)) == [UNSIGNED, CLOSED]
    assert await desk.count("redemptions") == 1


@pytest.mark.parametrize("end", [*QUIET_ENDS, Desk.block])
async def test_what_ends_between_the_look_and_the_commit_opens_nothing(desk, xis, stores, end):
    await approved(desk, xis)
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = lambda: end(desk)
    await Steps(desk, stores, registry).settling.settle(await client_of(desk))
    (told,) = await xis.events(after=1)
    assert (told.type, told.payload["Reason"]) == (CANCELLED, "revoked")
    assert await desk.count("redemptions") == 0
    assert await desk.actions("AssertionIssued", "AssertionRefused") == ["AssertionRefused"]


async def test_a_registry_that_is_away_opens_nothing_and_loses_nothing(desk, xis, stores):
    await approved(desk, xis)
    registry = UnreliableRegistry(desk.house.registry)
    registry.away = 1
    with pytest.raises(RegistryUnavailableError):
        await Steps(desk, stores, registry).settling.settle(await client_of(desk))
    assert types(await xis.events(after=1)) == [OPENED]


async def test_an_opening_whose_word_got_lost_is_not_made_twice(desk, xis, stores):
    await approved(desk, xis)
    registry = UnreliableRegistry(desk.house.registry)
    registry.away, registry.keeps = 1, True
    with pytest.raises(RegistryUnavailableError):
        await Steps(desk, stores, registry).settling.settle(await client_of(desk))
    assert types(await xis.events(after=1)) == [OPENED]
    assert await desk.count("redemptions") == 1


async def test_a_block_between_the_look_and_the_close_of_a_session_ends_it_once(desk, xis):
    session = await xis.opened()
    await asyncio.gather(desk.block(), xis.close(session))
    assert types(await xis.events(after=2)) == [CLOSED]
