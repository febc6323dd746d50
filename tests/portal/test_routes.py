"""The portal's calls, beyond what the steps themselves show."""

import pytest
from yarl import URL

from clients.wire import WireError
from tests.house import DATE_OF_BIRTH


@pytest.fixture
async def page(house):
    await house.add_organisation()
    return await house.logged_in()


async def post(page, house, path, **options):
    options.setdefault("headers", page._headers)
    async with page._http.post(house.base_url + path, **options) as answer:
        return answer.status, await answer.json()


async def test_an_organisation_is_registered_under_the_cards_name(house):
    page = await house.logged_in(purpose="register-organisation")

    status, body = await post(page, house, "/portal/organisations", json={})

    assert (status, body) == (
        201,
        {
            "ura": house.holder.ura,
            "name": house.holder.organisation_name,
            "administrator": "Jan Jansen",
        },
    )


async def test_who_registered_an_organisation_signs_their_own_registration_before_pairing(house):
    page = await house.logged_in(purpose="register-organisation")
    await page.register_organisation()

    with pytest.raises(WireError) as refused:
        await page.start_pairing()
    assert (refused.value.status, refused.value.error) == (403, "not_registered")

    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), house.register.card(house.holder))
    assert (await page.start_pairing()).id


async def test_a_registration_shows_what_the_card_says_and_what_to_sign(house, page):
    registration = await page.registration(DATE_OF_BIRTH)

    assert registration.outcome == "new"
    assert registration.person["uzi_number"] == house.holder.uzi_number
    assert "date_of_birth" not in registration.person
    assert registration.session.agent_uri.startswith("zorgid://session?")


async def test_the_role_in_a_registration_is_in_the_language_of_its_page(house, page):
    page._http.headers["Accept-Language"] = "en"

    registration = await page.registration(DATE_OF_BIRTH)

    assert registration.person["role"] == "physician, general practitioner"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"date_of_birth": None},
        {"date_of_birth": 19800131},
        {"date_of_birth": "31-01-1980"},
        {"date_of_birth": "1980-02-30"},
        {"date_of_birth": "1980-01-31T00:00:00Z"},
        {"date_of_birth": ""},
        [],
    ],
)
async def test_a_date_of_birth_is_a_date(house, page, body):
    status, said = await post(page, house, "/portal/registration", json=body)

    assert (status, said["error"]) == (400, "invalid_request")


async def test_without_the_browsers_cookie_nothing_is_begun(house, page):
    """Else the session in which they sign would be anybody's who has no such cookie either."""
    page._http.cookie_jar.clear(lambda one: one.key == "browser")

    with pytest.raises(WireError) as refused:
        await page.registration(DATE_OF_BIRTH)

    assert refused.value.status == 401


async def test_an_empty_browsers_cookie_is_none(house, page):
    page._http.cookie_jar.update_cookies({"browser": ""}, URL(house.base_url))

    status, _ = await post(
        page, house, "/portal/registration", json={"date_of_birth": DATE_OF_BIRTH}
    )

    assert status == 401


@pytest.mark.parametrize("path", ["/portal/organisations", "/portal/registration"])
async def test_a_page_of_another_site_does_nothing(house, page, path):
    headers = {"Origin": "https://kwaad.example"}

    status, said = await post(
        page, house, path, json={"date_of_birth": DATE_OF_BIRTH}, headers=headers
    )

    assert (status, said["error"]) == (403, "cross_site")


async def test_who_logs_out_leaves_nothing_to_pair_with(house):
    page = await house.registered()

    async with page._http.post(
        f"{house.base_url}/portal/logout", headers={"Origin": house.base_url}
    ) as answer:
        assert answer.status == 204
        assert 'session=""' in answer.headers["Set-Cookie"]

    with pytest.raises(WireError) as refused:
        await page.start_pairing()
    assert refused.value.status == 401


async def test_another_site_logs_nobody_out(house):
    page = await house.registered()

    async with page._http.post(f"{house.base_url}/portal/logout") as answer:
        assert answer.status == 403

    assert (await page.start_pairing()).link
