"""A house in which another step comes in before a commit, and people with a phone."""

from dataclasses import replace

import pytest

from clients.wire import WireError
from tests.approvals.desk import MeddlingRegistry
from tests.house import house_settings, opened_house


@pytest.fixture
async def meddled(register, tmp_path, stores, ports):
    """A house, and its registry; what a test puts in `before` happens before the next commit."""
    registry = MeddlingRegistry(ports.registry)
    settings = house_settings(register, tmp_path)
    server = replace(stores, registry=registry)
    async with opened_house(settings, server, ports, register) as house:
        yield house, registry


async def revoke(house, phone):
    """Revoke a phone as an operator does."""
    await house.phone_status().revoke(phone.credential_id, "operator:test")


async def refused(awaitable):
    with pytest.raises(WireError) as caught:
        await awaitable
    return caught.value.status, caught.value.error
