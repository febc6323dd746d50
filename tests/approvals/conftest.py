"""A phone and a workstation for each test that wants them."""

import pytest

from tests.approvals.desk import Desk
from tests.approvals.siege import Siege
from tests.postgresql import postgresql_server, postgresql_url

__all__ = ["desk", "postgresql_server", "postgresql_url"]


@pytest.fixture
async def desk(house):
    phone = await house.bind()
    workstation = await house.workstation()
    return Desk(house, phone, workstation, house.client_id)


@pytest.fixture
async def siege(desk):
    await desk.phone.register_push({"service": "fcm", "token": "own"})
    person_id = (await desk.bound()).person.id
    return Siege(desk, person_id)
