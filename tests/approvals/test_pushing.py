"""A request wakes its person unless that was too much already; its notice goes when it is over."""

import asyncio
from datetime import timedelta

import pytest

from clients.oauth_error import AccessDenied
from clients.phone import SoftwarePhone
from pairing_server.approvals.fatigue import FIRST_WAIT, Gate, Pressure
from pairing_server.approvals.inbox import Entry
from pairing_server.approvals.pushing import Pushing
from pairing_server.metrics import METRICS
from pairing_server.ports import Ports
from pairing_server.push import PushService, WakeupKind
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import person_workstations
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest
from tests.doubles import StalledStore
from tests.push.senders import settled

SECOND = timedelta(seconds=1)


def withheld(reason):
    found = METRICS.get_sample_value("pairing_pushes_withheld_total", {"reason": reason})
    return found or 0


@pytest.fixture
async def other(siege) -> SoftwarePhone:
    """A second phone of the person, which is woken as well."""
    page = await siege.desk.house.logged_in()
    return await siege.desk.house.bind(page, push_token="other")


async def pressure(siege, client_id="his"):
    shelf = Shelf(siege.desk.house.store, "pressure", Pressure)
    stored = await shelf.get(digest(f"{siege.person_id}\n{client_id}"))
    return Pressure() if stored is None else stored.value


async def test_a_request_wakes_all_phones_and_one_of_the_same_workstation_later_again(
    siege, other
):
    first = await siege.ask()
    siege.pass_time(FIRST_WAIT)
    second = await siege.ask()
    assert siege.pushed() == [first.id] * 2 + [second.id] * 2
    assert len({wakeup.tag for wakeup in siege.desk.house.push.requests()}) == 1


async def test_what_comes_too_soon_is_there_to_be_pulled_and_wakes_nobody(siege):
    before = withheld("waits")
    await siege.ask()
    second = await siege.ask()
    assert second.id not in siege.pushed()
    assert [each.id for each in await siege.desk.phone.auth_requests()] == [second.id]
    assert withheld("waits") == before + 1
    siege.pass_time(FIRST_WAIT)
    assert await siege.is_woken()


async def test_the_notice_of_a_superseded_request_goes_when_the_newer_one_has_none(siege):
    first = await siege.ask()
    await siege.ask()
    (notice,) = siege.withdrawn("own")
    assert (notice.id, notice.tag) == (first.id, siege.sent("own")[0].tag)
    assert siege.pushed() == [first.id]
    await siege.ask()
    assert len(siege.withdrawn("own")) == 1


@pytest.mark.parametrize("act", ["approve", "deny"])
async def test_the_notice_goes_from_the_phones_that_did_not_answer(siege, other, act):
    request = await siege.ask()
    await getattr(siege, act)(request)
    assert siege.withdrawn("own") == []
    (notice,) = siege.withdrawn("other")
    (woken,) = [each for each in siege.sent("other") if each.kind is WakeupKind.REQUEST]
    assert (notice.id, notice.tag) == (request.id, woken.tag)


async def test_what_was_not_pushed_is_not_withdrawn(siege, other):
    await siege.ask()
    await siege.deny(await siege.ask())
    before = len(siege.withdrawn("other"))
    await siege.approve(await siege.ask())
    assert len(siege.withdrawn("other")) == before


async def test_the_notice_goes_when_a_phone_is_cut_off(siege, other):
    request = await siege.ask()
    await siege.flow.end_all(siege.person_id)
    await settled()
    assert [each.id for each in siege.withdrawn("own")] == [request.id]
    assert [each.id for each in siege.withdrawn("other")] == [request.id]


async def test_after_an_approval_nothing_waits(siege):
    await siege.ask()
    siege.pass_time(FIRST_WAIT)
    await siege.approve(await siege.ask())
    assert await siege.is_woken()


async def test_a_denial_makes_the_next_push_wait_and_the_workstation_hears_at_once(siege):
    request = await siege.ask()
    siege.pass_time(9 * SECOND)
    await siege.deny(request)
    siege.pass_time(9 * SECOND)
    assert not await siege.is_woken()
    siege.pass_time(SECOND)
    assert await siege.is_woken()


async def test_the_identical_denial_again_makes_nothing_wait_longer(siege):
    request = await siege.ask()
    await siege.deny(request)
    before = await pressure(siege)
    siege.pass_time(SECOND)
    await siege.deny(request)
    assert await pressure(siege) == before


async def test_not_me_closes_push_there_until_a_login_there_and_nowhere_else(siege):
    before = withheld("not_me")
    await siege.deny(await siege.ask(), "not_me")
    siege.pass_time(timedelta(days=30))
    closed = await siege.ask()
    assert closed.id not in siege.pushed()
    assert withheld("not_me") == before + 1
    assert await siege.is_woken("ws-2")
    assert await siege.is_woken("ws-1", "another client")
    await siege.approve(closed)
    assert await siege.is_woken()


async def test_a_policy_of_known_workstations_wakes_nobody_from_a_new_one(siege):
    before = withheld("unknown_workstation")
    first = await siege.ask(gate=Gate.KNOWN)
    assert siege.pushed() == []
    assert withheld("unknown_workstation") == before + 1
    await siege.approve(first)
    assert await siege.is_woken(gate=Gate.KNOWN)
    assert not await siege.is_woken("ws-2", gate=Gate.KNOWN)
    assert not await siege.is_woken("ws-1", "another client", gate=Gate.KNOWN)


async def test_a_workstation_without_a_name_is_never_a_known_one(siege):
    await siege.approve(await siege.ask(""))
    assert await siege.is_woken("")
    siege.pass_time(timedelta(hours=2))
    assert not await siege.is_woken("", gate=Gate.KNOWN)


async def test_from_a_gate_that_is_shut_nobody_is_woken(siege):
    await siege.approve(await siege.ask(gate=Gate.NEVER))
    assert not await siege.is_woken(gate=Gate.NEVER)


async def test_the_clients_policy_chooses_the_gate(siege):
    house = siege.desk.house
    workstation = await house.workstation("Streng", push="known")
    started = await house.ask(workstation)
    await settled()
    assert siege.pushed() == []
    (request,) = await siege.desk.phone.auth_requests()
    await siege.desk.phone.approve(request, started.binding_code)
    await house.ask(workstation)
    await settled()
    assert len(siege.pushed()) == 1


async def test_of_many_requests_at_once_one_wakes(siege):
    await asyncio.gather(*(siege.ask() for _ in range(8)))
    assert len(siege.pushed()) == 1


async def test_nobody_who_is_unknown_is_waited_for(siege):
    """A request of nobody counts against nobody."""
    workstation = await siege.desk.house.workstation()
    await workstation.start("nobody", ura=siege.desk.house.holder.ura)
    assert siege.pushed() == []


async def test_a_denial_between_the_read_and_the_write_counts(siege):
    request = await siege.ask()
    siege.pass_time(FIRST_WAIT)
    ports = siege.desk.house.ports

    async def deny():
        await siege.deny(request)

    store = StalledStore(ports.store, deny)
    stalled = Ports(ports.registry, store, ports.clock, ports.random)
    dispatch = Dispatch(stalled, dict.fromkeys(PushService, siege.desk.house.push))
    entry = Entry("2", "his", "ws-1", request.expires_at)
    assert await Pushing(stalled, dispatch).announce(siege.person_id, entry, Gate.VOUCHED)
    await settled()
    assert store.stalled
    assert siege.pushed() == [request.id]


async def test_an_opened_workstation_wakes_at_once(siege):
    await siege.deny(await siege.ask())
    pushing = Pushing(siege.desk.house.ports, Dispatch(siege.desk.house.ports, {}))
    await pushing.opened(siege.person_id, "his", "ws-1")
    assert await siege.is_woken()


async def test_who_waits_hears_of_not_me_and_of_nothing_that_was_withheld(siege):
    house = siege.desk.house
    workstation = await house.workstation()
    started = await house.ask(workstation)
    (request,) = await siege.desk.phone.auth_requests()
    await siege.desk.phone.deny(request, "not_me")
    with pytest.raises(AccessDenied) as denied:
        await workstation.poll_once(started, 0)
    assert denied.value.body["reason"] == "not_me"
    again = await house.ask(workstation)
    assert await workstation.poll_once(again, 0) is None
    known = await house.registry.read(
        lambda tx: person_workstations.get(tx, siege.person_id, house.client_id, "ws-1")
    )
    assert known.push_closed_at is not None
    assert {wakeup.kind for wakeup in siege.sent("own")} <= {
        WakeupKind.REQUEST,
        WakeupKind.WITHDRAWN,
    }
