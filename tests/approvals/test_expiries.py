"""The notice of a request that nobody answered goes when the request runs out."""

import asyncio
from datetime import timedelta

from pairing_server.approvals.expiries import Expiries
from pairing_server.approvals.inbox import Entry
from pairing_server.store import StoreUnavailableError
from tests.approvals.requests import NOW
from tests.approvals.siege import LIFETIME
from tests.push.senders import settled

SECOND = timedelta(seconds=1)


def entry(identifier, seconds=0.0):
    return Entry(identifier, "his", "ws-1", NOW + timedelta(seconds=seconds))


class Withdrawn(list):
    """What was taken away, and when it could not be."""

    def __init__(self, *failing):
        super().__init__()
        self.failing = failing

    async def __call__(self, person_id, request):
        if request.id in self.failing:
            raise StoreUnavailableError
        self.append((person_id, request.id))


async def test_what_has_run_out_is_taken_away_once_and_nothing_else():
    withdrawn, now = Withdrawn(), NOW
    expiries = Expiries(lambda: now, withdrawn)
    for seconds in (3, 1, 2):
        expiries.add("p", entry(str(seconds), seconds))
    now = NOW + 2 * SECOND
    await expiries.end_due()
    assert sorted(withdrawn) == [("p", "1"), ("p", "2")]
    await expiries.end_due()
    assert (len(withdrawn), len(expiries)) == (2, 1)


async def test_what_was_answered_is_not_looked_at():
    withdrawn = Withdrawn()
    expiries = Expiries(lambda: NOW, withdrawn)
    expiries.add("p", entry("1"))
    expiries.forget("1")
    expiries.forget("unknown")
    await expiries.end_due()
    assert (withdrawn, len(expiries)) == ([], 0)


async def test_a_store_that_is_away_keeps_no_other_notice_from_going():
    withdrawn = Withdrawn("1")
    expiries = Expiries(lambda: NOW, withdrawn)
    for identifier in ("1", "2"):
        expiries.add("p", entry(identifier))
    await expiries.end_due()
    assert withdrawn == [("p", "2")]


async def test_it_wakes_when_the_first_one_is_due_also_one_that_came_later(clock):
    withdrawn = Withdrawn()
    expiries = Expiries(clock, withdrawn)
    running = asyncio.create_task(expiries.run())
    await settled()
    late, soon = (
        Entry(name, "his", "ws-1", clock() + timedelta(seconds=seconds))
        for name, seconds in (("late", 60), ("soon", 0.02))
    )
    for each in (late, soon):
        expiries.add("p", each)
        await settled()
    async with asyncio.timeout(10):
        while not withdrawn:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert withdrawn == [("p", "soon")]
    running.cancel()


async def test_the_notice_of_a_request_goes_when_it_runs_out(siege):
    request = await siege.ask()
    siege.pass_time(LIFETIME - SECOND)
    await siege.end_due()
    assert siege.withdrawn("own") == []
    siege.pass_time(SECOND)
    await siege.end_due()
    assert [each.id for each in siege.withdrawn("own")] == [request.id]


async def test_the_notice_of_a_newer_request_stays_when_the_older_one_runs_out(siege):
    await siege.ask()
    siege.pass_time(LIFETIME / 2)
    newer = await siege.ask()
    siege.pass_time(LIFETIME / 2)
    await siege.end_due()
    assert siege.withdrawn("own") == []
    assert siege.pushed()[-1] == newer.id


async def test_what_was_answered_at_another_node_is_not_withdrawn_again(siege):
    """The phone's answers go to the running server, which has expiries of its own."""
    await siege.approve(await siege.ask())
    siege.pass_time(LIFETIME)
    await siege.end_due()
    assert siege.withdrawn("own") == []


async def test_a_request_that_ran_out_stays_an_unanswered_one(siege):
    await siege.ask()
    siege.pass_time(LIFETIME)
    await siege.end_due()
    await siege.ask()
    assert not await siege.is_woken()


async def test_a_running_server_takes_the_notice_away_by_itself(siege):
    house = siege.desk.house
    await house.ask(siege.desk.workstation, requested_expiry=1)
    async with asyncio.timeout(10):
        while not siege.withdrawn("own"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    (notice,), (came,) = siege.withdrawn("own"), house.push.requests()
    assert (notice.id, notice.tag) == (came.id, came.tag)
