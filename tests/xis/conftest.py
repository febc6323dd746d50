"""A XIS for each test that wants one."""

import pytest

from tests.approvals.desk import Desk
from tests.postgresql import postgresql_server, postgresql_url
from tests.xis.client import Xis

__all__ = ["desk", "postgresql_server", "postgresql_url", "xis"]


@pytest.fixture
async def desk(house):
    phone = await house.bind()
    workstation = await house.workstation()
    return Desk(house, phone, workstation, house.client_id)


@pytest.fixture
def xis(desk):
    return Xis(desk, desk.client_id, desk.house.client_key)
