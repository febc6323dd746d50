"""The login QR code over HTTP: who sees frames, what a phone may scan, and how a stream ends."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from clients.event_stream import events
from clients.qr_image import rasterise_svg, read_qr
from clients.wire import WireError
from pairing_server.qr import login_routes
from pairing_server.store import StoreUnavailableError
from tests.approvals.desk import Desk, held
from tests.qr.logins import SECOND
from tests.test_guard import SECURITY_HEADERS


@pytest.fixture
async def desk(house):
    phone = await house.bind()
    workstation = await house.workstation()
    return Desk(house, phone, workstation, house.client_id)


async def refused(call):
    with pytest.raises(WireError) as error:
        await call
    return error.value.status, error.value.error


async def first_frame(desk, started, **options):
    async with aclosing(desk.workstation.frames(started, **options)) as frames:
        return await anext(frames)


def ask_for_events(desk, started, **options):
    headers = {"Authorization": f"Bearer {started.auth_req_id}"}
    return desk.house.http.get(started.qr_events_uri, headers=headers, **options)


async def read_all(desk, started):
    async with ask_for_events(desk, started) as response:
        return [(name, data) async for name, data in events(response.content)]


async def test_a_photograph_that_is_scanned_again_four_seconds_later_is_refused(desk, clock):
    started, request = await desk.ask()
    shown = await first_frame(desk, started, drawn=True)
    photograph = rasterise_svg(shown.qr_svg)

    payload = read_qr(photograph)
    assert payload == shown.link
    clock.advance(4 * SECOND)

    assert await refused(desk.phone.scan_login(payload)) == (410, "expired")
    assert (await desk.phone.get(request.id)).code_length == 6


async def test_a_scanned_login_is_approved_without_a_code(desk):
    started, request = await desk.ask()

    found = await desk.phone.scan_login((await first_frame(desk, started)).link)

    shown = await desk.phone.get(found)
    assert (found, shown.code_length) == (request.id, 0)
    assert [each.code_length for each in await desk.phone.auth_requests()] == [0]
    await desk.phone.approve(shown)
    assert await desk.outcome(started) == "assertion"


async def test_a_link_finds_the_request_and_the_code_is_typed(desk):
    started, request = await desk.ask()
    link = (await first_frame(desk, started)).link

    assert await desk.phone.scan_login(link, via="link") == request.id

    assert (await desk.phone.get(request.id)).code_length == 6


async def test_a_held_list_hears_of_its_own_scan(desk):
    started, request = await desk.ask()
    link = (await first_frame(desk, started)).link
    await desk.phone.auth_requests(wait=1)
    waiting = await held(desk.phone.auth_requests(wait=20))

    await desk.phone.scan_login(link)

    (shown,) = await asyncio.wait_for(waiting, 10)
    assert (shown.id, shown.code_length) == (request.id, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"payload": "x"},
        {"payload": "x", "via": "photograph"},
        {"payload": 1, "via": "camera"},
        {"payload": "x" * 501, "via": "camera"},
    ],
)
async def test_what_is_no_scan_is_malformed(desk, body):
    assert await refused(desk.phone._call("POST", "/phone/qr", body)) == (400, "invalid_request")


async def test_who_is_not_bound_scans_nothing(desk):
    started, _ = await desk.ask()
    link = (await first_frame(desk, started)).link
    desk.phone.device_token = "A" * 43

    assert await refused(desk.phone.scan_login(link)) == (401, "invalid_token")


async def test_a_blocked_phone_scans_nothing(desk):
    started, _ = await desk.ask()
    link = (await first_frame(desk, started)).link
    await desk.block()

    assert await refused(desk.phone.scan_login(link)) == (403, "phone_blocked")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer " + "A" * 43}])
async def test_who_did_not_ask_sees_no_frames(desk, header):
    started, _ = await desk.ask()
    async with desk.house.http.get(started.qr_events_uri, headers=header) as response:
        assert response.status == 401
        assert (await response.json())["error"] == "invalid_token"


async def test_the_stream_is_hardened_kept_by_nobody_and_buffered_nowhere(desk):
    started, _ = await desk.ask()
    async with ask_for_events(desk, started) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert len(response.headers["X-Request-Id"]) == 22
        assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


async def test_a_stream_has_no_head_alone(desk):
    started, _ = await desk.ask()
    headers = {"Authorization": f"Bearer {started.auth_req_id}"}
    async with desk.house.http.head(started.qr_events_uri, headers=headers) as response:
        assert response.status == 405


async def end(desk, started, request, how):
    if how == "approved":
        await desk.phone.approve(request, started.binding_code)
    elif how == "denied":
        await desk.phone.deny(request)
    elif how == "superseded":
        await desk.ask()
    else:
        await desk.block()


@pytest.mark.parametrize("how", ["approved", "denied", "superseded", "revoked"])
async def test_the_stream_ends_at_once_and_says_how(desk, how):
    started, request = await desk.ask()
    reading = await held(read_all(desk, started))

    await end(desk, started, request, how)

    *frames, last = await asyncio.wait_for(reading, 3)
    assert last == ("end", b'{"status":"%s"}' % how.encode())
    assert {name for name, _ in frames} == {"frame"}


async def test_what_has_run_out_says_so(desk, clock):
    started, _ = await desk.ask()
    clock.advance(timedelta(minutes=2))

    assert await read_all(desk, started) == [("end", b'{"status":"expired"}')]


async def test_pictures_come_where_they_are_asked_for(desk):
    started, _ = await desk.ask()

    plain, drawn = await first_frame(desk, started), await first_frame(desk, started, drawn=True)

    assert plain.qr_svg == ""
    assert read_qr(rasterise_svg(drawn.qr_svg)) == drawn.link


@pytest.fixture
async def crowded(make_house, monkeypatch):
    """A node on which a client may have one stream."""
    monkeypatch.setattr(login_routes, "MOST_OF_CLIENT", 1)
    async with make_house() as house:
        phone, workstation = await house.bind(), await house.workstation()
        yield Desk(house, phone, workstation, house.client_id)


async def test_one_stream_too_many_is_one_frame(crowded):
    started, _ = await crowded.ask()
    reading = await held(read_all(crowded, started))

    (only,) = await read_all(crowded, started)

    assert only[0] == "frame"
    assert not reading.done()
    reading.cancel()


async def test_whoever_leaves_makes_room(crowded):
    started, _ = await crowded.ask()
    await first_frame(crowded, started)

    async with asyncio.timeout(15):
        # A write fails only once the other side has said that it left.
        while len(await read_some(crowded, started, 2)) < 2:
            pass


async def read_some(desk, started, count):
    seen = []
    async with ask_for_events(desk, started) as response:
        async for event in events(response.content):
            seen.append(event)
            if len(seen) == count:
                break
    return seen


async def test_a_store_that_goes_away_breaks_the_stream_off(desk, monkeypatch, capsys, clock):
    started, _ = await desk.ask()
    reading = await held(read_all(desk, started))

    async def away(*_):
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.house.store), "get", away)
        clock.advance(10 * SECOND)
        frames = await asyncio.wait_for(reading, 10)

    assert {name for name, _ in frames} == {"frame"}
    assert "bug" not in capsys.readouterr().out


async def test_a_bug_in_a_stream_breaks_it_off_and_says_nothing_in_it(desk, monkeypatch, capsys):
    started, _ = await desk.ask()

    async def wrong(*_args, **_options):
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(login_routes, "_send", wrong)

    async with ask_for_events(desk, started) as response:
        assert response.status == 200
        assert await response.content.read() == b""
    assert "bug" in capsys.readouterr().out


async def test_no_secret_of_a_login_is_logged(desk, capsys):
    started, request = await desk.ask()
    reading = await held(read_all(desk, started))
    link = (await first_frame(desk, started)).link
    await desk.phone.scan_login(link)
    await desk.phone.deny(request)
    await reading
    logged = capsys.readouterr().out

    assert "route=/qr/events" in logged
    assert "route=/phone/qr" in logged
    for secret in (started.auth_req_id, link.rpartition(".")[2], started.binding_code):
        assert secret not in logged
