"""The attacks of RFC 10027 (BCP 247) on what crosses from a screen to a phone, played out.

Somebody who attacks has a workstation and a phone of their own, and shows a professional what they
like; `docs/bcp247.md` says what each attack comes to.
"""

from contextlib import aclosing
from datetime import timedelta

import jwt
import msgspec
import pytest

from clients.auth_request import WrongCode
from clients.card_profile import Holder
from clients.oauth_error import AccessDenied, InvalidGrant
from clients.wire import WireError
from clients.workstation import Workstation
from pairing_server.qr.rotating import FRAMES_BEFORE
from tests.house import WORKSTATION
from tests.oidc.browser import PAGE, Attempt, answer_in, login_page

SECOND = timedelta(seconds=1)
ELSEWHERE = {"workstation_id": "kiosk", "workstation": "Kiosk", "location": "Station"}
COLLEAGUE = Holder(uzi_number="900001106", first_names="Collega")


@pytest.fixture
def phone(desk):
    """Of the professional whom it is done to."""
    return desk.phone


@pytest.fixture
async def colleague(desk):
    """The phone of somebody who works there, too."""
    return await desk.house.bind(await desk.house.registered(COLLEAGUE))


async def named(workstation, house, **options):
    """Begin a login of the professional."""
    return await house.ask(workstation, **options)


async def anybody(workstation, house, **options):
    """Begin a login of whoever scans."""
    options.setdefault("request_context", WORKSTATION)
    return await workstation.start_for_whoever_scans(ura=house.holder.ura, **options)


async def on_screen(workstation, started):
    """Read what a screen shows at this moment."""
    async with aclosing(workstation.frames(started)) as frames:
        return (await anext(frames)).link


async def refused(call):
    with pytest.raises(WireError) as error:
        await call
    return error.value.status, error.value.error


async def is_pending(workstation, started):
    return await workstation.poll_once(started, wait=0) is None


@pytest.mark.parametrize("begin", [named, anybody])
async def test_a_photograph_is_dead_three_seconds_after_the_frame_left_the_screen(
    desk, phone, clock, begin
):
    started = await begin(desk.workstation, desk.house)
    photograph = await on_screen(desk.workstation, started)
    clock.advance(SECOND + FRAMES_BEFORE * SECOND)

    assert FRAMES_BEFORE == 3
    assert await refused(phone.scan_login(photograph)) == (410, "expired")
    assert await is_pending(desk.workstation, started)


async def test_a_photograph_of_a_login_that_names_somebody_is_nothing_to_anybody_else(
    desk, colleague
):
    started = await named(desk.workstation, desk.house)
    photograph = await on_screen(desk.workstation, started)

    assert await refused(colleague.scan_login(photograph)) == (404, "not_found")
    assert await is_pending(desk.workstation, started)


async def test_who_photographs_a_screen_in_time_logs_in_as_themselves_and_it_is_noticed(
    desk, phone, colleague
):
    started = await anybody(desk.workstation, desk.house)
    photograph = await on_screen(desk.workstation, started)
    await colleague.approve(await colleague.get(await colleague.scan_login(photograph)))

    # Who stands there scans too, and hears that it is nothing of theirs.
    assert await refused(phone.scan_login(photograph)) == (404, "not_found")
    claims = (await desk.workstation.poll(started)).claims
    assert claims.uzi_number == COLLEAGUE.uzi_number


async def test_a_code_that_is_relayed_live_shows_where_it_comes_from_and_no_is_heard_there(
    desk, phone
):
    own = await anybody(desk.workstation, desk.house)
    attack = await anybody(desk.workstation, desk.house, request_context=ELSEWHERE)
    request = await phone.get(await phone.scan_login(await on_screen(desk.workstation, attack)))

    assert (request.workstation, request.location) == ("Kiosk", "Station")
    await phone.deny(request, "not_me")

    with pytest.raises(AccessDenied) as denied:
        await desk.workstation.poll_once(attack)
    assert denied.value.reason == "not_me"
    # Where the professional stands, nothing was ended or muted by it.
    scanned = await phone.get(await phone.scan_login(await on_screen(desk.workstation, own)))
    await phone.approve(scanned)
    assert (await desk.workstation.poll(own)).claims.uzi_number == desk.house.holder.uzi_number


async def test_what_was_signed_for_one_workstation_opens_no_other(desk, phone):
    """Whoever relays cannot have the professional sign what is shown for what is asked."""
    attack = await anybody(desk.workstation, desk.house, request_context=ELSEWHERE)
    own = await anybody(desk.workstation, desk.house)
    seen = await phone.get(await phone.scan_login(await on_screen(desk.workstation, own)))
    hidden = await phone.scan_login(await on_screen(desk.workstation, attack))

    signed = msgspec.structs.replace(seen, id=hidden)
    assert await refused(phone.approve(signed)) == (400, "invalid_assertion")
    assert await is_pending(desk.workstation, attack)


async def test_a_relayed_link_leaves_a_code_to_be_typed_that_the_professional_does_not_see(
    desk, phone
):
    """A page that was sent opens the link by itself: no camera has seen a screen."""
    attack = await anybody(desk.workstation, desk.house, request_context=ELSEWHERE)
    link = await on_screen(desk.workstation, attack)
    request = await phone.get(await phone.scan_login(link, via="link"))

    assert request.code_length == 6
    for code in ("", "000000", "1234567"):
        with pytest.raises(WrongCode):
            await phone.approve(request, code)
    with pytest.raises(AccessDenied) as denied:
        await desk.workstation.poll_once(attack)
    assert denied.value.reason == "wrong_code"


async def test_a_yes_to_a_request_that_somebody_else_started_is_none_without_their_code(
    desk, phone
):
    await named(desk.workstation, desk.house, request_context=ELSEWHERE)
    (request,) = await phone.auth_requests()

    with pytest.raises(WrongCode):
        await phone.approve(request, "")


async def test_the_code_on_ones_own_screen_opens_no_request_that_somebody_else_started(
    desk, phone
):
    own = await named(desk.workstation, desk.house)
    attack = await named(desk.workstation, desk.house, request_context=ELSEWHERE)
    theirs, mine = await phone.auth_requests()

    assert (theirs.workstation, mine.workstation) == ("Kiosk", "Balie 1")
    for _ in range(3):
        with pytest.raises(WrongCode):
            await phone.approve(theirs, own.binding_code)
    with pytest.raises(AccessDenied) as denied:
        await desk.workstation.poll_once(attack)
    assert denied.value.reason == "wrong_code"
    await phone.approve(mine, own.binding_code)
    assert await desk.workstation.poll_once(own)


async def test_the_code_on_ones_own_screen_is_not_the_code_of_a_login_for_whoever_scans(
    desk, phone
):
    own = await anybody(desk.workstation, desk.house)
    attack = await anybody(desk.workstation, desk.house, request_context=ELSEWHERE)
    link = await on_screen(desk.workstation, attack)
    request = await phone.get(await phone.scan_login(link, via="link"))

    with pytest.raises(WrongCode):
        await phone.approve(request, own.binding_code)
    assert await is_pending(desk.workstation, attack)


@pytest.mark.parametrize("begin", [named, anybody])
async def test_an_approval_that_was_taken_over_is_redeemed_by_its_own_client_alone(
    desk, phone, begin
):
    """Session fixation: who began one login holds its secret, and another client has no use."""
    started = await begin(desk.workstation, desk.house)
    request = await phone.get(await phone.scan_login(await on_screen(desk.workstation, started)))
    await phone.approve(request)
    thief: Workstation = await desk.house.workstation("Thief")

    with pytest.raises(InvalidGrant):
        await thief.poll_once(started)
    assert await desk.workstation.poll_once(started)
    with pytest.raises(InvalidGrant):
        await desk.workstation.poll_once(started)


async def test_a_login_that_one_person_scanned_is_not_moved_to_another(desk, phone, colleague):
    """Session fixation the other way about: the professional at work in somebody else's name."""
    started = await anybody(desk.workstation, desk.house)
    link = await on_screen(desk.workstation, started)
    identifier = await phone.scan_login(link)

    assert await refused(colleague.scan_login(link)) == (404, "not_found")
    assert await refused(colleague.get(identifier)) == (404, "not_found")
    await phone.approve(await phone.get(identifier))
    assertion = await desk.workstation.poll(started)
    assert assertion.claims.uzi_number == desk.house.holder.uzi_number


async def test_a_stolen_assertion_opens_nothing_without_the_key_that_it_is_bound_to(desk, phone):
    house = desk.house
    await house.workstation("Bound", sender_constraint="dpop")
    bound = Workstation(house.http, house.base_url, house.client_id, house.client_key, dpop=True)
    assertion = await bound.poll(await house.approved(phone, bound))
    thief = Workstation(house.http, house.base_url, house.client_id, house.client_key, dpop=True)

    assert (await refused(thief.userinfo(assertion.access_token)))[0] == 401
    assert (await bound.userinfo(assertion.access_token))["ura"] == house.holder.ura


@pytest.fixture
async def page(desk, program):
    """The professional's browser at the login page."""
    return await login_page(desk.house, program)


@pytest.fixture
async def attackers(desk, program):
    """Somebody else's browser, which came from the same program."""
    return await login_page(desk.house, program)


async def test_a_login_page_that_was_sent_to_somebody_shows_and_finishes_nothing(
    page, attackers, phone
):
    """Session fixation: the page is of the browser that came from the program."""
    await attackers.open()
    await page.open()
    for path in (attackers.path, f"{attackers.path}/events"):
        assert (await page.visitor.get(path)).status == 404

    await attackers.approve(phone)
    assert (await page.visitor.get(attackers.path)).status == 404
    assert (await page.progress()) == "scan"


async def test_a_code_relayed_from_a_browser_says_which_browser_it_is_and_that_it_is_new_here(
    attackers, phone
):
    await attackers.open()
    request = await phone.get(await phone.scan_login(await attackers.link()))

    assert request.location == "127.0.0.1"
    assert request.message
    await phone.deny(request, "not_me")
    assert await attackers.progress() == "denied"


@pytest.mark.parametrize("act", ["qr", "send", "cancel", "forget", "card"])
async def test_a_page_of_another_site_acts_nothing_at_the_login_page(page, phone, act):
    """Login CSRF at the server: the browser's cookie alone is not enough."""
    await page.open()
    before = await page.record()
    page.visitor.origin = "https://evil.example"

    assert (await page.act(act, name="uzi:900000001")).status == 403
    assert await page.record() == before


async def test_an_answer_that_somebody_else_brings_is_not_to_the_question_that_was_asked(
    page, attackers, phone
):
    """Login CSRF at the program: state, nonce and verifier are those of the attacker's attempt."""
    await attackers.open()
    await attackers.approve(phone)
    brought = await attackers.answer()

    assert brought["state"] == attackers.attempt.state != page.attempt.state
    assert (await page.exchange(brought["code"]))[1]["error"] == "invalid_grant"


async def test_a_code_that_was_injected_into_another_session_gives_nothing_there(
    page, attackers, phone
):
    await page.open()
    await page.approve(phone)
    stolen = (await page.answer())["code"]

    for changed in ({}, {"code_verifier": None}, {"redirect_uri": f"{PAGE}/other"}):
        assert (await attackers.exchange(stolen, **changed))[0] == 400
    status, tokens = await page.exchange(stolen)
    assert status == 200
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert claims["nonce"] == page.attempt.nonce


async def test_a_code_that_leaked_and_was_used_first_ends_what_it_gave(page, phone):
    await page.open()
    await page.approve(phone)
    code = (await page.answer())["code"]
    _, tokens = await page.exchange(code)

    assert (await page.exchange(code))[1]["error"] == "invalid_grant"
    assert (await page.client.userinfo(tokens["access_token"]))[0] == 401


async def test_every_answer_to_a_program_names_its_issuer(desk, page, phone):
    """Mix-up: a program that knows several servers sees which one answered (RFC 9207)."""
    assert answer_in(await page.authorize(prompt="none"))["iss"] == desk.house.base_url
    await page.open()
    await page.approve(phone)
    assert (await page.answer())["iss"] == desk.house.base_url


async def test_what_a_client_signed_for_another_server_opens_nothing_here(desk, program):
    """Mix-up: the endpoint of an attacker's server gets an assertion that it cannot use here."""
    for audience in ("https://evil.example", [desk.house.base_url, "https://evil.example"]):
        sent = {"client_assertion": program.assertion(aud=audience)}
        status, body = await program.post("/par", Attempt().form(program.id) | sent)
        assert (status, body["error"]) == (401, "invalid_client")
