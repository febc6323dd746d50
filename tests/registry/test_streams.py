"""Streams and their cursors: one a client, held by one node, from where they were; on both."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.audit.events import AuthenticatorBlocked, PhoneRenamed
from pairing_server.registry import AlreadyExistsError, clients, organisations, streams
from pairing_server.registry.clients import ClientStatus
from pairing_server.registry.streams import PAGE, Stream, StreamCounts, StreamStatus, Verification
from tests.registry.people import ORGANISATION
from tests.registry.test_person_workstations import CLIENT

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BARE = replace(CLIENT, uras=())
STREAM = Stream(
    id="stream-1",
    client_id=BARE.id,
    status=StreamStatus.ENABLED,
    events_requested=("one", "two"),
    endpoint_url="https://siem.example/events",
    created_at=NOW,
    due_at=NOW,
)
FULL = replace(
    STREAM,
    status=StreamStatus.PAUSED,
    reason="Maintenance.",
    authorization_header=b"\x00sealed",
    description="SIEM",
    failing_since=NOW,
    attempts=3,
    verification=Verification("jti", "state"),
    verification_asked_at=NOW,
    heard_at=NOW,
    last_error="timeout",
)


@pytest.fixture
async def added(registry):
    def change(tx):
        clients.add(tx, BARE)
        streams.add(tx, STREAM)

    await registry.commit(change)
    return registry


async def get(registry):
    return await registry.read(lambda tx: streams.get(tx, STREAM.id))


def happened(action=AuthenticatorBlocked, count=1):
    def change(tx):
        for number in range(count):
            tx.record(action(actor="system", object=f"credential:{number}"))

    return change


async def after(registry, sequence=0, actions=("AuthenticatorBlocked",)):
    (chain,) = (await registry.read(streams.heads)).keys()
    return await registry.read(
        lambda tx: streams.events_after(tx, chain, sequence, frozenset(actions))
    )


async def test_a_stream_is_read_as_it_was_written(added):
    assert await get(added) == STREAM
    await added.commit(lambda tx: streams.update(tx, FULL))
    assert await get(added) == FULL
    assert await added.commit(lambda tx: streams.get_for_update(tx, STREAM.id)) == FULL
    assert await added.read(lambda tx: streams.of_client(tx, BARE.id)) == FULL
    assert await added.read(lambda tx: streams.get(tx, "other")) is None


URA = "90000001"


@pytest.mark.parametrize(
    ("stream", "untold"),
    [
        ({}, 0),
        ({"failing_since": NOW}, 1),
        ({"status": StreamStatus.PAUSED}, 1),
        ({"status": StreamStatus.PAUSED, "failing_since": NOW}, 1),
        ({"status": StreamStatus.DISABLED}, 0),
        ({"status": StreamStatus.DISABLED, "failing_since": NOW}, 0),
    ],
    ids=["told", "not heard", "paused", "paused, not heard", "off", "off, not heard"],
)
async def test_who_is_told_nothing_is_counted_and_not_who_wants_to_hear_nothing(
    added, stream, untold
):
    def change(tx):
        organisations.add(tx, replace(ORGANISATION, ura=URA))
        clients.update(tx, replace(BARE, uras=(URA,)))
        streams.update(tx, replace(STREAM, **stream))

    await added.commit(change)

    counted = await added.read(lambda tx: streams.counts(tx, URA))
    assert counted == StreamCounts(1, untold)


async def test_streams_of_others_and_of_closed_clients_are_not_counted(added):
    failing = replace(STREAM, failing_since=NOW)
    await added.commit(lambda tx: streams.update(tx, failing))
    assert await added.read(lambda tx: streams.counts(tx, URA)) == StreamCounts(0, 0)

    def close(tx):
        organisations.add(tx, replace(ORGANISATION, ura=URA))
        clients.update(tx, replace(BARE, uras=(URA,), status=ClientStatus.CLOSED))

    await added.commit(close)
    assert await added.read(lambda tx: streams.counts(tx, URA)) == StreamCounts(0, 0)


async def test_a_client_has_one(added):
    with pytest.raises(AlreadyExistsError):
        await added.commit(lambda tx: streams.add(tx, replace(STREAM, id="stream-2")))


async def test_one_that_is_removed_takes_its_cursors_along(added):
    await added.commit(happened())
    await added.commit(lambda tx: streams.skip(tx, STREAM.id))
    assert await added.commit(lambda tx: streams.delete(tx, STREAM.id))
    assert not await added.commit(lambda tx: streams.delete(tx, STREAM.id))
    assert await added.read(lambda tx: streams.cursors(tx, STREAM.id)) == {}


@pytest.mark.parametrize(
    ("changed", "is_due"),
    [
        ({}, True),
        ({"due_at": NOW + MINUTE}, False),
        ({"status": StreamStatus.PAUSED}, False),
        ({"status": StreamStatus.DISABLED}, False),
    ],
)
async def test_only_an_enabled_one_whose_time_has_come_is_served(added, changed, is_due):
    await added.commit(lambda tx: streams.update(tx, replace(STREAM, **changed)))

    assert bool(await added.read(lambda tx: streams.due(tx, NOW))) is is_due


async def test_none_of_a_closed_client_is_served(added):
    closed = replace(BARE, status=ClientStatus.CLOSED)
    await added.commit(lambda tx: clients.update(tx, closed))

    assert await added.read(lambda tx: streams.due(tx, NOW)) == []


async def claimed(registry, seen, until):
    return await registry.commit(lambda tx: streams.claim(tx, STREAM.id, seen, until))


async def test_one_node_holds_a_stream_for_a_while(added):
    assert await claimed(added, NOW, NOW + MINUTE)
    assert not await claimed(added, NOW, NOW + 2 * MINUTE)
    assert await claimed(added, NOW + MINUTE, NOW + 2 * MINUTE)


async def test_none_is_held_that_was_paused_meanwhile(added):
    await added.commit(lambda tx: streams.update(tx, FULL))

    assert not await claimed(added, NOW, NOW + MINUTE)


async def test_a_cursor_begins_where_the_log_ends_and_moves(added):
    await added.commit(happened(count=2))
    await added.commit(lambda tx: streams.skip(tx, STREAM.id))
    ((chain, sequence),) = (await added.read(streams.heads)).items()
    assert await added.read(lambda tx: streams.cursors(tx, STREAM.id)) == {chain: sequence}
    await added.commit(lambda tx: streams.move(tx, STREAM.id, chain, 1))

    assert await added.read(lambda tx: streams.cursors(tx, STREAM.id)) == {chain: 1}


async def test_events_come_in_order_by_their_actions_a_page_at_a_time(added):
    await added.commit(happened(count=PAGE))
    await added.commit(happened(PhoneRenamed))
    await added.commit(happened())
    page = await after(added)
    rest = await after(added, page[-1].sequence)

    assert [facts.object for facts in page] == [f"credential:{n}" for n in range(PAGE)]
    assert [facts.action for facts in rest] == ["AuthenticatorBlocked"]
    assert await after(added, rest[-1].sequence) == []
    assert await after(added, actions=()) == []
