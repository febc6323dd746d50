"""A phone and a workstation for each test that wants them."""

import pytest

from tests.approvals.desk import Desk
from tests.postgresql import postgresql_server, postgresql_url

__all__ = ["desk", "postgresql_server", "postgresql_url"]


@pytest.fixture
async def desk(house):
    phone = await house.bind()
    workstation = await house.workstation()
    return Desk(house, phone, workstation, house.client_id)
