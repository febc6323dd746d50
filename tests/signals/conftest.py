"""A client that hears what happens to the house's people."""

from datetime import timedelta

import pytest

from tests.oidc.endpoint import listening
from tests.signals.story import AUTHORITY, client_calls, listener


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Let a test say when something is sent, from before the house's own server runs."""
    for name in ("signals.transmitter", "oidc.logout_notices"):
        monkeypatch.setattr(f"pairing_server.{name}.EVERY", timedelta(hours=1))


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def heard(house, phone):
    """A client with a stream, made after the phone was bound."""
    async with listening(AUTHORITY.context()) as endpoint, client_calls() as calls:
        endpoint.answers[:] = [202]
        made = await listener(house, endpoint, calls)
        await made.listen()
        yield made
