"""The page of what a person is in the organisation."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry import aliases, mail_outbox, people
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, employ, id_of

BORN = date(1980, 1, 31)


@pytest.fixture
async def chief(house):
    """An administrator at work, and two people."""
    births = BirthDates(house.stores.birth_date_key)
    for name in ("anna", "bas"):
        await employ(house, name)

        def know(tx, name=name):
            known = people.get_person(tx, name)
            people.update_person(tx, replace(known, birth_digest=births.digest(name, BORN)))

        await house.registry.commit(know)
    return await at_work(house, AdministrativeRole.ADMINISTRATOR)


def page_of(name="anna"):
    return f"/admin/people/{name}/membership"


async def sent(browser, form, name="anna", **values):
    return await browser.post(f"{page_of(name)}/{form}", values)


async def membership(house, name="anna"):
    return await house.registry.read(lambda tx: people.membership(tx, name, house.holder.ura))


async def test_the_page_shows_what_a_person_is(house, chief):
    shown = await chief.get(page_of())

    assert shown.page.heading == "Anna Proef"
    assert shown.page.mistakes == []
    facts = shown.page.one("dl").text
    assert "Employee" in facts
    actions = {each["action"] for each in shown.page.all("form")}
    assert {f"{page_of()}/{name}" for name in ("roles", "name", "unlink", "appoint", "merge")} <= (
        actions
    )
    assert f"{page_of()}/dismiss" not in actions


async def test_an_operator_sees_no_forms_of_administrators(house, chief):
    operator = await at_work(house, AdministrativeRole.OPERATOR)

    actions = {each["action"] for each in (await operator.get(page_of())).page.all("form")}

    assert f"{page_of()}/roles" in actions
    assert not {f"{page_of()}/{name}" for name in ("appoint", "merge")} & actions


async def test_roles_and_end_are_changed(house, chief):
    answer = await sent(chief, "roles", role_codes="01.016 01.015", valid_until="31-12-2099")

    assert (answer.status, answer.location) == (303, f"{page_of()}?done=roles")
    changed = await membership(house)
    assert changed.role_codes == ("01.016", "01.015")
    assert changed.valid_until.year == 2099
    assert "Done." in (await chief.get(answer.location)).text


@pytest.mark.parametrize(
    ("form", "values", "field"),
    [
        ("roles", {"role_codes": "huisarts"}, "role_codes"),
        ("roles", {"role_codes": "01.015", "valid_until": "1-1-2020"}, "valid_until"),
        ("name", {"first_names": "Anna"}, "last_name"),
        ("unlink", {}, "sure"),
        ("appoint", {"administrative_role": "king"}, "administrative_role"),
        ("merge", {"user_name": "x", "date_of_birth": "31-1-1980"}, "user_name"),
        ("merge", {"user_name": "x"}, "date_of_birth"),
    ],
)
async def test_a_form_says_which_field_is_wrong(house, chief, form, values, field):
    before = await membership(house)

    shown = await sent(chief, form, **values)

    assert shown.status == 422
    assert shown.page.mistakes == []
    (wrong,) = [each for each in shown.page.elements if "aria-invalid" in each.attributes]
    assert wrong["name"] == field
    assert shown.page.one("p", role="alert").text
    assert await membership(house) == before


async def test_what_was_typed_is_shown_again_but_no_date_of_birth(house, chief):
    shown = await sent(chief, "merge", user_name="<bas>", date_of_birth="31-1-1980")

    assert shown.page.one("input", id="merge-user_name")["value"] == "<bas>"
    assert "31-1-1980" not in shown.text


async def test_a_name_is_corrected(house, chief):
    await sent(chief, "name", first_names="Anna", last_name="de Vries")

    assert (await chief.get(page_of())).page.heading == "Anna de Vries"


async def test_who_leaves_is_unlinked_and_linked_again(house, chief):
    await sent(chief, "unlink", sure="yes")
    assert not (await membership(house)).is_valid(house.ports.clock())

    shown = await chief.get(page_of())
    assert "not any more" in shown.text
    assert not shown.page.all("form", action=f"{page_of()}/unlink")
    await sent(chief, "roles", role_codes="01.015")

    assert (await membership(house)).is_valid(house.ports.clock())


async def test_who_has_a_card_is_appointed_and_dismissed(house, chief):
    await house.registered()
    person_id = await id_of(house, house.holder)

    await sent(chief, "appoint", person_id, administrative_role="operator")
    assert (await membership(house, person_id)).administrative_role == "operator"
    await sent(chief, "dismiss", person_id)

    assert (await membership(house, person_id)).administrative_role is None


async def test_the_last_administrator_is_told_what_to_do_first(house, chief):
    shown = await sent(chief, "dismiss", "administrator")

    assert shown.status == 422
    assert "appoint another one first" in shown.page.one("p", role="alert").text
    assert (await membership(house, "administrator")).administrative_role == "administrator"


async def test_to_appoint_an_approval_of_long_ago_is_not_enough(house, chief):
    stale = await at_work(house, AdministrativeRole.ADMINISTRATOR, age=timedelta(minutes=6))

    shown = await sent(stale, "appoint", administrative_role="operator")
    page = await stale.get(page_of())

    assert shown.page.heading == "Confirm first"
    assert (await membership(house)).administrative_role is None
    asked = {each["value"] for each in page.page.all("input", name_="act")}
    assert asked == {"appoint", "merge"}


async def test_an_operator_takes_no_manager_away_and_is_shown_no_form_for_it(house, chief):
    operator = await at_work(house, AdministrativeRole.OPERATOR)

    shown = await operator.get(page_of("administrator"))
    answers = [
        (await sent(operator, form, "administrator", **values)).status
        for form, values in (
            ("unlink", {"sure": "yes"}),
            ("contact", {"address": "operator@example.nl"}),
            ("name", {"first_names": "A", "last_name": "B"}),
            ("roles", {"role_codes": "01.015", "valid_until": "31-12-2099"}),
        )
    ]

    forms = {each["action"] for each in shown.page.all("form", method="post")}
    assert {each for each in forms if "membership" in each} == {
        f"{page_of('administrator')}/roles"
    }
    assert answers == [403, 403, 403, 403]
    held = await membership(house, "administrator")
    assert (held.administrative_role, held.valid_until) == ("administrator", None)


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("unlink", {"sure": "yes"}),
        ("roles", {"role_codes": "01.015", "valid_until": "31-12-2099"}),
    ],
)
async def test_to_take_a_manager_away_is_confirmed_first(house, chief, form, values):
    await at_work(house, AdministrativeRole.OPERATOR)
    stale = await at_work(house, AdministrativeRole.ADMINISTRATOR, age=timedelta(minutes=6))

    shown = await sent(stale, form, "operator", **values)

    assert (shown.status, shown.page.heading) == (401, "Confirm first")
    assert (await membership(house, "operator")).valid_until is None


async def test_two_records_become_one(house, chief):
    bas = await house.registry.read(lambda tx: people.get_person(tx, "bas"))

    answer = await sent(
        chief, "merge", user_name=bas.user_name, date_of_birth="31-01-1980", sure="yes"
    )

    assert answer.location == f"{page_of()}?done=merge"
    assert await house.registry.read(lambda tx: aliases.ids_of(tx, "anna")) == ("anna", "bas")
    assert bas.user_name in (await chief.get(page_of())).page.one("dl").text
    assert (await chief.get(page_of("bas"))).status == 404


async def test_who_works_elsewhere_is_nobody_to_merge(house, chief):
    await employ(house, "els", ura="90000777")
    els = await house.registry.read(lambda tx: people.get_person(tx, "els"))

    shown = await sent(
        chief, "merge", user_name=els.user_name, date_of_birth="31-01-1980", sure="yes"
    )
    nobody = await sent(chief, "merge", user_name="nobody", date_of_birth="31-01-1980", sure="yes")

    assert shown.page.one("p", role="alert").text == nobody.page.one("p", role="alert").text


async def address(house, name="anna"):
    return await house.registry.read(lambda tx: mail_outbox.address_of(tx, name))


async def test_an_operator_says_where_somebody_is_mailed_and_the_log_says_no_address(house, chief):
    operator = await at_work(house, AdministrativeRole.OPERATOR)
    answer = await sent(operator, "contact", address=" anna@example.nl ")
    assert answer.location == f"{page_of()}?done=contact"
    assert await address(house) == "anna@example.nl"
    shown = await operator.get(page_of())
    assert shown.page.one("input", name_="address")["value"] == "anna@example.nl"
    await sent(operator, "contact", address="anna@example.nl")

    await sent(operator, "contact", address="")

    assert await address(house) is None
    told = [each for each in await house.events() if each["action"] == "MailAddressChanged"]
    assert [each["evidence"] for each in told] == ['{"is_set":true}', '{"is_set":false}']
    assert {each["ura"] for each in told} == {house.holder.ura}
    assert {each["actor"] for each in told} == {"person:operator"}


@pytest.mark.parametrize(
    "typed", ["anna", "a@b@example.nl", "anna@example.nl, bas@example.nl", "999993653@example.nl"]
)
async def test_where_no_mail_can_go_nobody_is_mailed(house, chief, typed):
    shown = await sent(chief, "contact", address=typed)

    assert shown.status == 422
    assert shown.page.one("input", name_="address")["aria-invalid"] == "true"
    assert "999993653" not in shown.text
    assert await address(house) is None


@pytest.mark.parametrize("field", ["first_names", "last_name"])
async def test_a_bsn_in_a_name_is_not_shown_again(house, chief, field):
    names = {"first_names": "Piet", "last_name": "Pieters", field: "999993653"}
    shown = await chief.post("/admin/people/new/register", names)

    assert shown.status == 422
    assert "999993653" not in shown.text


async def test_it_says_where_the_server_sends_no_mail(house, chief):
    assert "This server sends no mail" in (await chief.get(page_of())).page.text


async def test_the_address_of_who_works_elsewhere_too_is_not_shown_nor_lost(house, chief):
    await sent(chief, "contact", address="anna@thuis.example")
    await employ(house, "anna", ura=ELSEWHERE)
    other = await at_work(house, AdministrativeRole.OPERATOR, "other", ELSEWHERE)

    for browser in (chief, other):
        shown = await browser.get(page_of())
        empty = await sent(browser, "contact", address="")
        assert "thuis.example" not in shown.text + empty.text
        assert "An address is known." in shown.page.text
        assert empty.page.one("p", role="alert").text
    assert await address(house) == "anna@thuis.example"

    await sent(other, "contact", address="anna@elders.example")
    assert await address(house) == "anna@elders.example"


async def test_what_another_organisation_merged_is_its_own_to_know(house, chief):
    await employ(house, "anna", ura=ELSEWHERE)
    await employ(house, "old", ura=ELSEWHERE)
    alias = aliases.Alias(
        id="old",
        person_id="anna",
        user_name="anna.oud",
        ura=ELSEWHERE,
        merged_by="person:els",
        merged_at=house.ports.clock(),
    )
    await house.registry.commit(lambda tx: aliases.add(tx, alias))
    other = await at_work(house, AdministrativeRole.OPERATOR, "other", ELSEWHERE)

    assert "anna.oud" in (await other.get(page_of())).text
    assert "anna.oud" not in (await chief.get(page_of())).text
