"""The card's pages: from the landing page to the way back."""

import pytest

from clients.wire import WireError
from pairing_server.limits import Rate
from tests.pages.visitor import visitor


async def test_the_root_leads_to_the_landing_page(guest):
    for path in ("/", "/portal/login"):
        shown = await guest.get(path)
        assert (shown.status, shown.location) == (302, "/portal/")


async def test_the_landing_page_says_what_is_needed_and_offers_both_ways(guest):
    page = (await guest.get("/portal/")).page

    assert len(page.all("li")) == 2 + 4  # the languages, and what is needed
    assert page.forms("/portal/login")[0].fields == {"purpose": "login"}
    assert page.all("a", href="/portal/organisation", class_="button")


@pytest.mark.parametrize(
    ("purpose", "statement", "steps"),
    [("login", "Ik log in bij", 5), ("register-organisation", "Ik registreer de organisatie", 3)],
)
async def test_a_card_is_asked_for_with_the_words_that_it_signs(guest, purpose, statement, steps):
    shown = await guest.post("/portal/login", {"purpose": purpose})

    page = shown.page
    asked = page.one("blockquote")
    assert (asked["lang"], asked.text.startswith(statement)) == ("nl", True)
    assert f"(step 1 of {steps})" in page.title
    link = page.one("a", data_open="")["href"]
    assert link.startswith("zorgid://session?server=http%3A%2F%2Flocalhost")
    assert page.one("section", data_status="waiting")["data-poll"].startswith("/uzi/sessions/")
    assert {each["data-when"] for each in page.all("div") if "data-when" in each.attributes} == {
        "waiting",
        "proved",
        "completed",
        "refused",
        "expired",
    }


@pytest.mark.parametrize(
    "form", [{}, {"purpose": "sign-registration"}, {"purpose": "x"}, {"purpose": "LOGIN"}], ids=str
)
async def test_nothing_else_is_asked_of_a_card_here(guest, form):
    shown = await guest.post("/portal/login", form)

    assert (shown.status, shown.page.heading) == (400, "This cannot go on")
    assert guest.cookie("browser") is None


async def test_where_a_card_leads_depends_on_what_it_was_asked_for(house):
    await house.add_organisation()
    for purpose, path in (
        ("login", "/portal/details"),
        ("register-organisation", "/portal/organisation"),
    ):
        shown = await (await visitor(house)).log_in(purpose=purpose)
        assert (shown.status, shown.location) == (303, path)


async def test_who_has_signed_a_registration_goes_on_to_pairing(registered):
    assert (await registered.get("/portal/next")).location == "/portal/start"


async def test_another_browser_cannot_finish_and_is_told_in_its_language(house):
    guest, other = await visitor(house), await visitor(house, "nl")
    shown = await guest.post("/portal/login", {"purpose": "login"})
    await other.post("/portal/login", {"purpose": "login"})
    card = house.register.card(house.holder)
    return_uri = await house.agent().prove(shown.page.one("a", data_open="")["href"], card)

    other.portal._headers["Accept-Language"] = "nl"
    with pytest.raises(WireError) as refused:
        await other.portal.complete(return_uri)

    assert (refused.value.error, refused.value.status) == ("wrong_browser", 403)
    assert refused.value.description == (
        "Deze inlogpoging is in een andere browser begonnen en is nu afgebroken: begin hier "
        "opnieuw."
    )
    assert (await other.get("/portal/next")).status == 401


async def test_the_way_back_is_a_page_that_its_script_finishes(guest):
    page = (await guest.get("/uzi/return")).page

    assert [each["src"].split(".")[0] for each in page.all("script")] == ["/static/return"]
    assert page.one("section", data_return="/portal/next")
    assert page.all("noscript")


async def test_who_logs_out_is_logged_out(registered):
    kept = registered.cookie("session")
    out = await registered.post("/portal/ended")

    assert (out.status, out.location) == (303, "/portal/ended")
    assert registered.cookie("session") is None
    assert (await registered.get("/portal/start")).status == 401
    assert (await registered.get("/portal/ended")).page.heading == "You have been logged out"
    # Nor does the cookie open anything that somebody kept.
    again = await registered.get("/portal/start", Cookie=f"session={kept}")
    assert again.status == 401


async def test_what_is_signed_after_logging_out_logs_nobody_in(holder):
    """The agent may still stand there, and the next person sits down."""
    signing = await holder.post("/portal/details", {"day": "31", "month": "1", "year": "1980"})
    await holder.post("/portal/ended")

    with pytest.raises(WireError, match="wrong_browser"):
        await holder.prove(signing)

    assert holder.cookie("session") is None
    assert (await holder.get("/portal/next")).status == 401


async def test_starting_is_limited_by_address(make_house):
    async with make_house(rate=Rate(per_second=0.001, burst=2)) as house:
        guest = await visitor(house)
        answers = [await guest.post("/portal/login", {"purpose": "login"}) for _ in range(3)]

    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[2].page.heading == "That was too often"
    assert answers[2].headers["Retry-After"]


async def test_the_second_way_is_shown_where_it_is_configured(make_house, guest):
    page = (await guest.post("/portal/login", {"purpose": "login"})).page
    assert page.forms("/uzi/mtls") == []

    async with make_house(client_cert_proxies=("127.0.0.1/32",)) as house:
        offering = await visitor(house)
        page = (await offering.post("/portal/login", {"purpose": "login"})).page
        organisation = await offering.post("/portal/login", {"purpose": "register-organisation"})

    (form,) = [each for each in page.all("form") if each["action"].endswith("/uzi/mtls")]
    assert form["action"] == f"{house.base_url}/uzi/mtls"
    assert "/uzi/mtls" not in organisation.text
