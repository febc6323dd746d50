"""The software phone, against a stand-in that verifies every signature independently."""

import asyncio
import json

import pytest
from aiohttp import web

from clients.auth_request import Closed, WrongCode
from clients.authenticator import Attestation, Authenticator
from clients.pairing import Device, PairingEnded
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from clients.wire import MalformedAnswer, WireError
from clients.workstation import Workstation

HINT = "uzi:900000001"


@pytest.fixture
async def page(stand_in):
    async with PortalPage(stand_in.base) as page:
        await page.start_session("login")
        yield page


@pytest.fixture
async def phone(http, page):
    offered = await page.start_pairing()
    phone = SoftwarePhone(http)
    offer = await phone.scan(offered.link)
    await phone.prove(offer)
    await page.confirm(offered.id, offer.check_number)
    await phone.wait_paired(offer)
    return phone


@pytest.fixture
async def workstation(http, stand_in, client_key):
    return Workstation(http, stand_in.base, "test-client", client_key)


@pytest.fixture
async def started(phone, workstation):
    assert phone.credential_id
    return await workstation.start(HINT, ura="90000001")


async def test_a_phone_pairs_while_the_page_confirms(http, page, stand_in):
    offered = await page.start_pairing()
    phone = SoftwarePhone(http, Authenticator(attestation=Attestation.PACKED), Device("ios"))
    shown = []

    async def show(offer):
        shown.append(offer)

    pairing = asyncio.create_task(phone.pair(offered.link, show))
    assert (await page.wait_proved(offered.id)).status == "proved"
    await page.confirm(offered.id, shown[0].check_number)
    assert (await pairing).identity.name == "A. Voorbeeld"
    assert phone.credential_id == stand_in.bound.credential_id


@pytest.mark.parametrize("ended", ["refused", "expired"])
async def test_a_pairing_that_ends_is_no_binding(http, page, stand_in, ended):
    offered = await page.start_pairing()
    phone = SoftwarePhone(http)
    offer = await phone.scan(offered.link)
    stand_in.pairings[offered.id].status = ended
    with pytest.raises(PairingEnded, match=ended):
        await phone.wait_paired(offer)


async def test_a_second_scan_is_refused(http, page):
    offered = await page.start_pairing()
    await SoftwarePhone(http).scan(offered.link)
    with pytest.raises(WireError) as refused:
        await SoftwarePhone(http).scan(offered.link)
    assert (refused.value.status, refused.value.error) == (404, "not_found")


async def test_no_key_for_another_relying_party(http, page):
    phone = SoftwarePhone(http)
    offer = await phone.scan((await page.start_pairing()).link)
    offer.public_key["rp"]["id"] = "evil.example"
    with pytest.raises(MalformedAnswer):
        await phone.prove(offer)
    assert phone.authenticator.credentials == []


async def test_a_phone_that_scanned_nothing_has_no_server(http):
    with pytest.raises(ValueError, match="not scanned"):
        await SoftwarePhone(http).credential()


async def test_an_approval_verifies_at_the_other_side(phone, started, workstation):
    [request] = await phone.auth_requests()
    assert request == await phone.get(request.id)
    await phone.approve(request, started.binding_code)
    assert (await workstation.poll(started)).claims.uzi_number == "900000001"


async def test_what_was_not_shown_does_not_verify(phone, started, stand_in):
    [request] = await phone.auth_requests()
    stand_in.requests[request.id].shown["workstation"] = "Another"
    with pytest.raises(WireError) as refused:
        await phone.approve(request, started.binding_code)
    assert refused.value.error == "invalid_assertion"


async def test_a_wrong_code_tells_how_many_are_left(phone, started):
    [request] = await phone.auth_requests()
    with pytest.raises(WrongCode) as wrong:
        await phone.approve(request, "x" + started.binding_code)
    assert wrong.value.attempts_left == 2


async def test_an_ended_request_says_how_it_ended(phone, started):
    [request] = await phone.auth_requests()
    await phone.deny(request, "not_me")
    with pytest.raises(Closed) as closed:
        await phone.approve(request, started.binding_code)
    assert closed.value.ended == "not_me"


async def test_a_held_pull_answers_when_a_request_comes(phone, workstation):
    assert await phone.auth_requests(wait=25) == []
    held = asyncio.create_task(phone.auth_requests(wait=25))
    await asyncio.sleep(0.05)
    await workstation.start(HINT)
    assert len(await held) == 1


async def test_a_held_pull_that_ends_unchanged_keeps_the_list(phone, started, stand_in):
    before = await phone.auth_requests(wait=25)
    assert [request.id for request in before] == [started.auth_req_id]
    assert await phone.auth_requests(wait=1) == before
    assert "If-None-Match" in stand_in.seen[-1][2]


async def test_a_login_code_opens_a_request(phone):
    assert await phone.scan_login("http://localhost/app/#l.a.1.b") == "from-qr"


async def test_a_push_address_is_handed_over_as_it_is(phone, stand_in):
    await phone.register_push({"service": "fcm", "token": "t"})
    assert stand_in.bound.push == {"service": "fcm", "token": "t"}


async def test_a_new_token_opens_what_the_old_one_did(phone):
    before = phone.device_token
    await phone.rotate_device_token()
    assert phone.device_token != before
    assert await phone.credential() == {"credential_id": phone.credential_id}


async def test_a_rotation_without_an_answer_keeps_the_old_token(phone, stand_in):
    async def away(_request):
        return web.Response(status=503)

    before = phone.device_token
    stand_in.faults["POST", "/phone/device-token"] = away
    with pytest.raises(WireError) as refused:
        await phone.rotate_device_token()
    assert (phone.device_token, refused.value.body) == (before, {})


async def test_the_key_alone_gets_a_new_token(phone):
    phone.device_token = "lost"
    await phone.recover_device_token()
    assert (await phone.credential())["credential_id"] == phone.credential_id


async def test_an_unbound_phone_is_unknown(phone, stand_in):
    await phone.unbind()
    assert stand_in.bound is None
    with pytest.raises(WireError) as refused:
        await phone.credential()
    assert refused.value.status == 401


async def test_a_stored_phone_goes_on(http, phone, started):
    stored = SoftwarePhone.from_json(http, json.loads(json.dumps(phone.to_json())))
    [request] = await stored.auth_requests()
    await stored.approve(request, started.binding_code)
    await stored.unbind()
