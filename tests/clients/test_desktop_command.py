"""`zorgid-desktop` as a person runs it: a child process on a terminal, against a real server."""

from datetime import UTC, datetime

import pytest

from clients.card_profile import Holder
from tests.desktop_agent import prove
from tests.softhsm import PIN, Readers


@pytest.fixture(scope="session")
def uzi_card(register):
    return register.ca.issue(Holder(), datetime.now(UTC))


@pytest.fixture
def readers(tmp_path, uzi_card):
    return Readers(tmp_path / "readers").insert(uzi_card)


async def test_a_card_logs_its_holder_in(house, readers):
    page = await house.page()
    session = await page.start_session("login")

    return_uri = await prove(session.agent_uri, readers, PIN)

    assert (await page.complete(return_uri))["card"]["uzi_number"] == house.holder.uzi_number
    assert await page.session_status(session) == "completed"
