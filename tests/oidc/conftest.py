"""A client on the bare wire, and the phone that it asks."""

import pytest

from tests.approvals.desk import Desk
from tests.oidc.client import BareClient
from tests.postgresql import postgresql_server, postgresql_url

__all__ = ["client", "desk", "postgresql_server", "postgresql_url"]


@pytest.fixture
async def desk(house):
    phone = await house.bind()
    workstation = await house.workstation()
    return Desk(house, phone, workstation, house.client_id)


@pytest.fixture
def client(desk):
    """The desk's workstation as it is on the wire."""
    return BareClient(desk.house, desk.client_id, desk.house.client_key)
