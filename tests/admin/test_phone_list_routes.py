"""The lists behind the numbers: the same phones, those that want somebody first."""

from datetime import timedelta

import pytest

from pairing_server.registry import people_overview
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, employ
from tests.admin.test_dashboard_routes import DAY, add_phone, fail_to_wake, of, tiles

PATH = "/admin/phones"


@pytest.fixture
async def browser(house):
    return await at_work(house, AdministrativeRole.SERVICE_DESK)


async def listed(browser, state, after=""):
    shown = await browser.get(f"{PATH}?state={state}{after}")
    assert shown.status == 200
    assert shown.page.mistakes == []
    people = "/admin/people/"
    return [each.text for each in shown.page.all("a") if each["href"].startswith(people)]


async def furnish(house):
    """Phones of each state, two here and one elsewhere."""
    now = house.ports.clock()
    for name in ("anna", "carla"):
        await employ(house, name)
    await employ(house, "boris", ura=ELSEWHERE)
    for age, name in enumerate(("carla", "anna", "boris")):
        at = now - (9 - age) * DAY
        await add_phone(house, name, 1, status=CredentialStatus.BLOCKED, status_at=at)
        await add_phone(house, name, 2, expires_at=now + (1 + age) * DAY)
        await fail_to_wake(house, await add_phone(house, name, 3))


@pytest.mark.parametrize("state", list(people_overview.PhoneState))
async def test_a_list_has_who_its_number_counts_and_nobody_elsewhere(house, browser, state):
    await furnish(house)

    found = await listed(browser, state)

    assert sorted(found) == ["Anna Proef", "Carla Proef"]
    words = {"blocked": "blocked", "expiring": "expire", "unreachable": "woken"}[state]
    assert of(await tiles(browser), words) == 2


@pytest.mark.parametrize("state", ["blocked", "expiring"])
async def test_those_that_want_somebody_first_stand_first(house, browser, state):
    await furnish(house)

    assert await listed(browser, state) == ["Carla Proef", "Anna Proef"]


async def test_a_long_list_goes_on_where_it_ended(house, browser, monkeypatch):
    monkeypatch.setattr("admin.phone_list_routes.LISTED", 2)
    await furnish(house)
    shown = await browser.get(f"{PATH}?state=blocked")
    (more,) = [each["href"] for each in shown.page.all("a") if "after=" in each["href"]]

    assert await listed(browser, "blocked", more.partition("blocked")[2]) == []
    before = more.replace("phone-anna-1", "phone-anna-0")
    assert await listed(browser, "blocked", before.partition("blocked")[2]) == ["Anna Proef"]


async def test_a_blocked_phone_of_which_there_may_be_a_copy_says_so(house, browser):
    await employ(house, "anna")
    copied = {"status": CredentialStatus.BLOCKED, "status_reason": "sign_count"}
    await add_phone(house, "anna", 1, status_at=house.ports.clock(), **copied)

    shown = await browser.get(PATH)

    assert "There may be a copy of its key." in shown.page.text


@pytest.mark.parametrize(
    "query", ["?state=revoked", "?after=x", "?after=1.", "?after=1.a.b", "?after=-1.a"]
)
async def test_what_is_no_list_or_no_place_in_it_is_refused(browser, query):
    shown = await browser.get(PATH + query)

    assert shown.status == 400
    assert "Choose a list that there is on the overview." in shown.text


async def test_a_phone_that_works_again_is_on_no_list(house, browser):
    await employ(house, "anna")
    await fail_to_wake(house, await add_phone(house, "anna", 1), is_over=True)
    now = house.ports.clock()
    expired = await add_phone(house, "anna", 2, expires_at=now - timedelta(seconds=1))
    await fail_to_wake(house, expired)

    assert await listed(browser, "unreachable") == []
    assert await listed(browser, "expiring") == []
