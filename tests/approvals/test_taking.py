"""What is for whoever scans becomes one person's, and stays what every request is."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from clients.auth_request import Closed, WrongCode
from pairing_server.approvals.auth_request import ANSWER_ON_PHONE, Grant, Status
from pairing_server.approvals.inbox import MAX_OPEN
from pairing_server.approvals.refusals import NotKnownThere, TooManyOpen
from pairing_server.errors import Expired, NotFound
from pairing_server.keys.refusals import PhoneBlocked
from pairing_server.oidc.refusals import AuthorizationPending, InvalidGrant
from pairing_server.ports import Ports
from pairing_server.qr.login import Hinted
from tests.approvals.desk import held
from tests.approvals.opened import (
    LIFETIME,
    close_organisation,
    close_person,
    end_membership,
    leave,
    opening,
)
from tests.approvals.requests import SHOWN
from tests.doubles import StalledStore
from tests.qr.logins import SECOND, bound, frame, login_flow, second_phone, stranger


@pytest.fixture
def show(desk, stores):
    """Let the workstation show a login to whoever comes."""
    return opening(desk, stores)


@pytest.fixture
async def opened(show):
    return await show()


class TurningRegistry:
    """A registry that lets another step in after a read, once."""

    def __init__(self, registry, after, reads=1):
        self._registry, self._after, self._left = registry, after, reads

    async def read(self, query):
        value = await self._registry.read(query)
        self._left -= 1
        if self._left == 0:
            await self._after()
        return value


def scanning(desk, registry=None, store=None):
    """The server's own steps of a scan."""
    ports = desk.house.ports
    ports = Ports(registry or ports.registry, store or ports.store, ports.clock, ports.random)
    return login_flow(replace(desk, house=replace(desk.house, ports=ports)))


async def scan(desk, opened, phone=None, *, by_camera=True, flow=None):
    link = await frame(login_flow(desk), opened)
    return await (flow or login_flow(desk)).scan(
        await bound(desk, phone), link, by_camera=by_camera
    )


async def test_who_scans_is_asked_with_what_they_will_sign_and_logs_in(desk, opened):
    assert await scan(desk, opened) == opened.id

    (request,) = await desk.phone.auth_requests()
    assert (request.id, request.code_length) == (opened.id, 0)
    holder = desk.house.holder
    assert (request.organisation, request.ura) == (holder.organisation_name, holder.ura)
    assert (request.role_code, request.workstation) == (holder.role_code, SHOWN.workstation)
    await desk.phone.approve(request, "")
    assert "id_token" in await opened.poll()


async def test_nobody_is_asked_before_a_scan(desk, opened):
    assert await desk.phone.auth_requests() == []
    assert desk.house.push.sent == []
    assert await opened.outcome() == "authorization_pending"


async def test_a_link_that_was_opened_leaves_the_code_to_be_typed(desk, opened):
    await scan(desk, opened, by_camera=False)

    (request,) = await desk.phone.auth_requests()
    assert request.code_length == 6
    with pytest.raises(WrongCode):
        await desk.phone.approve(request, "")
    await desk.phone.approve(request, opened.code)
    assert "id_token" in await opened.poll()


async def test_a_camera_after_a_link_takes_the_code_away(desk, opened):
    await scan(desk, opened, by_camera=False)
    await scan(desk, opened)

    (request,) = await desk.phone.auth_requests()
    assert request.code_length == 0


async def test_the_persons_other_phones_show_it_too_and_type_the_code(desk, opened):
    other = await second_phone(desk)
    await scan(desk, opened)

    (request,) = await other.auth_requests()
    assert (request.id, request.code_length) == (opened.id, 6)


async def test_a_phone_that_waits_hears_it_at_once(desk, opened):
    waiting = await held(desk.phone.auth_requests(wait=20))
    await scan(desk, opened)
    assert [each.id for each in await asyncio.wait_for(waiting, 2)] == [opened.id]


async def test_it_is_who_scanned_first(desk, opened):
    other = await stranger(desk)
    await scan(desk, opened)

    for by_camera in (True, False):
        with pytest.raises(NotFound):
            await scan(desk, opened, other, by_camera=by_camera)

    assert await other.auth_requests() == []
    assert len(await desk.phone.auth_requests()) == 1


async def test_of_many_people_who_scan_at_once_it_becomes_one_persons(desk, opened):
    other = await stranger(desk)
    link = await frame(login_flow(desk), opened)
    flow = login_flow(desk)
    phones = [await bound(desk, phone) for phone in (desk.phone, other) for _ in range(8)]

    done = await asyncio.gather(
        *(flow.scan(phone, link, by_camera=True) for phone in phones), return_exceptions=True
    )

    mine, theirs = done[:8], done[8:]
    assert {type(each) for each in done} == {str, NotFound}
    assert len({type(each) for each in mine}) == len({type(each) for each in theirs}) == 1
    lists = [await phone.auth_requests() for phone in (desk.phone, other)]
    assert sorted(map(len, lists)) == [0, 1]


async def test_who_was_first_between_read_and_swap_has_it(desk, opened):
    other = await stranger(desk)
    store = StalledStore(desk.house.store, lambda: scan(desk, opened, other))

    with pytest.raises(NotFound):
        await scan(desk, opened, flow=scanning(desk, store=store))

    assert store.stalled
    assert (await opened.record()).scanned_by == other.credential_id
    assert await desk.phone.auth_requests() == []


async def test_a_scan_that_the_clock_overtakes_takes_nothing(desk, opened, clock):
    async def pass_by():
        clock.advance(LIFETIME)

    registry = TurningRegistry(desk.house.registry, pass_by)
    await scan(desk, opened, flow=scanning(desk, registry))

    assert (await opened.record()).status_at(clock()) is Status.EXPIRED
    assert await desk.phone.auth_requests() == []


async def test_what_ran_out_becomes_nobodys(desk, opened, clock):
    link = await frame(login_flow(desk), opened)
    clock.advance(LIFETIME)

    with pytest.raises(Expired):
        await login_flow(desk).scan(await desk.bound(), link, by_camera=True)

    assert (await opened.record()).person_id is None


async def test_a_frame_that_is_over_takes_nothing(desk, opened, clock):
    link = await frame(login_flow(desk), opened)
    clock.advance(4 * SECOND)

    for by_camera in (True, False):
        with pytest.raises(Expired):
            await login_flow(desk).scan(await desk.bound(), link, by_camera=by_camera)

    assert (await opened.record()).person_id is None


async def test_a_block_between_the_look_and_the_scan_takes_nothing(desk, opened):
    registry = TurningRegistry(desk.house.registry, desk.block)

    with pytest.raises(PhoneBlocked):
        await scan(desk, opened, flow=scanning(desk, registry))
    await desk.unblock()

    assert await opened.outcome() == "revoked"
    assert await desk.phone.auth_requests() == []


async def test_a_block_after_the_scan_ends_it(desk, opened):
    await scan(desk, opened)
    (request,) = await desk.phone.auth_requests()
    await desk.block()
    await desk.unblock()

    assert await opened.outcome() == "revoked"
    with pytest.raises(Closed):
        await desk.phone.approve(request, "")


async def test_a_block_after_the_approval_refuses_the_assertion(desk, opened):
    await scan(desk, opened)
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, "")
    await desk.block()

    assert await opened.outcome() == "revoked"


@pytest.mark.parametrize("end", [end_membership, close_organisation, close_person, leave])
async def test_who_is_nobody_there_is_told_so_and_takes_nothing(desk, opened, end):
    phone, link = await desk.bound(), await frame(login_flow(desk), opened)
    await end(desk)

    with pytest.raises(NotKnownThere) as refused:
        await login_flow(desk).scan(phone, link, by_camera=True)

    assert desk.house.holder.organisation_name not in refused.value.description
    assert (await opened.record()).person_id is None


async def test_as_many_as_may_be_open_are_and_no_more(desk, show):
    for _ in range(MAX_OPEN):
        await scan(desk, await show(workstation_id=""))
    last = await show(workstation_id="")

    with pytest.raises(TooManyOpen):
        await scan(desk, last)

    assert await last.outcome() == "revoked"
    assert len(await desk.phone.auth_requests()) == MAX_OPEN


async def test_a_newer_one_at_the_same_workstation_supersedes(desk, show):
    older, newer = await show(), await show()
    await scan(desk, older)
    await scan(desk, newer)

    (request,) = await desk.phone.auth_requests()
    assert request.id == newer.id
    assert await older.outcome() == "superseded"


async def test_another_grant_redeems_nothing(desk, opened):
    await scan(desk, opened)
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, "")

    for other in set(Grant) - {Grant.DEVICE}:
        with pytest.raises(InvalidGrant):
            await opened.poll(other)
    assert "id_token" in await opened.poll()


async def test_the_workstation_is_told_that_somebody_took_it(desk, opened):
    flow = login_flow(desk)
    login = await flow.login(opened.auth_req_id)
    hints = []
    async with asyncio.timeout(3), aclosing(flow.frames(opened.auth_req_id, login)) as frames:
        async for shown in frames:
            if isinstance(shown, Hinted):
                hints.append(shown.hint)
                break
            await flow.scan(await desk.bound(), shown.link, by_camera=True)
    assert hints == [ANSWER_ON_PHONE]
    with pytest.raises(AuthorizationPending) as pending:
        await opened.poll()
    assert pending.value.members == {"hint": ANSWER_ON_PHONE}
