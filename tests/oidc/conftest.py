"""A client on the bare wire, and the phone that it asks."""

import pytest

from pairing_server.registry.client_metadata import ClientMetadata
from tests.approvals.desk import Desk
from tests.oidc.browser import BYE, PAGE
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


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def program(house, phone):
    """A client that sends browsers, on the wire."""
    await house.workstation(
        redirect_uris=(PAGE,), metadata=ClientMetadata(post_logout_redirect_uris=(BYE,))
    )
    return BareClient(house, house.client_id, house.client_key)
