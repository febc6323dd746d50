"""Registering an organisation, once."""

import sqlalchemy as sa

from clients.card_profile import Holder
from pairing_server.registry.tables import organisation
from tests.pages.visitor import visitor


async def test_it_is_explained_confirmed_and_done(guest):
    explained = (await guest.get("/portal/organisation")).page
    assert explained.heading == "Register an organisation"
    assert explained.forms("/portal/login")[0].fields == {"purpose": "register-organisation"}

    await guest.log_in(purpose="register-organisation")
    asked = (await guest.get("/portal/organisation")).page
    assert asked.heading == "Register this organisation?"
    assert [each.text for each in asked.all("dd")] == [
        "Tést Zorginstelling 03",
        "90000382",
        "Jan Jansen",
    ]

    done = await guest.post("/portal/organisation")
    assert (done.status, done.location) == (303, "/portal/organisation")
    told = (await guest.get("/portal/organisation")).page
    assert told.heading == "The organisation is registered"
    assert "You are its administrator." in told.text
    assert told.all("a", href="/portal/details")
    assert (await guest.get("/portal/details")).status == 200


async def test_looking_registers_nothing(guest):
    await guest.log_in(purpose="register-organisation")
    before = await guest.house.events()

    await guest.get("/portal/organisation")

    assert await guest.house.events() == before


async def test_a_card_that_was_shown_to_log_in_registers_nothing(guest):
    await guest.log_in()

    assert (await guest.get("/portal/organisation")).page.heading == "Register an organisation"
    shown = await guest.post("/portal/organisation")

    assert (shown.status, shown.page.heading) == (403, "Start with the right choice")


async def test_of_two_one_is_the_administrator_and_the_other_is_told(house):
    first, second = await visitor(house), await visitor(house)
    await first.log_in(purpose="register-organisation")
    await second.log_in(
        Holder(first_names="Piet", uzi_number="900005555"), purpose="register-organisation"
    )
    await first.post("/portal/organisation")

    late = await second.post("/portal/organisation")

    assert (late.status, late.location) == (303, "/portal/organisation")
    page = (await second.get("/portal/organisation")).page
    assert "It was registered before." in page.text
    assert "You are its administrator." not in page.text


async def test_one_that_was_closed_is_not_asked_about_for_ever(guest):
    await guest.house.add_organisation()
    closed = sa.update(organisation).values(status="closed")
    await guest.house.registry.commit(lambda tx: tx.run(closed))
    await guest.log_in(purpose="register-organisation")

    shown = await guest.post("/portal/organisation")

    assert (shown.status, shown.page.heading) == (
        403,
        "Your organisation is not registered here yet",
    )


async def test_nobody_registers_an_organisation_without_a_card(guest):
    assert (await guest.post("/portal/organisation")).status == 401
