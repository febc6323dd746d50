"""The page on which an operator pairs the phone of who stands before them."""

from html import unescape

import pytest

from clients.phone import SoftwarePhone
from pairing_server.qr.code import PairingCode
from pairing_server.registry import credentials, identity_checks, organisations
from pairing_server.registry.identity_checks import CheckStatus
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work

PIET = {
    "first_names": "Piet",
    "last_name": "Pieters",
    "role_codes": "01.015",
    "date_of_birth": "31-01-1980",
}


def document(house):
    return {
        "document_kind": "passport",
        "document_ending": "AB12",
        "document_country": "NLD",
        "checked_on": house.ports.clock().date().isoformat(),
    }


@pytest.fixture
async def operator(house):
    return await at_work(house, AdministrativeRole.OPERATOR)


async def registered(house, browser):
    form = {**PIET, **document(house)}
    return (await browser.post("/admin/people/new/register", form)).location


async def want_two(house):
    policy = {"second": ["register_2b"]}
    await house.registry.commit(
        lambda tx: organisations.set_admin_policy(tx, house.holder.ura, policy)
    )


async def offered(house, browser, page):
    """Show the code; the pairing, and the link that a phone reads from the picture."""
    shown = await browser.post(f"{page}/phone")
    pairing = shown.page.all("input", name_="pairing")[0]["value"]
    secret = unescape(shown.page.one("input", name_="secret")["value"])
    return shown, pairing, PairingCode(house.base_url, pairing, secret).link()


async def check_of(house, page):
    check_id = page.rsplit("/", 1)[1]
    return await house.registry.read(lambda tx: identity_checks.get(tx, check_id))


async def phones(house, page):
    check = await check_of(house, page)
    return await house.registry.read(lambda tx: credentials.of_person(tx, check.person_id))


async def test_operator_and_employee_pair_a_phone_together(house, operator):
    page = await registered(house, operator)
    shown, pairing, link = await offered(house, operator, page)
    assert shown.page.mistakes == []
    assert shown.page.all("svg", role="img")
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(link)
    assert offer.identity.name == "Piet Pieters"
    await phone.prove(offer, None)
    followed = await operator.get(f"{page}/pairings/{pairing}")
    assert '"status":"proved"' in followed.text.replace(" ", "")

    answer = await operator.post(
        f"{page}/phone", {"pairing": pairing, "check_number": offer.check_number}
    )

    assert answer.location == page
    assert "The phone is paired" in (await operator.get(page)).text
    (bound,) = await phones(house, page)
    assert (bound.bound_by, bound.only_ura) == ("operator:operator", house.holder.ura)
    assert (await check_of(house, page)).status is CheckStatus.USED


async def test_a_wrong_number_is_typed_again(house, operator):
    page = await registered(house, operator)
    _, pairing, link = await offered(house, operator, page)
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(link)
    await phone.prove(offer, None)
    wrong = f"{(int(offer.check_number) + 1) % 10000:04}"

    for typed in (wrong, "12"):
        shown = await operator.post(f"{page}/phone", {"pairing": pairing, "check_number": typed})
        assert shown.status == 422
        assert shown.page.one("input", id="number")["aria-invalid"] == "true"

    assert await phones(house, page) == []


async def test_without_a_script_the_page_is_looked_at_again(house, operator):
    page = await registered(house, operator)
    shown, pairing, _ = await offered(house, operator, page)
    secret = shown.page.one("input", name_="secret")["value"]

    again = await operator.post(
        f"{page}/phone", {"pairing": pairing, "secret": secret, "look": "yes"}
    )
    other = await operator.post(f"{page}/phone", {"pairing": pairing, "secret": "x", "look": "y"})

    assert again.page.all("svg", role="img")
    assert not other.page.all("svg", role="img")


async def test_a_pairing_of_another_browser_is_unknown(house, operator):
    page = await registered(house, operator)
    _, pairing, _ = await offered(house, operator, page)
    other = await at_work(house, AdministrativeRole.OPERATOR)

    assert (await other.get(f"{page}/pairings/{pairing}")).status == 404
    answer = await other.post(f"{page}/phone", {"pairing": pairing, "check_number": "1234"})
    assert answer.status == 404


async def test_another_operator_does_not_go_on(house, operator):
    page = await registered(house, operator)
    other = await at_work(house, AdministrativeRole.OPERATOR, "olga")

    shown = await other.post(f"{page}/phone")

    assert shown.status == 422
    assert "Another operator saw this person" in shown.page.one("p", role="alert").text
    assert not (await other.get(page)).page.all("form", action=f"{page}/phone")


async def test_a_second_administrator_approves_before_a_phone_is_paired(house, operator):
    await want_two(house)
    page = await registered(house, operator)
    shown = await operator.post(f"{page}/phone")
    assert shown.status == 422
    waiting = await operator.get(page)
    assert not waiting.page.all("form", action=f"{page}/second")
    chief = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    assert (await chief.get(page)).page.mistakes == []

    await chief.post(f"{page}/second", {"said": "yes"})

    assert (await check_of(house, page)).seconded_by == "administrator"
    assert (await offered(house, operator, page))[0].page.all("svg", role="img")


async def test_what_the_second_refuses_is_over(house, operator):
    await want_two(house)
    page = await registered(house, operator)
    chief = await at_work(house, AdministrativeRole.ADMINISTRATOR)

    await chief.post(f"{page}/second", {"said": "no"})
    again = await chief.post(f"{page}/second", {"said": "yes"})

    assert again.status == 422
    assert (await check_of(house, page)).status is CheckStatus.REFUSED
    assert "refused this registration" in (await operator.get(page)).text


async def test_who_has_a_record_shows_a_document(house, operator):
    page = await registered(house, operator)
    person_id = (await check_of(house, page)).person_id
    asked = f"/admin/people/{person_id}/document"
    assert (await operator.get(asked)).page.mistakes == []

    wrong = await operator.post(asked, {**document(house), "date_of_birth": "1-2-1980"})
    right = await operator.post(asked, {**document(house), "date_of_birth": "31-1-1980"})

    assert wrong.status == 422
    assert "another date of birth" in wrong.page.one("p", role="alert").text
    assert right.location.startswith("/admin/people/registrations/")
    assert right.location != page
