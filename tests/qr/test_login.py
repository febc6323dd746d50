"""A login QR code lives for four seconds, for one person, and stands for the code at one phone."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

from clients.auth_request import Closed, WrongCode
from pairing_server.approvals.auth_request import FETCHED_BY, Status
from pairing_server.errors import Expired, NotFound, Unauthenticated
from pairing_server.qr import rotating
from pairing_server.qr.login import Ended, Hinted, Shown
from pairing_server.store.shelf import Shelf
from tests.approvals.desk import Desk
from tests.doubles import StalledStore
from tests.qr.logins import SECOND, bound, frame, login_flow, second_phone, stranger


@pytest.fixture
async def desk(house):
    phone = await house.bind()
    workstation = await house.workstation()
    return Desk(house, phone, workstation, house.client_id)


async def scan(flow, desk, link, phone=None, *, by_camera=True):
    return await flow.scan(await bound(desk, phone), link, by_camera=by_camera)


async def test_a_phone_that_scanned_answers_without_the_code(desk):
    started, request = await desk.ask()
    flow = login_flow(desk)

    assert await scan(flow, desk, await frame(flow, started)) == request.id

    shown = await desk.phone.get(request.id)
    assert (request.code_length, shown.code_length) == (6, 0)
    await desk.phone.approve(shown, "")
    assert await desk.outcome(started) == "assertion"


async def test_a_phone_that_scanned_may_type_the_code_all_the_same(desk):
    started, request = await desk.ask()
    flow = login_flow(desk)
    await scan(flow, desk, await frame(flow, started))

    await desk.phone.approve(request, started.binding_code)

    assert await desk.outcome(started) == "assertion"


async def test_a_phone_that_scanned_and_types_another_code_is_counted(desk):
    started, request = await desk.ask()
    flow = login_flow(desk)
    await scan(flow, desk, await frame(flow, started))

    with pytest.raises(WrongCode) as wrong:
        await desk.phone.approve(request, "000000x")

    assert wrong.value.attempts_left == 2


async def test_without_a_scan_no_code_is_a_wrong_code(desk):
    started, request = await desk.ask()

    with pytest.raises(WrongCode) as wrong:
        await desk.phone.approve(request, "")

    assert wrong.value.attempts_left == 2
    assert await desk.outcome(started) == "pending"


async def test_a_link_that_was_opened_changes_nothing(desk):
    started, request = await desk.ask()
    flow = login_flow(desk)
    link = await frame(flow, started)

    assert await scan(flow, desk, link, by_camera=False) == request.id

    assert (await desk.phone.get(request.id)).code_length == 6
    with pytest.raises(WrongCode):
        await desk.phone.approve(request, "")


async def test_a_frame_is_dead_after_four_seconds(desk, clock):
    started, request = await desk.ask()
    flow = login_flow(desk)
    link = await frame(flow, started)

    clock.advance(4 * SECOND)

    with pytest.raises(Expired):
        await scan(flow, desk, link)
    with pytest.raises(Expired):
        await scan(flow, desk, link, by_camera=False)
    assert (await desk.phone.get(request.id)).code_length == 6
    assert await scan(flow, desk, await frame(flow, started)) == request.id


async def test_to_a_stranger_every_frame_is_nothing(desk, clock):
    started, request = await desk.ask()
    other = await stranger(desk)
    flow = login_flow(desk)
    link = await frame(flow, started)
    forged = link[:-22] + "A" * 22

    for payload in (link, forged):
        for by_camera in (True, False):
            with pytest.raises(NotFound):
                await scan(flow, desk, payload, other, by_camera=by_camera)
    clock.advance(4 * SECOND)
    with pytest.raises(NotFound):
        await scan(flow, desk, link, other)

    assert (await desk.record(started)).scanned_by is None
    assert (await desk.phone.get(request.id)).code_length == 6


async def test_what_the_server_did_not_make_is_nothing(desk):
    started, request = await desk.ask()
    flow = login_flow(desk)
    real = rotating.parse(await frame(flow, started))
    another_key = rotating.make(real.base_url, real.handle, real.t, b"k" * 32)
    later = replace(real, t=real.t + 1)
    unknown = replace(real, handle="A" * 22)
    elsewhere = replace(real, base_url="https://evil.example")

    for made in (another_key, later, unknown, elsewhere):
        with pytest.raises(NotFound):
            await scan(flow, desk, made.link())
    with pytest.raises(NotFound):
        await scan(flow, desk, "https://example.nl/")

    assert (await desk.phone.get(request.id)).code_length == 6


async def test_a_forged_frame_is_nothing_however_old_it_claims_to_be(desk, clock):
    started, _ = await desk.ask()
    flow = login_flow(desk)
    real = rotating.parse(await frame(flow, started))
    clock.advance(60 * SECOND)

    with pytest.raises(NotFound):
        await scan(flow, desk, rotating.make(real.base_url, real.handle, 0, b"k" * 32).link())


async def test_of_two_phones_that_scan_at_once_one_answers_without_the_code(desk):
    other = await second_phone(desk)
    started, request = await desk.ask()
    flow = login_flow(desk)
    link = await frame(flow, started)

    found = await asyncio.gather(
        *(scan(flow, desk, link, phone) for phone in (desk.phone, other) for _ in range(16))
    )

    assert set(found) == {request.id}
    lengths = {phone: (await phone.get(request.id)).code_length for phone in (desk.phone, other)}
    assert sorted(lengths.values()) == [0, 6]
    without, with_code = sorted(lengths, key=lengths.get)
    with pytest.raises(WrongCode):
        await with_code.approve(request, "")
    await without.approve(request, "")
    assert await desk.outcome(started) == "assertion"


async def test_the_phone_that_was_first_between_read_and_swap_has_it(desk):
    other = await second_phone(desk)
    started, request = await desk.ask()
    plain = login_flow(desk)
    link = await frame(plain, started)
    store = StalledStore(desk.house.store, lambda: scan(plain, desk, link, other))

    await scan(login_flow(desk, store), desk, link)

    assert store.stalled
    assert (await desk.record(started)).scanned_by == other.credential_id
    assert (await desk.phone.get(request.id)).code_length == 6


async def test_a_block_between_read_and_swap_of_a_scan_wins(desk):
    started, request = await desk.ask()
    plain = login_flow(desk)
    link = await frame(plain, started)
    store = StalledStore(desk.house.store, desk.block)

    await scan(login_flow(desk, store), desk, link)
    await desk.unblock()

    record = await desk.record(started)
    assert store.stalled
    assert (record.status, record.scanned_by) == (Status.REVOKED, None)
    with pytest.raises(Closed):
        await desk.phone.approve(request, "")
    assert await desk.outcome(started) == "revoked"


async def test_a_block_after_the_scan_ends_it(desk):
    started, request = await desk.ask()
    flow = login_flow(desk)
    await scan(flow, desk, await frame(flow, started))
    await desk.block()
    await desk.unblock()

    with pytest.raises(Closed):
        await desk.phone.approve(request, "")


async def test_a_denial_between_read_and_swap_of_a_scan_wins(desk):
    started, request = await desk.ask()
    link = await frame(login_flow(desk), started)
    store = StalledStore(desk.house.store, lambda: desk.phone.deny(request))

    await scan(login_flow(desk, store), desk, link)

    record = await desk.record(started)
    assert store.stalled
    assert (record.status, record.scanned_by) == (Status.DENIED, None)


async def test_a_scan_that_the_clock_overtakes_lets_nobody_in(desk, clock):
    started, request = await desk.ask()
    link = await frame(login_flow(desk), started)

    async def pass_by():
        clock.advance(timedelta(minutes=2))

    store = StalledStore(desk.house.store, pass_by)
    await scan(login_flow(desk, store), desk, link)

    assert store.stalled
    with pytest.raises(Closed) as closed:
        await desk.phone.approve(request, "")
    assert closed.value.ended == "expired"


async def test_what_ran_out_is_scanned_by_nobody(desk, clock):
    started, _ = await desk.ask(requested_expiry=10)
    flow = login_flow(desk)
    clock.advance(9 * SECOND)
    link = await frame(flow, started)
    clock.advance(2 * SECOND)

    with pytest.raises(Expired):
        await scan(flow, desk, link)

    assert (await desk.record(started)).scanned_by is None


async def test_a_login_that_nobody_is_asked_for_is_shown_and_found_by_nobody(desk):
    started = await desk.workstation.start("uzi:999999999", ura=desk.house.holder.ura)
    flow = login_flow(desk)

    link = await frame(flow, started)

    with pytest.raises(NotFound):
        await scan(flow, desk, link)


async def test_what_opens_no_login_shows_nothing(desk):
    with pytest.raises(Unauthenticated):
        await login_flow(desk).login("A" * 43)


async def test_whoever_asks_sees_frames_of_the_same_key(desk):
    started, request = await desk.ask()
    one, other = login_flow(desk), login_flow(desk)

    first, second = await asyncio.gather(frame(one, started), frame(other, started))

    assert rotating.parse(first).handle == rotating.parse(second).handle
    assert await scan(one, desk, second) == request.id
    assert await scan(other, desk, first) == request.id


async def test_a_key_that_another_node_made_first_is_the_key(desk):
    started, request = await desk.ask()
    ports = desk.house.ports
    made = []

    class Slow:
        """A Store in which another node is always faster to create."""

        def __getattr__(self, name):
            return getattr(ports.store, name)

        async def create(self, key, value, ttl):
            made.append(await frame(login_flow(desk), started))
            return await ports.store.create(key, value, ttl)

    link = await frame(login_flow(desk, Slow()), started)

    assert made
    assert await scan(login_flow(desk), desk, link) == request.id


async def test_the_handle_tells_nothing_of_who_asked(desk):
    started, request = await desk.ask()
    link = await frame(login_flow(desk), started)

    assert started.auth_req_id not in link
    assert request.id not in link
    stored = await Shelf(desk.house.store, "login-qr", dict).get(rotating.parse(link).handle)
    assert started.auth_req_id not in str(stored.value)


async def test_each_second_shows_another_frame_until_the_end(desk):
    started, request = await desk.ask()
    flow = login_flow(desk)
    login = await flow.login(started.auth_req_id)
    seen = []

    async with aclosing(flow.frames(started.auth_req_id, login)) as frames:
        async for shown in frames:
            seen.append(shown)
            if len(seen) == 3:
                await desk.phone.deny(request)

    assert seen[-1] == Ended("denied")
    numbers = [rotating.parse(each.link).t for each in seen[:-1]]
    assert numbers == [0, 1, 2]
    assert len({each.link for each in seen[:-1]}) == 3


async def test_a_hint_is_shown_once_and_taken_back_when_a_phone_has_fetched(desk, clock):
    started, flow = await desk.house.ask(desk.workstation), login_flow(desk)
    login = await flow.login(started.auth_req_id)
    hints = []
    async with aclosing(flow.frames(started.auth_req_id, login)) as frames:
        async for shown in frames:
            if isinstance(shown, Ended):
                break
            if isinstance(shown, Hinted):
                hints.append(shown.hint)
                (request,) = await desk.phone.auth_requests()
            if hints == ["open_the_app", ""]:
                await desk.phone.deny(request)
            clock.advance(FETCHED_BY)
    assert hints == ["open_the_app", ""]


async def test_a_server_that_stops_ends_the_frames_and_not_the_login(desk):
    started, _ = await desk.ask()
    flow = login_flow(desk)
    login = await flow.login(started.auth_req_id)
    seen = []

    async with aclosing(flow.frames(started.auth_req_id, login)) as frames:
        async for shown in frames:
            seen.append(shown)
            flow.drain()

    assert len(seen) == 1
    assert isinstance(seen[0], Shown)
    assert await desk.outcome(started) == "pending"


async def test_a_login_that_the_store_lost_shows_nothing_more(desk, clock):
    started, _ = await desk.ask()
    flow = login_flow(desk)
    login = await flow.login(started.auth_req_id)
    seen = []

    async with aclosing(flow.frames(started.auth_req_id, login)) as frames:
        async for shown in frames:
            seen.append(shown)
            await desk.house.store.delete(desk.shelf.key(login.id))
            clock.advance(10 * SECOND)

    assert [type(each) for each in seen] == [Shown]
