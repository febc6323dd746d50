"""The card's details, the date of birth, "is this you?", and the signature."""

import re

import pytest
from markupsafe import escape

from clients.card_profile import Holder
from pairing_server.languages import Language
from pairing_server.pages.registration_routes import notice_text
from pairing_server.registry.notices import Notice, NoticeKind
from tests.pages.visitor import visitor
from tests.portal.records import managed

BORN = {"day": "31", "month": "1", "year": "1980"}


async def test_the_details_are_those_of_the_card_in_the_pages_language(holder):
    dutch = (await holder.get("/portal/details", **{"Accept-Language": "nl"})).page
    english = (await holder.get("/portal/details")).page

    facts = dict(
        zip(
            [each.text for each in english.all("dt")],
            [each.text for each in english.all("dd")],
            strict=True,
        )
    )
    assert facts["Name"] == "Jan Jansen"
    assert facts["UZI number"] == "900001234"
    assert facts["Role"] == "physician, general practitioner"
    assert facts["Organisation"] == "Tést Zorginstelling 03"
    assert facts["URA"] == "90000382"
    assert re.fullmatch(r"\d+ [A-Z][a-z]+ 2029", facts["Card valid until"])
    shown = [each.text for each in dutch.all("dd")]
    assert "arts, huisarts" in shown
    assert re.fullmatch(r"\d+ [a-z]+ 2029", shown[-1])


async def test_the_date_is_asked_in_three_fields_that_no_browser_keeps(holder):
    """Chromium writes what was typed into its profile, with `bday-day` as with nothing."""
    page = (await holder.get("/portal/details")).page

    fields = {each["name"]: each for each in page.all("input", inputmode="numeric")}
    assert {name: each["autocomplete"] for name, each in fields.items()} == {
        "day": "off",
        "month": "off",
        "year": "off",
    }
    assert page.one("fieldset")["aria-describedby"] == "birth-hint"


@pytest.mark.parametrize(
    ("typed", "wrong", "error"),
    [
        ({}, ["day", "month", "year"], "Fill in day, month and year."),
        (
            {**BORN, "month": "2"},
            ["day", "month"],
            "That day is not in the calendar: check day and month.",
        ),
        (
            {**BORN, "year": "1850"},
            ["day", "month", "year"],
            "Check the year of the date of birth.",
        ),
    ],
    ids=["nothing", "no such day", "too old"],
)
async def test_what_is_wrong_with_the_date_stands_at_its_fields(holder, typed, wrong, error):
    shown = await holder.post("/portal/details", typed)

    page = shown.page
    assert shown.status == 422
    assert page.title.startswith("Error: ")
    assert (page.one("p", role="alert")["id"], page.one("p", role="alert").text) == (
        "birth-error",
        error,
    )
    fields = page.all("input", aria_invalid="true")
    assert [each["name"] for each in fields] == wrong
    assert {each["aria-describedby"] for each in fields} == {"birth-error"}
    assert [each["name"] for each in fields if "autofocus" in each.attributes] == wrong[:1]
    assert {each["name"]: each["value"] for each in page.all("input", inputmode="numeric")} == {
        name: typed.get(name, "") for name in BORN
    }


async def test_another_date_than_the_known_one_is_an_error_at_the_fields(registered):
    shown = await registered.post("/portal/details", {**BORN, "year": "1981"})

    assert shown.status == 422
    assert "These details are not the ones we have." in shown.page.one("p", role="alert").text


async def test_who_is_new_signs_what_they_are_registered_as(holder):
    shown = await holder.post("/portal/details", BORN)

    page = shown.page
    assert (shown.status, page.heading) == (200, "Sign with your UZI card")
    statement = page.one("blockquote").text
    assert "Jan Jansen, UZI-nummer 900001234" in statement
    assert "1980" not in shown.text
    assert (await holder.prove(shown)).location == "/portal/start"
    assert (await holder.get("/portal/start")).status == 200


async def test_who_is_known_is_asked_and_signs_after_yes(registered):
    asked = (await registered.post("/portal/details", BORN)).page
    (form,) = [each for each in asked.forms("/portal/details") if "nonce" in each.fields]
    assert asked.heading == "Is this you?"
    assert "jan.jansen.900001234" in asked.text

    shown = await registered.post("/portal/details", {**form.fields, "answer": "yes"})

    assert shown.page.heading == "Sign with your UZI card"
    assert (await registered.prove(shown)).location == "/portal/start"


async def test_no_tells_the_organisation_and_ends_the_session(registered):
    asked = (await registered.post("/portal/details", BORN)).page
    (form,) = [each for each in asked.forms("/portal/details") if "nonce" in each.fields]

    shown = await registered.post("/portal/details", {**form.fields, "answer": "no"})

    assert (shown.status, shown.page.heading) == (200, "Your organisation has been told")
    assert registered.cookie("session") is None
    assert (await registered.get("/portal/details")).status == 401
    events = await registered.house.events()
    assert events[-1]["action"] == "RegistrationDenied"


async def test_no_is_no_answer_to_who_was_not_asked(holder):
    shown = await holder.post("/portal/details", {"answer": "no"})

    assert (shown.status, shown.page.heading) == (409, "There is nothing to deny")


async def test_yes_is_taken_for_what_this_browser_was_offered_alone(registered):
    """Else somebody else's session could be put into a form for this card to sign."""
    house = registered.house
    asked = (await registered.post("/portal/details", BORN)).page
    (form,) = [each for each in asked.forms("/portal/details") if "nonce" in each.fields]
    other = Holder(uzi_number="900007777", ura=house.holder.ura)
    stranger = await visitor(house)
    await stranger.log_in(other)

    for fields in (
        form.fields,
        {**form.fields, "nonce": "x"},
        {**form.fields, "id": "x"},
    ):
        shown = await stranger.post("/portal/details", {**fields, "answer": "yes"})
        assert (shown.status, shown.page.heading) == (404, "This page is not there")


async def test_who_may_not_try_any_longer_is_told(registered):
    for _ in range(5):
        wrong = await registered.post("/portal/details", {**BORN, "year": "1981"})
        assert wrong.status == 422

    shown = await registered.post("/portal/details", BORN)

    assert (shown.status, shown.page.heading) == (429, "That was too often")


async def test_an_unknown_organisation_stops_it_and_says_whom_to_ask(guest):
    await guest.log_in()

    for shown in (
        await guest.get("/portal/details"),
        await guest.post("/portal/details", BORN),
        await guest.get("/portal/start"),
    ):
        page = shown.page
        assert shown.status == 403
        assert page.heading == "Your organisation is not registered here yet"
        assert "Ask who manages it" in page.one("div", role="alert").text
        assert page.all("a", href="/portal/organisation")


async def test_whom_the_server_names_is_named_to_who_cannot_go_on(make_house):
    async with make_house(contact="Servicedesk, toestel 1234") as house:
        asked = await visitor(house)
        await asked.log_in()
        page = (await asked.get("/portal/details", **{"Accept-Language": "nl"})).page

    assert "U kunt dit vragen aan: Servicedesk, toestel 1234" in page.one("div", role="alert").text


async def test_who_is_registered_may_go_on_at_once(registered):
    page = (await registered.get("/portal/details")).page

    assert page.all("a", href="/portal/start")
    assert page.all("fieldset")


async def test_administrators_see_what_their_organisation_was_told_until_it_is_read(house):
    administrator = await visitor(house)
    await administrator.log_in(purpose="register-organisation")
    await administrator.post("/portal/organisation")
    colleague = Holder(first_names="Piet", uzi_number="900005555")
    other = await visitor(house)
    await other.log_in(colleague)
    await other.prove(await other.post("/portal/details", BORN), colleague)
    await other.post("/portal/details", BORN)
    await other.post("/portal/details", {"answer": "no"})

    page = (await administrator.get("/portal/details")).page
    told = [each.text for each in page.all("section", class_="notice")]
    assert len(told) == 1
    assert "Piet Jansen (900005555)" in told[0]
    (form,) = [each for each in page.forms("/portal/details") if "notice" in each.fields]

    read = await administrator.post("/portal/details", form.fields)
    assert (read.status, read.location) == (303, "/portal/details")
    again = (await administrator.get("/portal/details")).page
    assert again.all("section", class_="notice") == []


async def test_nobody_else_sees_or_reads_notices(registered):
    shown = await registered.post("/portal/details", {"notice": "x"})

    assert (shown.status, shown.page.heading) == (403, "This cannot go on")
    assert (await registered.get("/portal/details")).page.all("section", class_="notice") == []


async def test_an_administrator_is_told_of_a_key_that_may_be_copied(house, registered):
    phone = await house.bind(registered.portal)
    await house.phone_status().suspect(phone.credential_id)
    administrator = await visitor(house)
    administrator.portal = await managed(house)

    (notice,) = (await administrator.get("/portal/details")).page.all("section", class_="notice")

    assert "Jan Jansen" in notice.text
    assert "has been blocked" in notice.text


#: What a card that was shown is named in.
OF_CARDS = {NoticeKind.REGISTRATION_DENIED, NoticeKind.SEVERAL_RECORDS}


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_of_notice_is_worded(kind, clock):
    person = {"id": "1", "name": "Jan %s <b>", "user_name": "jan"}
    card = {"name": "Piet", "uzi_number": "900001234", "role_code": "01.015"}
    notice = Notice(
        id="n", ura="90000382", kind=kind, at=clock(), subject={"card": card, "people": [person]}
    )

    english, dutch = notice_text(notice, Language.EN), notice_text(notice, Language.NL)

    assert "Jan %s <b> (jan)" in english["text"]
    assert ("Piet (900001234)" in dutch["text"]) is (kind in OF_CARDS)
    assert english["title"] != dutch["title"]
    assert not hasattr(english["text"], "__html__")
    assert str(escape(english["text"])) != english["text"]
