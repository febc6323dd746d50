"""Where a card's holder stands."""

import pytest

from pairing_server.pages.flow import Standing, StandingFlow
from pairing_server.portal.registration import UnknownOrganisation
from pairing_server.portal.session import BrowserSession
from pairing_server.registry.people import AdministrativeRole
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest


@pytest.fixture
def flow(ports):
    return StandingFlow(ports)


async def session_of(visitor):
    shelf = Shelf(visitor.house.store, "browser-session", BrowserSession)
    return (await shelf.get(digest(visitor.cookie("session")))).value


async def test_who_has_only_logged_in_is_not_registered(flow, holder):
    session = await session_of(holder)

    assert await flow.standing(session) == Standing(
        "Tést Zorginstelling 03", is_registered=False, role=None
    )
    assert await flow.is_organisation_known(session)


async def test_who_has_signed_is(flow, registered):
    assert (await flow.standing(await session_of(registered))).is_registered


async def test_who_registered_the_organisation_manages_it_and_still_has_to_sign(flow, guest):
    await guest.log_in(purpose="register-organisation")
    session = await session_of(guest)
    assert not await flow.is_organisation_known(session)
    with pytest.raises(UnknownOrganisation):
        await flow.standing(session)

    await guest.post("/portal/organisation")

    standing = await flow.standing(await session_of(guest))
    assert (standing.is_registered, standing.role) == (
        False,
        AdministrativeRole.ADMINISTRATOR,
    )
    assert standing.is_told
