"""Programs find people, read them page by page, and invite somebody new."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import people
from pairing_server.registry.people import PersonStatus
from tests.admin.desk import ELSEWHERE, employ
from tests.admin.machine import program

NEW = {
    "first_names": "Nora",
    "last_name": "Nieuw",
    "date_of_birth": "1990-02-03",
    "role_codes": ["01.015", "01.016"],
}


@pytest.fixture
async def hr(house):
    await employ(house, "anna")
    await employ(house, "boris", ura=ELSEWHERE)
    return await program(house)


def ids(said):
    return [each["id"] for each in said.body["people"]]


def following(said):
    return re.fullmatch(r'<http[^>]*?(/admin/[^>]*)>; rel="next"', said.headers["Link"])[1]


async def test_somebody_is_told_of_with_what_they_are_here(hr):
    said = await hr.get("/people/anna")

    assert said.status == 200
    assert said.body.pop("user_name").startswith("anna-")
    assert said.body == {
        "id": "anna",
        "first_names": "Anna",
        "last_name": "Proef",
        "uzi_number": None,
        "has_mail_address": False,
        "membership": {
            "is_linked": True,
            "kind": "employee",
            "role_codes": ["01.015"],
            "administrative_role": None,
            "last_day": None,
        },
    }


async def test_what_the_caller_knows_is_not_sent_again(hr):
    tag = (await hr.get("/people/anna")).tag

    known = await hr.get("/people/anna", If_None_Match=f'W/"x", {tag}')

    assert (known.status, known.body) == (304, b"")
    assert (await hr.get("/people/anna", If_None_Match='"x"')).status == 200


async def test_people_are_listed_page_by_page_each_once(hr, house):
    for name in ("carla", "dirk", "els"):
        await employ(house, name)

    found, path = [], "/people?limit=2&standing=all"
    while path:
        said = await hr.get(path)
        found.append(ids(said))
        path = following(said) if "Link" in said.headers else ""

    assert found == [["anna", "carla"], ["dirk", "els"]]


async def test_people_are_found_by_what_they_are(hr, house):
    yesterday = house.ports.clock() - timedelta(days=1)
    await employ(house, "gone", valid_until=yesterday)
    await employ(house, "guest", kind="guest", role_code="30.000")

    assert ids(await hr.get("/people")) == ["anna", "guest"]
    assert ids(await hr.get("/people?standing=ended")) == ["gone"]
    assert ids(await hr.get("/people?kind=guest")) == ["guest"]
    assert ids(await hr.get("/people?role_code=01.015&standing=all")) == ["anna", "gone"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("standing=any", "standing"),
        ("kind=boss", "kind"),
        ("role_code=%25", "role_code"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("cursor=%27", "cursor"),
        # A mistyped filter would find everybody.
        ("rolecode=01.015", "query"),
        ("last_name=Proef", "query"),
        ("kind=", "kind"),
    ],
)
async def test_no_filter_is_passed_over(hr, query, field):
    said = await hr.get(f"/people?{query}")

    assert (said.status, said.error, said.body["field"]) == (400, "invalid_field", field)


async def test_whom_a_text_fits_is_found_and_the_text_stands_in_no_address(hr):
    said = await hr.call("POST", "/search", {"text": "proe"})

    assert said.status == 200
    assert [each["name"] for each in said.body["people"]] == ["Anna Proef"]
    assert said.body["is_last"] is True
    nobody = await hr.call("POST", "/search", {"text": "boris"})
    assert nobody.body == {"people": [], "is_last": True}
    after = await hr.call("POST", "/search", {"text": "proe", "after": "anna"})
    assert after.body == {"people": [], "is_last": True}


async def test_who_is_invited_is_found_where_the_answer_leads(hr):
    made = await hr.post("/people", NEW)

    assert made.status == 201
    assert made.body.keys() == {"id"}
    told = (await hr.get(made.headers["Location"])).body
    assert (told["id"], told["last_name"]) == (made.body["id"], "Nieuw")
    assert told["membership"]["role_codes"] == ["01.015", "01.016"]


async def test_who_is_known_here_is_not_made_twice(hr):
    first = await hr.post("/people", NEW)
    again = await hr.post("/people", NEW)

    assert (again.status, again.error) == (409, "known_here")
    assert again.body["person_id"] == first.body["id"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"administrative_role": "administrator"}, "invalid_request"),
        ({"kind": "guest"}, "invalid_request"),
        ({"uzi_number": "900000001"}, "invalid_request"),
        ({"id": "mine"}, "invalid_request"),
        ({"role_codes": []}, "invalid_request"),
        ({"role_codes": ["01.015", "01.015"]}, "invalid_field"),
        ({"last_name": "\u202e"}, "invalid_field"),
        ({"last_name": "123456782"}, "invalid_field"),
        ({"date_of_birth": "2026-01-01"}, "invalid_field"),
        ({"date_of_birth": "1990-02-30"}, "invalid_field"),
        ({"date_of_birth": "30-01-1990"}, "invalid_request"),
        ({"last_day": "2020-01-01"}, "invalid_field"),
    ],
)
async def test_nothing_is_taken_that_is_not_asked_for_and_nothing_is_made(hr, changed, code):
    said = await hr.post("/people", NEW | changed)

    assert (said.status, said.error) == (400, code)
    assert ids(await hr.get("/people?standing=all")) == ["anna"]


async def test_what_is_typed_is_in_no_answer_of_no(hr):
    said = await hr.post("/people", NEW | {"last_name": "123456782"})

    assert "123456782" not in str(said.body)
    assert said.body["field"] == "last_name"


async def test_a_closed_record_is_nobody(hr, house):
    def close(tx):
        found = people.get_person(tx, "anna")
        people.update_person(tx, replace(found, status=PersonStatus.CLOSED))

    await house.registry.commit(close)

    assert (await hr.get("/people/anna")).status == 404
    assert ids(await hr.get("/people?standing=all")) == []
