"""Who may be asked from a browser: who has logged in there, still works there and has a phone."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from pairing_server.keys.policy import server_policy
from pairing_server.oidc.known_people import KnownPeople
from pairing_server.registry.tables import credential, membership, organisation, person
from tests.oidc.browser import login_page
from tests.registry.listings import written_past


@pytest.fixture
async def login(house, program, phone):
    """A login in a browser in which the phone's person has logged in before."""
    page = await (await login_page(house, program)).open()
    await page.tokens(phone)
    await page.open()
    return await page.record()


@pytest.fixture
def known(house):
    return KnownPeople(house.ports, server_policy(house.settings))


async def test_a_person_is_found_by_number_and_by_name(house, known, login):
    by_number = await known.named(house.holder.uzi_number, login)
    names = await house.registry.read(lambda tx: tx.one(sa.select(person.c.user_name)))

    assert by_number
    assert await known.named(names["user_name"], login) == by_number
    assert await known.again(by_number, login) == by_number
    assert await known.name(by_number) == f"{house.holder.first_names} {house.holder.last_name}"
    assert await known.name("unknown") == ""


async def test_nobody_is_found_who_was_never_there(house, known, login):
    elsewhere = replace(login, place=replace(login.place, workstation_id="browser:other"))

    assert await known.named(house.holder.uzi_number, elsewhere) is None
    for text in ("900000999", "unknown", "", "x" * 100):
        assert await known.named(text, login) is None


@pytest.mark.parametrize(
    "change",
    [
        sa.update(person).values(status="closed"),
        sa.update(membership).values(valid_until=1),
        sa.update(organisation).values(status="closed"),
        sa.update(credential).values(status="blocked"),
        sa.update(credential).values(expires_at=1),
    ],
    ids=["person", "membership", "organisation", "phone", "expired"],
)
async def test_nobody_is_found_who_cannot_log_in(house, known, login, change):
    found = await known.named(house.holder.uzi_number, login)
    await house.registry.commit(lambda tx: written_past(tx, change))

    assert await known.named(house.holder.uzi_number, login) is None
    assert await known.again(found, login) is None
