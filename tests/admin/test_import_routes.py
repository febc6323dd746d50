"""The pages on which a list of people is looked at and applied, and one is read out."""

import io

import aiohttp
import pytest

from admin.person_fields import read_last_day
from pairing_server.registry import members, organisations, people
from pairing_server.registry.people import AdministrativeRole, MembershipKind
from tests.admin.desk import at_work, employ
from tests.pages.visitor import ACCEPT

IMPORT = "/admin/people/import"
HEADER = "first_names;last_name;date_of_birth;role_codes\r\n"
PIET = "Piet;<Pieters>;5-5-1985;01.015\r\n"


@pytest.fixture
async def operator(house):
    return await at_work(house, AdministrativeRole.OPERATOR)


async def look(browser, raw, origin=None):
    form = aiohttp.FormData()
    form.add_field("list", io.BytesIO(raw), filename="people.csv", content_type="text/csv")
    headers = {"Origin": origin or browser.house.base_url, "Accept": ACCEPT}
    return await browser._send("POST", IMPORT, headers, data=form)


def shown_list(shown):
    return {
        name: shown.page.one("input", name_=name, type="hidden")["value"]
        for name in ("digest", "list")
    }


async def names(house):
    held = await house.registry.read(lambda tx: members.of_organisation(tx, house.holder.ura))
    return [each.person.name for each in held]


async def test_a_list_is_looked_at_and_then_applied(house, operator):
    assert (await operator.get(IMPORT)).page.mistakes == []
    shown = await look(operator, (HEADER + PIET + "Jan;;5-5-1985;01.015\r\n").encode())
    assert shown.page.mistakes == []
    rows = [each.text for each in shown.page.all("tr")][1:]
    assert "refused" in rows[0]
    assert "last_name" in rows[0]
    assert "Piet <Pieters>" in rows[1]
    assert "invited" in rows[1]
    assert "Piet <Pieters>" not in await names(house)

    done = await operator.post(f"{IMPORT}/apply", shown_list(shown))

    assert "Applied, as it was shown." in done.text
    assert not done.page.all("form", action=f"{IMPORT}/apply")
    assert "Piet <Pieters>" in await names(house)


@pytest.mark.parametrize(
    ("language", "was", "will_be"),
    [
        (
            "en",
            "Guus Proef · physician, general practitioner · employee · 31 December 2099",
            "Guus Proef · physician · employee · 30 June 2099",
        ),
        (
            "nl",
            "Guus Proef · arts, huisarts · medewerker · 31 december 2099",
            "Guus Proef · arts · medewerker · 30 juni 2099",
        ),
    ],
)
async def test_what_becomes_of_somebody_is_said_in_the_language_of_the_page(
    house, operator, language, was, will_be
):
    until = read_last_day("31-12-2099", MembershipKind.EMPLOYEE, house.ports.clock())
    await employ(house, "guus", valid_until=until)
    known = await house.registry.read(lambda tx: people.get_person(tx, "guus"))
    operator.language = language
    line = f"user_name;role_codes;valid_until\r\n{known.user_name};01.000;30-6-2099\r\n"

    shown = await look(operator, line.encode())

    (row,) = [each.text for each in shown.page.all("tr") if "Guus" in each.text]
    assert was in row
    assert will_be in row


async def test_what_was_changed_since_is_shown_again_and_not_applied(house, operator):
    shown = await look(operator, (HEADER + PIET).encode())
    form = shown_list(shown)
    await operator.post(
        "/admin/people/new/invite",
        {
            "first_names": "Piet",
            "last_name": "<Pieters>",
            "date_of_birth": "5-5-1985",
            "role_codes": "01.016",
        },
    )

    again = await operator.post(f"{IMPORT}/apply", form)

    assert again.status == 409
    assert "look once more" in again.page.one("p", role="alert").text
    assert shown_list(again)["digest"] != form["digest"]


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"bsn\r\n1"])
async def test_what_is_no_list_is_said_to_be_none(operator, raw):
    shown = await look(operator, raw)

    assert shown.status == 422
    assert "Line 1:" in shown.page.one("p", role="alert").text
    assert shown.page.mistakes == []


async def test_without_a_list_nothing_is_looked_at(operator):
    assert (await operator.post(IMPORT, {"x": "y"})).status == 400
    answer = await operator.post(f"{IMPORT}/apply", {"list": "%%", "digest": "x"})
    assert answer.status == 400
    other = await operator.post(f"{IMPORT}/apply", {"list": "", "digest": "x"})
    assert other.status == 422


async def test_a_list_of_another_site_is_not_looked_at(operator):
    assert (await look(operator, HEADER.encode(), "https://kwaad.example")).status == 403


async def test_5000_lines_come_through_the_forms(house, operator):
    letters = "abcdefghijklmnopqrstuvwxyz"
    lines = [f"{a}{b}{c};Nieuw;5-5-1985;01.015" for a in letters for b in letters for c in letters]
    raw = (HEADER + "\r\n".join(lines[:5000])).encode()
    shown = await look(operator, raw)
    assert "4500 more lines are not shown here." in shown.text
    assert len(shown_list(shown)["list"]) > 64 * 1024

    done = await operator.post(f"{IMPORT}/apply", {**shown_list(shown), "digest": "stale"})

    assert done.status == 409


async def test_a_list_that_is_too_large_is_refused(operator):
    shown = await look(operator, b"x" * (2 * 1024 * 1024 + 1))
    huge = await look(operator, b"x" * (5 * 1024 * 1024))

    assert "larger than 2 MB" in shown.page.one("p", role="alert").text
    assert huge.status == 413


async def test_the_list_of_people_is_taken_away(house, operator):
    await employ(house, "formule")

    def rename(tx):
        known = people.get_person(tx, "formule")
        fields = {name: getattr(known, name) for name in known.__slots__}
        people.update_person(tx, type(known)(**{**fields, "last_name": "=1+1"}))

    await house.registry.commit(rename)

    taken = await operator.post("/admin/people/export")

    assert taken.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert f"people-{house.holder.ura}-" in taken.headers["Content-Disposition"]
    assert ";'=1+1;" in taken.text
    assert (await house.events())[-1]["action"] == "PeopleExported"
    assert await house.registry.read(lambda tx: organisations.get(tx, house.holder.ura))
