"""The attacks of RFC 10027 (BCP 247) on what crosses from a screen to a phone, played out.

Somebody who attacks has a workstation and a phone of their own, and shows a professional what they
like; `docs/bcp247.md` says what each attack comes to.
"""

from contextlib import aclosing
from datetime import timedelta

import msgspec
import pytest

from clients.auth_request import WrongCode
from clients.card_profile import Holder
from clients.oauth_error import AccessDenied, InvalidGrant
from clients.wire import WireError
from clients.workstation import Workstation
from pairing_server.qr.rotating import FRAMES_BEFORE
from tests.house import WORKSTATION

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
