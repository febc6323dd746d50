"""The numbers of a log are read once a minute, for each organisation its own."""

import asyncio
from datetime import timedelta

import pytest

from admin import log_counts
from admin.log_counts import FRESH_FOR, LogNumbers
from pairing_server.audit.events import (
    AuthRequestApproved,
    AuthRequestApprovedByCard,
    AuthRequestDenied,
    WorkstationFirstUsed,
)
from pairing_server.clock import wire_time
from pairing_server.ports import Ports
from pairing_server.registry import RegistryUnavailableError
from tests.admin.staff import NOW, OURS, THEIRS

SECOND = timedelta(seconds=1)


class CountedRegistry:
    """Counts how often is read; fails, or waits, where it is told to."""

    def __init__(self, registry):
        self._registry = registry
        self.reads = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.error = None

    async def read(self, query):
        self.reads += 1
        await self.may_go_on.wait()
        if self.error is not None:
            raise self.error
        return await self._registry.read(query)


@pytest.fixture
def counted(staffed):
    return CountedRegistry(staffed)


@pytest.fixture
def numbers(counted, store, clock):
    return LogNumbers(Ports(counted, store, clock, lambda size: b"r" * size))


def event(kind, ura=OURS.ura, **evidence):
    return kind(actor="person:nina", object="auth-request:r", ura=ura, evidence=evidence)


async def record(registry, *events):
    for each in events:
        await registry.commit(lambda tx, each=each: tx.record(each))


async def test_what_happened_is_in_the_numbers(numbers, staffed, clock):
    signed = {"requested_at": wire_time(NOW - 7 * SECOND)}
    await record(
        staffed,
        event(AuthRequestApproved, signed=signed),
        event(AuthRequestApprovedByCard),
        event(AuthRequestDenied),
        event(WorkstationFirstUsed),
        event(AuthRequestApproved, THEIRS.ura),
    )
    clock.advance(SECOND)
    found = await numbers.of(OURS.ura)

    assert (found.logins[-1], sum(found.logins)) == (2, 2)
    assert sum(found.logins_before) == 0
    assert found.denied[-1] == found.denied_lately[-1] == found.new_places_lately[-1] == 1
    assert (found.answers, found.has_all_answers, found.at) == ((7,), True, NOW + SECOND)

    clock.advance(timedelta(days=7))
    later = await numbers.of(OURS.ura)
    assert (sum(later.logins), later.logins_before[-1]) == (0, 2)
    assert (later.denied[-8], later.denied_lately[-8], later.denied_lately[-1]) == (1, 1, 0)
    assert later.answers == ()


async def test_they_are_read_once_a_minute_however_many_look(numbers, counted, clock):
    counted.may_go_on.clear()
    waiting = [asyncio.create_task(numbers.of(OURS.ura)) for _ in range(5)]
    await asyncio.sleep(0)
    counted.may_go_on.set()
    first, *others = await asyncio.gather(*waiting)
    assert all(each is first for each in others)
    clock.advance(FRESH_FOR - SECOND)
    assert await numbers.of(OURS.ura) is first
    assert counted.reads == 1

    clock.advance(SECOND)

    assert (await numbers.of(OURS.ura)).at == NOW + FRESH_FOR
    assert counted.reads == 2


async def test_nobody_is_shown_anothers(numbers, staffed, counted):
    await record(staffed, event(AuthRequestDenied, THEIRS.ura))

    assert sum((await numbers.of(OURS.ura)).denied) == 0
    assert sum((await numbers.of(THEIRS.ura)).denied) == 1
    assert counted.reads == 2


async def test_who_goes_away_takes_it_from_nobody(numbers, counted):
    counted.may_go_on.clear()
    leaving, staying = (asyncio.create_task(numbers.of(OURS.ura)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    counted.may_go_on.set()

    assert (await staying).at == NOW
    assert counted.reads == 1


async def test_a_failure_is_not_kept(numbers, counted):
    counted.error = RegistryUnavailableError("away")
    with pytest.raises(RegistryUnavailableError):
        await numbers.of(OURS.ura)
    counted.error = None

    assert (await numbers.of(OURS.ura)).at == NOW


async def test_no_more_organisations_are_remembered_than_fit(numbers, counted, monkeypatch):
    monkeypatch.setattr(log_counts, "REMEMBERED", 1)
    await numbers.of(OURS.ura)
    await numbers.of(THEIRS.ura)
    await numbers.of(THEIRS.ura)
    assert counted.reads == 2
    await numbers.of(OURS.ura)

    assert counted.reads == 3
