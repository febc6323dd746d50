"""A person with a phone, bound in the registry."""

from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.registry.database import open_registry
from pairing_server.registry.tables import audit_event
from tests.databases import open_at
from tests.keys.handset import RP, add_handset, add_person
from tests.postgresql import postgresql_server, postgresql_url

__all__ = ["open_at", "postgresql_server", "postgresql_url"]


@dataclass
class CutOff:
    """Whose requests were ended."""

    people: list[str] = field(default_factory=list)

    async def __call__(self, person_id: str) -> None:
        self.people.append(person_id)


@pytest.fixture
async def person(registry, clock):
    return await add_person(registry, clock())


@pytest.fixture
async def handset(registry, person, clock):
    return await add_handset(registry, person, clock())


@pytest.fixture
def cut_off():
    return CutOff()


@pytest.fixture
def status(registry, clock, cut_off):
    return PhoneStatusFlow(registry, clock, cut_off)


@pytest.fixture
def flow(ports, status):
    return PhoneFlow(ports, RP, status)


@pytest.fixture
async def other_node(registry, tmp_path, clock):
    """Open the registry as another node does."""
    _ = registry
    file = tmp_path / "registry.sqlite3"
    opened = open_registry(f"sqlite:///{file}", chain="other", clock=clock)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def audit(registry):
    """Read the audit log, oldest first."""
    query = sa.select(audit_event).order_by(audit_event.c.time, audit_event.c.sequence)

    async def read():
        return [dict(row) for row in await registry.read(lambda tx: tx.all(query))]

    return read
