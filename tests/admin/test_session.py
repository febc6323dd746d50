"""A session is over the moment that what it rests on is, whoever has its cookie."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from admin.session import COOKIE, IDLE
from pairing_server.registry import people
from pairing_server.registry.people import AdministrativeRole
from pairing_server.registry.tables import client, membership, organisation, person
from tests.admin.desk import at_work, give_cookie, set_role, shelf
from tests.pages.visitor import visitor
from tests.registry.listings import written_past

SECOND = timedelta(seconds=1)


async def stolen(browser):
    """A thief's browser with the same cookie."""
    thief = await visitor(browser.house)
    give_cookie(thief, browser.cookie(COOKIE))
    return thief


async def is_in(browser):
    shown = await browser.get("/admin/")
    assert shown.status == 200 or shown.location == "/admin/login"
    return shown.status == 200


async def block(head):
    await head.house.phone_status().block(head.phone.credential_id, "operator:test")


async def revoke(head):
    await head.house.phone_status().revoke(head.phone.credential_id, "operator:test")


async def run(head, statement):
    await head.house.registry.commit(lambda tx: written_past(tx, statement))


async def unlink(head):
    await run(head, sa.delete(membership).where(membership.c.person_id == head.person_id))


async def let_lapse(head):
    lapsed = sa.update(membership).where(membership.c.person_id == head.person_id)
    await run(head, lapsed.values(valid_until=0))


async def dismiss(head):
    await set_role(head.house, head.person_id, None)


async def close_person(head):
    await run(head, sa.update(person).values(status="closed"))


async def close_organisation(head):
    await run(head, sa.update(organisation).values(status="closed"))


async def close_portal(head):
    closed = sa.update(client).where(client.c.id == "pairing-server-admin")
    await run(head, closed.values(status="closed"))


async def sign_out_everywhere(head):
    now = head.house.ports.clock()
    await head.house.registry.commit(lambda tx: people.sign_out(tx, head.person_id, now))


async def log_out(head):
    await head.browser.post("/admin/logout")


@pytest.mark.parametrize(
    "end",
    [
        block,
        revoke,
        unlink,
        let_lapse,
        dismiss,
        close_person,
        close_organisation,
        close_portal,
        sign_out_everywhere,
        log_out,
    ],
    ids=lambda end: end.__name__,
)
async def test_a_stolen_cookie_opens_nothing_once_what_it_rests_on_has_ended(head, end):
    await head.log_in()
    thief = await stolen(head.browser)
    assert await is_in(thief)

    await end(head)

    assert not await is_in(thief)
    assert not await is_in(head.browser)


async def test_who_is_made_something_else_is_that_with_the_next_request(head):
    await head.log_in()
    await set_role(head.house, head.person_id, AdministrativeRole.SERVICE_DESK)

    shown = await head.browser.get("/admin/")

    assert "Service desk" in shown.page.one("header").text


async def test_who_was_away_for_half_an_hour_logs_in_again(house, clock):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    clock.advance(IDLE - 3 * SECOND)
    assert await is_in(browser)
    clock.advance(IDLE - 3 * SECOND)
    assert await is_in(browser)
    clock.advance(IDLE + SECOND)
    assert not await is_in(browser)


async def test_a_session_lasts_a_working_day_however_busy(house, clock):
    browser = await at_work(house, AdministrativeRole.OPERATOR)
    for _ in range(24):
        clock.advance(timedelta(minutes=19))
        assert await is_in(browser)
    clock.advance(timedelta(minutes=25))
    assert not await is_in(browser)


async def test_the_store_keeps_no_cookie(head):
    await head.log_in()
    cookie = head.browser.cookie(COOKIE)

    assert await shelf(head.house).get(cookie) is None


async def test_a_session_at_a_program_opens_nothing_here(head):
    """Whoever gets a program's session under this cookie is nobody."""
    await head.log_in()
    await run(head, sa.text("UPDATE session SET client_id = (SELECT min(id) FROM client)"))
    assert await is_in(head.browser)

    await head.house.workstation()
    other = head.house.client_id
    await run(head, sa.text("UPDATE session SET client_id = '" + other + "'"))

    assert not await is_in(head.browser)
