"""What pages share: the language, the session's end, the steps."""

from datetime import timedelta

import pytest

from pairing_server.pages.front import Visitor


async def test_the_language_that_was_chosen_sticks(guest):
    assert (await guest.get("/portal/")).page.one("html")["lang"] == "en"

    chosen = await guest.get("/portal/?language=nl")

    assert (chosen.status, chosen.location) == (303, "/portal/")
    cookie = chosen.headers["Set-Cookie"]
    assert cookie.startswith("language=nl; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"} <= set(cookie.split("; "))
    assert (await guest.get("/portal/")).page.heading == "Uw telefoon wordt uw inlogsleutel"
    assert (await guest.get("/portal/nothing")).page.one("html")["lang"] == "nl"


async def test_a_language_that_is_none_chooses_nothing(guest):
    shown = await guest.get("/portal/?language=de")

    assert (shown.status, guest.cookie("language")) == (200, None)


async def test_a_cookie_that_names_no_language_counts_for_nothing(guest):
    shown = await guest.get("/portal/", Cookie="language=../../etc")

    assert shown.page.one("html")["lang"] == "en"


@pytest.mark.parametrize(
    "path", ["//kwaad.example/", "/portal//kwaad.example", "/\\kwaad.example"]
)
async def test_the_switch_leads_to_our_own_pages_alone(guest, path):
    shown = await guest.get(f"{path}?language=nl")
    assert shown.status == 404

    shown = await guest.get(f"/portal/?language=nl&next={path}&return={path}&url={path}")
    assert shown.location == "/portal/"


async def test_the_switch_of_a_page_that_answered_a_form_leads_to_one_that_can_be_opened(
    registered,
):
    shown = await registered.post("/portal/phone")

    links = [each["href"] for each in shown.page.all("a", hreflang="nl")]
    assert links == ["/portal/start?language=nl"]
    assert (await registered.get(links[0])).location == "/portal/start"


async def test_a_page_says_when_the_session_ends_and_then_asks_to_log_in(registered, clock):
    shown = await registered.get("/portal/start")
    assert "This session ends in 15 minutes." in shown.page.one("header").text

    clock.advance(timedelta(minutes=14.5))
    shown = await registered.get("/portal/start")
    assert "This session ends in 1 minute." in shown.page.one("header").text
    assert shown.page.one("span", class_="until")["data-ends"] in {"28", "29", "30"}

    clock.advance(timedelta(minutes=0.6))
    over = await registered.get("/portal/start")
    assert (over.status, over.page.heading) == (401, "You are not logged in")
    assert over.page.all("a", href="/portal/", class_="button primary")


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (60, 1), (61, 2), (900, 15)])
def test_minutes_are_rounded_up(seconds, minutes):
    assert Visitor("Jan", seconds, has_phones=False).minutes_left == minutes
