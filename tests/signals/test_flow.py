"""Races of a client with itself."""

from dataclasses import replace

import pytest

from pairing_server.errors import NotFound
from pairing_server.keys.seal import Seal
from pairing_server.ports import Ports
from pairing_server.registry import clients, streams
from pairing_server.signals.flow import StreamFlow
from pairing_server.signals.refusals import StreamExists
from pairing_server.signals.stream import Delivery, StreamChange, StreamRequest
from tests.approvals.desk import MeddlingRegistry

PUSH = "urn:ietf:rfc:8935"


def flow_of(house, registry=None):
    ports = house.ports
    own = Ports(registry or ports.registry, ports.store, ports.clock, ports.random)
    return StreamFlow(own, Seal(b"k" * 32, ports.random), issuer=house.base_url)


async def client_of(house, heard):
    return await house.registry.read(lambda tx: clients.get(tx, heard.id))


def request(heard, **members):
    return StreamRequest(delivery=Delivery(PUSH, heard.endpoint.url, **members))


async def test_of_two_that_are_made_at_once_one_is(house, heard):
    client = await client_of(house, heard)
    await flow_of(house).delete(heard.stream, client)
    registry = MeddlingRegistry(house.registry)
    registry.before = lambda: flow_of(house).create(request(heard), client)

    with pytest.raises(StreamExists):
        await flow_of(house, registry).create(request(heard), client)


async def test_one_that_is_removed_meanwhile_is_not_changed(house, heard):
    client = await client_of(house, heard)
    registry = MeddlingRegistry(house.registry)
    registry.before = lambda: flow_of(house).delete(heard.stream, client)

    with pytest.raises(NotFound):
        await flow_of(house, registry).change(
            StreamChange(stream_id=heard.stream, description="x"), client, whole=False
        )


async def test_what_is_shown_stays_until_it_is_replaced_or_taken_away(house, heard):
    client, flow = await client_of(house, heard), flow_of(house)
    sealed = []
    for members in ({"authorization_header": "Bearer x"}, {}, {"authorization_header": None}):
        delivery = Delivery(PUSH, heard.endpoint.url, **members)
        change = StreamChange(stream_id=heard.stream, delivery=delivery)
        await flow.change(change, client, whole=False)
        sealed.append((await heard.state()).authorization_header)

    assert sealed[0] == sealed[1]
    assert [each is None for each in sealed] == [False, False, True]


async def test_a_stream_that_was_failing_is_tried_at_once_when_it_is_changed(house, heard):
    client, now = await client_of(house, heard), house.ports.clock()
    state = await heard.state()
    failing = replace(state, attempts=5, failing_since=now, due_at=now.replace(year=2099))
    await house.registry.commit(lambda tx: streams.update(tx, failing))
    change = StreamChange(stream_id=heard.stream, description="x")
    await flow_of(house).change(change, client, whole=False)

    state = await heard.state()
    assert (state.attempts, state.failing_since) == (0, None)
    assert state.due_at <= house.ports.clock()


async def test_a_change_that_changes_nothing_is_not_written_down(house, heard):
    client = await client_of(house, heard)
    await flow_of(house).change(StreamChange(stream_id=heard.stream), client, whole=False)

    assert "StreamChanged" not in [e["action"] for e in await house.events()]
