"""What holds for every page, in both languages: found by walking all of them."""

import re

import pytest

from clients.card_profile import Holder
from clients.phone import SoftwarePhone
from tests.pages.visitor import Shown, Visitor, visitor

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
BORN = {"day": "31", "month": "1", "year": "1980"}
#: What a card could say to break out of a text, an attribute, a script or a message.
EVIL = Holder(
    uzi_number="900006666",
    ura="90006666",
    first_names="<script>x</script>",
    last_name="\"'><img src=x> %(a)s {{7*7}}",
    organisation_name='</title><b>"O\'Neill & Zn" %s {% raw %}',
)


async def link_of(house, shown: Shown) -> str:
    """Return what the QR code says, as the form for browsers without scripts has it."""
    (form,) = [each for each in shown.page.forms("/portal/phone") if "secret" in each.fields]
    pairing, secret = form.fields["pairing"], form.fields["secret"]
    return f"{house.base_url}/app/#p.{pairing}.{secret}"


async def walk(house, language: str, holder: Holder) -> dict[str, Shown]:
    """Open every page there is, on the way from the landing page to the paired phone."""
    guest: Visitor = await visitor(house, language)
    seen = {
        "landing": await guest.get("/portal/"),
        "organisation, explained": await guest.get("/portal/organisation"),
        "return": await guest.get("/uzi/return"),
        "not logged in": await guest.get("/portal/details"),
        "not there": await guest.get("/nothing/here"),
        "refused elsewhere": await guest.get("/portal/refused?error=card_expired"),
        "show card": await guest.post("/portal/login", {"purpose": "login"}),
    }
    await guest.prove(seen["show card"], holder)
    seen["organisation unknown"] = await guest.get("/portal/details")
    asked = await guest.post("/portal/login", {"purpose": "register-organisation"})
    seen["show card for organisation"] = asked
    await guest.prove(asked, holder)
    seen["organisation, asked"] = await guest.get("/portal/organisation")
    await guest.post("/portal/organisation")
    seen["organisation, done"] = await guest.get("/portal/organisation")
    seen["details"] = await guest.get("/portal/details")
    seen["details, wrong"] = await guest.post("/portal/details", {**BORN, "day": "<b>"})
    seen["sign"] = await guest.post("/portal/details", BORN)
    await guest.prove(seen["sign"], holder)
    seen["start"] = await guest.get("/portal/start")
    offered = seen["offered"] = await guest.post("/portal/phone")
    pairing = {"pairing": offered.page.forms("/portal/phone")[-1].fields["pairing"]}
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(await link_of(house, offered))
    seen["scanned"] = await guest.post("/portal/phone", {**pairing, "look": "yes"})
    await phone.prove(offer, None)
    seen["proved"] = await guest.post("/portal/phone", {**pairing, "look": "yes"})
    wrong = f"{(int(offer.check_number) + 1) % 10000:04}"
    seen["number, wrong"] = await guest.post("/portal/phone", {**pairing, "check_number": wrong})
    await guest.post("/portal/phone", {**pairing, "check_number": offer.check_number})
    seen["paired"] = await guest.post("/portal/phone", {**pairing, "look": "yes"})
    seen["done"] = await guest.get("/portal/done")
    seen["my phones"] = await guest.get("/portal/my-phones")
    mine = {"phone": phone.credential_id}
    seen["my phones, misnamed"] = await guest.post("/portal/my-phones", {**mine, "act": "rename"})
    seen["end key"] = await guest.post("/portal/my-phones", {**mine, "act": "revoke"})
    await guest.post("/portal/my-phones", {**mine, "act": "block"})
    seen["my phones, blocked"] = await guest.get("/portal/my-phones")
    ended = {**mine, "act": "revoke", "sure": "yes"}
    await guest.post("/portal/my-phones", ended)
    seen["my phones, none"] = await guest.get("/portal/my-phones")
    seen["details, registered"] = await guest.get("/portal/details")
    seen["is this you"] = await guest.post("/portal/details", BORN)
    seen["denied"] = await guest.post("/portal/details", {"answer": "no"})
    seen["logged out"] = await guest.get("/portal/ended")
    return seen


@pytest.fixture(params=["en", "nl"])
async def pages(request, house):
    return request.param, await walk(house, request.param, house.holder)


async def test_every_page_is_sound_and_allows_next_to_nothing(pages):
    language, seen = pages

    assert {name: each.page.mistakes for name, each in seen.items() if each.page.mistakes} == {}
    for name, each in seen.items():
        headers = each.headers
        assert set(headers["Content-Security-Policy"].split("; ")) == POLICY, name
        assert headers["Cache-Control"] == "no-store", name
        # With `no-referrer` browsers send `Origin: null` with forms.
        assert headers["Referrer-Policy"] == "strict-origin", name
        assert headers["X-Content-Type-Options"] == "nosniff", name
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", name
        assert headers["Vary"] == "Accept-Language, Cookie", name
        assert headers["Content-Language"] == language, name
        assert each.page.one("html")["lang"] == language, name


async def test_every_page_says_where_one_is_and_who(pages):
    _, seen = pages
    titles = {name: each.page.title for name, each in seen.items()}
    headings = {name: each.page.heading for name, each in seen.items()}

    assert [name for name, each in seen.items() if headings[name] not in titles[name]] == []
    steps = {name: each.page.all("li", aria_current="step") for name, each in seen.items()}
    assert all(len(found) <= 1 for found in steps.values())
    outside = {name for name, found in steps.items() if not found}
    assert outside == {
        "landing",
        "return",
        "not logged in",
        "not there",
        "refused elsewhere",
        "organisation unknown",
        "denied",
        "logged out",
        "my phones",
        "my phones, misnamed",
        "my phones, blocked",
        "my phones, none",
        "end key",
    }
    inside = {
        "details",
        "details, wrong",
        "sign",
        "start",
        "offered",
        "scanned",
        "proved",
        "paired",
        "done",
        "is this you",
        "organisation, asked",
        "organisation, done",
        "organisation unknown",
        "my phones",
        "my phones, blocked",
        "end key",
    }
    for name in inside:
        assert seen[name].page.forms("/portal/ended"), f"nobody can log out of {name}"
    for name in inside - {"organisation unknown"}:
        assert seen[name].page.one("span", class_="until")["data-gone"] == "/portal/next"


async def test_no_page_speaks_two_languages(house):
    """All words change with the language, but for names, numbers and what the card signs."""
    english = await walk(house, "en", house.holder)
    dutch = await walk(house, "nl", Holder(uzi_number="900009999", ura="90000999"))

    same = {
        name: words(english[name]) & words(dutch[name]) - shared(english[name]) for name in english
    }
    assert {name: found for name, found in same.items() if found} == {}


def words(shown: Shown) -> set[str]:
    """Return the texts of a page that are sentences or labels."""
    texts = {
        " ".join(each.text.split())
        for each in shown.page.elements
        if each.name in ("h1", "h2", "h3", "p", "button", "label", "dt", "summary", "legend")
    }
    return {text for text in texts if re.search(r"[a-z]{3}", text)}


def shared(shown: Shown) -> set[str]:
    return {"Status", "Start", "software phone"}


async def test_what_a_card_says_is_text_and_nothing_else(house):
    seen = await walk(house, "nl", EVIL)

    for name, each in seen.items():
        page = each.page
        assert page.mistakes == [], name
        assert "49" not in page.heading, name
        assert [script["src"][:8] for script in page.all("script")] == ["/static/"], name
        assert not [image for image in page.all("img") if image["src"] == "x"], name
        assert not page.all("b"), name
    shown = seen["details"].page.text
    assert EVIL.first_names in shown
    assert EVIL.last_name in shown
    assert EVIL.organisation_name in shown
    assert EVIL.organisation_name in seen["start"].page.text
    assert EVIL.last_name in seen["is this you"].page.text


async def test_no_address_names_anybody(house):
    """Neither what is opened, nor what a page leads to."""
    seen = await walk(house, "nl", house.holder)
    told = (house.holder.uzi_number, house.holder.ura, house.holder.last_name, "1980")

    for name, each in seen.items():
        for element in each.page.elements:
            for attribute in ("href", "src", "action", "data-poll", "data-return", "data-gone"):
                address = element.attributes.get(attribute, "")
                assert not any(word in address for word in told), name


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/portal/login", {"purpose": "login"}),
        ("/portal/ended", {}),
        ("/portal/details", BORN),
        ("/portal/details", {"answer": "no"}),
        ("/portal/details", {"notice": "x"}),
        ("/portal/organisation", {}),
        ("/portal/phone", {}),
        ("/portal/phone", {"pairing": "x", "check_number": "1234"}),
        ("/portal/my-phones", {"phone": "x", "act": "block"}),
        ("/portal/my-phones", {"phone": "x", "act": "revoke", "sure": "yes"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("origin", [None, "null", "https://kwaad.example"])
async def test_a_form_of_another_site_does_nothing(registered, path, form, origin):
    registered.origin = origin
    before = await registered.house.events()

    refused = await registered.post(path, form)

    assert refused.status == 403
    assert refused.page.heading == "This came from another site"
    assert "Set-Cookie" not in refused.headers
    assert await registered.house.events() == before
    assert (await registered.get("/portal/start")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/portal/login",
        "/portal/organisation",
        "/portal/phone",
        "/portal/details",
        "/portal/ended",
        "/portal/my-phones",
    ],
)
async def test_a_form_of_another_site_does_nothing_without_a_cookie_either(guest, path):
    guest.origin = "https://kwaad.example"

    assert (await guest.post(path, {"purpose": "login"})).status == 403


async def test_what_is_typed_into_an_address_is_never_shown(guest):
    for path in ("/portal/<b>x</b>?q=<i>", "/portal/refused?error=<b>", "/%3Cscript%3E"):
        shown = await guest.get(path)

        assert shown.status == 404
        assert "<b>" not in shown.text
        assert "script%3E" not in shown.text
        assert shown.page.heading == "This page is not there"


async def test_pages_cannot_be_taken_by_another_method(guest):
    shown = await guest.get("/portal/logout")

    assert (shown.status, shown.headers["Allow"]) == (405, "POST")
    assert shown.page.heading == "This page cannot be opened this way"
