"""Races of who settles which systems are told."""

from dataclasses import replace

import pytest

from admin.streams_flow import StreamsFlow
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from pairing_server.registry import clients, streams
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.signals.refusals import StreamExists
from tests.admin.staff import ADMINISTRATOR, NOW, OURS, THEIRS
from tests.approvals.desk import MeddlingRegistry

SIEM = Client(
    id="siem",
    name="SIEM",
    jwks={"keys": []},
    uras=(OURS.ura,),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=NOW,
    metadata=ClientMetadata(ssf_delivery_endpoint="https://siem.example/events"),
)


def still(tx, now):
    return ADMINISTRATOR


@pytest.fixture
async def flow_on(staffed, store, clock):
    await staffed.commit(lambda tx: clients.add(tx, SIEM))
    drawn = iter(range(256))

    def make(registry=None):
        ports = Ports(registry or staffed, store, clock, lambda size: bytes([next(drawn)]) * size)
        return StreamsFlow(ports)

    return make


async def of_siem(registry):
    return await registry.read(lambda tx: streams.of_client(tx, "siem"))


async def test_of_two_that_are_made_at_once_one_is(staffed, flow_on):
    registry = MeddlingRegistry(staffed)
    registry.before = lambda: flow_on().add(still, "siem")

    with pytest.raises(StreamExists):
        await flow_on(registry).add(still, "siem")
    assert await of_siem(staffed) is not None


async def test_a_system_that_moves_away_meanwhile_is_unknown(staffed, flow_on):
    moved = replace(SIEM, uras=(THEIRS.ura,))
    registry = MeddlingRegistry(staffed)
    registry.before = lambda: staffed.commit(lambda tx: clients.update(tx, moved))

    with pytest.raises(NotFound):
        await flow_on(registry).add(still, "siem")
    assert await of_siem(staffed) is None


async def test_systems_are_those_of_the_actors_organisation(staffed, flow_on):
    (found,) = await flow_on().systems(ADMINISTRATOR)
    assert (found.client, found.stream, found.is_shared) == (SIEM, None, False)
    await flow_on().add(still, "siem")

    (found,) = await flow_on().systems(ADMINISTRATOR)

    assert found.stream == await of_siem(staffed)
