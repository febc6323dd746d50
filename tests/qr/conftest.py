"""A person at a page, and phones to bind to them, without HTTP in between."""

import dataclasses

import msgspec
import pytest
import sqlalchemy as sa

from pairing_server.keys.policy import KeyPolicy
from pairing_server.qr.flow import PairingFlow
from pairing_server.registry.tables import audit_event
from tests.keys.handset import ORIGIN, RP, add_person


@pytest.fixture
def make_flow(ports):
    """Build a flow, if need be on other stores."""

    def make(**changed):
        chosen = dataclasses.replace(ports, **changed)
        return PairingFlow(chosen, rp=RP, base_url=ORIGIN, policy=KeyPolicy())

    return make


@pytest.fixture
def flow(make_flow):
    return make_flow()


@pytest.fixture
async def person(registry, clock):
    return await add_person(registry, clock())


@pytest.fixture
def audit(registry):
    """Read the audit log, oldest first, its evidence as JSON."""
    query = sa.select(audit_event).order_by(audit_event.c.sequence)

    async def read():
        rows = await registry.read(lambda tx: tx.all(query))
        return [{**row, "evidence": msgspec.json.decode(row["evidence"])} for row in rows]

    return read
