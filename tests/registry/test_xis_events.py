"""Events are numbered without gaps, in the order in which they become visible."""

import asyncio
from datetime import timedelta

import pytest

from pairing_server.clock import utc_now
from pairing_server.registry import clients, xis_events
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.database import open_registry
from pairing_server.registry.xis_events import KEPT_FOR, Head
from tests.approvals.requests import NOW


def client(identifier):
    return Client(
        id=identifier,
        name="HIS",
        jwks={},
        uras=(),
        redirect_uris=(),
        policy={},
        status=ClientStatus.ACTIVE,
        created_at=NOW,
    )


@pytest.fixture
async def nodes(database_url):
    """Two nodes on one database, and two clients."""
    opened = [open_registry(database_url, chain=name, clock=utc_now) for name in ("a", "b")]
    await opened[0].commit(lambda tx: [clients.add(tx, client(each)) for each in ("x", "y")])
    yield opened
    for node in opened:
        await node.close()


async def append(node, identifier="x", at=NOW):
    return await node.commit(lambda tx: xis_events.append(tx, identifier, 1, "{}", at))


async def kept(node, after=0, identifier="x"):
    found = await node.read(lambda tx: xis_events.after(tx, identifier, after))
    return [each.number for each in found]


async def test_each_client_has_numbers_of_its_own(nodes):
    assert [await append(nodes[0], each) for each in "xyx"] == [1, 1, 2]
    assert (await kept(nodes[0]), await kept(nodes[0], identifier="y")) == ([1, 2], [1])


async def test_two_nodes_leave_no_gap_and_give_no_number_twice(nodes):
    given = await asyncio.gather(*(append(node) for node in nodes for _ in range(16)))
    assert sorted(given) == list(range(1, 33))
    assert await kept(nodes[1]) == list(range(1, 33))


async def test_what_is_undone_leaves_no_gap(nodes):
    def fail(tx):
        xis_events.append(tx, "x", 1, "{}", NOW)
        raise ValueError("undone")

    await append(nodes[0])
    with pytest.raises(ValueError, match="undone"):
        await nodes[0].commit(fail)
    assert await append(nodes[0]) == 2


async def test_old_events_are_forgotten_and_it_is_known_which(nodes):
    node = nodes[0]
    for _ in range(3):
        await append(node)
    await append(node, at=NOW + KEPT_FOR - timedelta(milliseconds=1))
    assert await kept(node) == [1, 2, 3, 4]
    await append(node, at=NOW + KEPT_FOR)
    assert await kept(node) == [4, 5]
    assert await node.read(lambda tx: xis_events.head(tx, "x")) == Head(5, 0, 3)


async def test_two_nodes_drain_each_event_once(nodes):
    for _ in range(8):
        await append(nodes[0])
    drained = await asyncio.gather(
        *(node.commit(lambda tx: xis_events.drain(tx, "x")) for node in nodes for _ in range(4))
    )
    assert sorted(each.number for told in drained for each in told) == list(range(1, 9))
    assert await kept(nodes[0]) == list(range(1, 9))
    assert await nodes[0].commit(lambda tx: xis_events.drain(tx, "x")) == []
    assert await nodes[0].commit(lambda tx: xis_events.drain(tx, "nobody")) == []
