"""The QR code, what the phone does, and the number that it shows."""

from datetime import timedelta

import pytest

from clients.phone import SoftwarePhone
from clients.qr_image import rasterise_svg, read_qr
from pairing_server.languages import Language
from pairing_server.pages.phone_routes import wrong_number
from tests.pages.visitor import visitor


@pytest.fixture
async def offered(registered):
    return await registered.post("/portal/phone")


def pairing_of(shown):
    return shown.page.one("div", class_="status")["data-poll"].rpartition("/")[2]


def link_in(shown):
    """Read the picture as a phone does."""
    start = shown.text.index("<svg")
    drawn = shown.text[start : shown.text.index("</svg>") + 6]
    size = shown.page.one("svg").attributes["viewbox"].split()[2]
    side = int(size) * 8
    plain = drawn.replace(
        "<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" ', 1
    )
    return read_qr(rasterise_svg(plain))


async def scanned(registered, shown):
    phone = SoftwarePhone(registered.house.http)
    return phone, await phone.scan(link_in(shown))


async def look(registered, pairing):
    return await registered.post("/portal/phone", {"pairing": pairing, "look": "yes"})


def panel(shown):
    (open_one,) = [
        each
        for each in shown.page.all("div")
        if "data-when" in each.attributes and not each.is_hidden
    ]
    return open_one["data-when"]


async def test_from_start_to_done(registered, offered):
    assert panel(offered) == "offered"
    phone, offer = await scanned(registered, offered)
    seen = await look(registered, pairing_of(offered))
    assert panel(seen) == "scanned"
    assert "software phone" in seen.page.text
    await phone.prove(offer, None)
    seen = await look(registered, pairing_of(offered))
    assert panel(seen) == "proved"
    field = seen.page.one("input", id="number")
    assert (field["inputmode"], field["autocomplete"]) == ("numeric", "one-time-code")

    done = await registered.post(
        "/portal/phone", {"pairing": pairing_of(offered), "check_number": offer.check_number}
    )

    assert (done.status, done.location) == (303, "/portal/done")
    assert await phone.wait_paired(offer)
    assert panel(await look(registered, pairing_of(offered))) == "paired"


async def test_the_code_is_offered_by_a_form_and_not_by_looking(registered):
    shown = await registered.get("/portal/phone")

    assert (shown.status, shown.location) == (303, "/portal/start")


async def test_the_picture_can_be_shown_again_to_who_has_its_secret(registered, offered):
    (form,) = [each for each in offered.page.forms("/portal/phone") if "secret" in each.fields]

    again = await registered.post("/portal/phone", {**form.fields, "look": "yes"})
    assert link_in(again) == link_in(offered)

    other = await registered.post(
        "/portal/phone", {**form.fields, "secret": "x" * 43, "look": "yes"}
    )
    assert other.page.all("svg") == []


async def test_the_secret_is_gone_once_the_code_is_scanned(registered, offered):
    (form,) = [each for each in offered.page.forms("/portal/phone") if "secret" in each.fields]
    await scanned(registered, offered)

    seen = await registered.post("/portal/phone", {**form.fields, "look": "yes"})

    assert seen.page.all("svg") == []


async def test_a_wrong_number_says_how_often_it_may_be_typed_again(registered, offered):
    phone, offer = await scanned(registered, offered)
    await phone.prove(offer, None)
    wrong = {
        "pairing": pairing_of(offered),
        "check_number": f"{(int(offer.check_number) + 1) % 10000:04}",
    }

    first, second, third = [await registered.post("/portal/phone", wrong) for _ in range(3)]

    assert [each.status for each in (first, second, third)] == [422, 422, 200]
    assert first.page.one("p", role="alert").text.endswith("You can try 2 more times.")
    assert second.page.one("p", role="alert").text.endswith("You can try once more.")
    field = first.page.one("input", id="number")
    assert (field["aria-describedby"], field["aria-invalid"]) == ("number-error", "true")
    assert "autofocus" in field.attributes
    assert first.page.title.startswith("Error: ")
    assert panel(third) == "refused"


@pytest.mark.parametrize("typed", ["", "12", "abcd", "12345"])
async def test_a_slip_of_the_finger_costs_no_attempt(registered, offered, typed):
    phone, offer = await scanned(registered, offered)
    await phone.prove(offer, None)
    form = {"pairing": pairing_of(offered)}

    for _ in range(4):
        shown = await registered.post("/portal/phone", {**form, "check_number": typed})
        assert "Type the four digits" in shown.page.one("p", role="alert").text

    right = await registered.post("/portal/phone", {**form, "check_number": offer.check_number})
    assert right.location == "/portal/done"


async def test_time_that_is_over_is_a_page_with_a_way_on(registered, offered, clock):
    clock.advance(timedelta(minutes=5))

    shown = await registered.post(
        "/portal/phone", {"pairing": pairing_of(offered), "check_number": "1234"}
    )

    assert panel(shown) == "expired"
    assert {} in [each.fields for each in shown.page.forms("/portal/phone")]


async def test_another_browsers_pairing_is_nobodys(registered, offered):
    other = await visitor(registered.house)
    await other.log_in()

    for form in ({"look": "yes"}, {"check_number": "1234"}):
        shown = await other.post("/portal/phone", {"pairing": pairing_of(offered), **form})
        assert (shown.status, shown.page.heading) == (404, "This page is not there")


async def test_who_is_not_registered_gets_no_code(holder):
    shown = await holder.post("/portal/phone")

    assert (shown.status, shown.page.heading) == (403, "Register yourself first")
    start = await holder.get("/portal/start")
    assert (start.status, start.location) == (303, "/portal/details")


@pytest.mark.parametrize("path", ["/portal/start", "/portal/phone", "/portal/done"])
async def test_nothing_is_shown_to_who_is_not_logged_in(guest, path):
    assert (await guest.get(path)).status == 401


def test_attempts_are_counted_in_both_languages():
    assert wrong_number(Language.NL, 1).endswith("nog één keer proberen.")
    assert wrong_number(Language.NL, 2).endswith("nog 2 keer proberen.")
