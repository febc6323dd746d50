"""The main job, played against a stand-in that checks every byte."""

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients.main_job import Deviation, Scene, play
from clients.wire import WireError

URA, UZI_NUMBER = "90000001", "900000001"


@pytest.fixture
def scene(stand_in, card_file, client_key_file):
    said = []

    async def turn(blocked):
        stand_in.blocked = blocked

    async def offer(_credential_id):
        return stand_in.unblocking_code

    async def woken(_token):
        await stand_in.wakeups.get()

    async def register_client():
        return "test-client"

    scene = Scene(
        base_url=stand_in.base,
        card_file=card_file,
        card_pin="1234",
        register_client=register_client,
        client_key_file=client_key_file,
        ura=URA,
        uzi_number=UZI_NUMBER,
        block=lambda _credential_id: turn(blocked=True),
        unblock=offer,
        woken=woken,
        say=lambda step, _seconds: said.append(step),
        show=said.append,
    )
    return scene, said


async def test_the_play_ends_with_two_assertions_and_nothing_bound(scene, stand_in):
    played = await play(scene[0])
    assert played.login.claims.uzi_number == UZI_NUMBER
    assert played.after_unblocking.claims.ura == URA
    assert stand_in.bound is None


async def test_every_step_is_said_and_timed(scene):
    played = await play(scene[0])
    assert [step for step in scene[1] if "█" not in step] == list(played.seconds)


async def test_the_phone_may_stay_bound(scene, stand_in):
    played = await play(replace(scene[0], leave_paired=True))
    assert stand_in.bound.credential_id == played.phone.credential_id


async def test_a_blocked_phone_that_still_opens_ends_the_play(scene, stand_in):
    stand_in.honours_blocking = False
    with pytest.raises(Deviation, match="had approved was redeemed"):
        await play(scene[0])


async def test_another_link_in_the_qr_code_ends_the_play(scene, stand_in):
    honest = stand_in.new_pairing

    async def two_links(request):
        answer = await honest(request)
        answer.text = answer.text.replace("/app/#p.", "/app/#P.", 1)
        return answer

    stand_in.faults["POST", "/portal/pairings"] = two_links
    with pytest.raises(Deviation, match="another link"):
        await play(scene[0])


async def test_a_blocked_phone_that_still_sees_requests_ends_the_play(scene, stand_in):
    honest = stand_in.inbox

    async def open_inbox(request):
        stand_in.honours_blocking = False
        answer = await honest(request)
        stand_in.honours_blocking = True
        return answer

    async def authorize(request):
        stand_in.blocked, blocked = False, stand_in.blocked
        answer = await stand_in.authorize(request)
        stand_in.blocked = blocked
        return answer

    stand_in.faults["GET", "/phone/auth-requests"] = open_inbox
    stand_in.faults["POST", "/bc-authorize"] = authorize
    with pytest.raises(Deviation, match="blocked phone sees a request"):
        await play(scene[0])


async def test_a_request_that_a_blocked_phone_cannot_see_may_be_pending(scene, stand_in):
    async def authorize(request):
        stand_in.blocked, blocked = False, stand_in.blocked
        answer = await stand_in.authorize(request)
        stand_in.blocked = blocked
        if blocked:
            stand_in.wakeups.get_nowait()
            stand_in.requests.popitem()[1].ended.set()
            stand_in.requests["hidden"] = stand_in.requests["r0"].__class__(
                shown={}, code="", status="waiting", ended=asyncio.Event()
            )
            answer.text = answer.text.replace('"r2"', '"hidden"')
        return answer

    async def token(request):
        form = await request.post()
        if form["auth_req_id"] == "hidden":
            return web.json_response({"error": "authorization_pending"}, status=400)
        return await stand_in.token(request)

    stand_in.faults["POST", "/bc-authorize"] = authorize
    stand_in.faults["POST", "/token"] = token
    assert (await play(scene[0])).after_unblocking


async def test_a_second_redemption_ends_the_play(scene, stand_in):
    async def token(request):
        answer = await stand_in.token(request)
        stand_in.requests[(await request.post())["auth_req_id"]].status = "approved"
        return answer

    stand_in.faults["POST", "/token"] = token
    with pytest.raises(Deviation, match="redeemed twice"):
        await play(scene[0])


async def test_an_unbinding_that_does_nothing_ends_the_play(scene, stand_in):
    async def nothing(_request):
        return web.Response(status=204)

    stand_in.faults["DELETE", "/phone/credential"] = nothing
    with pytest.raises(Deviation, match="still known"):
        await play(scene[0])


@pytest.mark.parametrize(("status", "ends"), [(409, False), (422, True)])
async def test_an_organisation_may_be_registered_already(scene, stand_in, status, ends):
    async def refuse(_request):
        return web.json_response({"error": "refused"}, status=status)

    stand_in.faults["POST", "/portal/organisations"] = refuse
    stand_in.faults["POST", "/portal/pairings"] = refuse
    with pytest.raises(WireError):
        await play(scene[0])
    asked = [seen[1] for seen in stand_in.seen]
    assert ("/portal/pairings" not in asked) is ends


async def test_a_key_of_another_kind_ends_the_play(scene, tmp_path):
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(pem)
    with pytest.raises(TypeError, match="no elliptic curve key"):
        await play(replace(scene[0], client_key_file=tmp_path / "key.pem"))
