"""A request is looked at each second by very many, and its scan is one phone's."""

import asyncio
from datetime import timedelta
from itertools import product

import pytest

from pairing_server.approvals.asked import request_id
from pairing_server.approvals.auth_request import Status
from pairing_server.approvals.scan import READ_AGAIN, ScanFlow
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from tests.approvals.desk import held
from tests.qr.logins import bound, stranger

NO_TIME = timedelta(0)


class CountingStore:
    """A Store that counts what is read."""

    def __init__(self, store):
        self._store = store
        self.reads = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def get(self, key):
        self.reads += 1
        return await self._store.get(key)


@pytest.fixture
def counting(desk):
    return CountingStore(desk.house.store)


@pytest.fixture
def scans(desk, counting):
    ports = desk.house.ports
    return ScanFlow(Ports(ports.registry, counting, ports.clock, ports.random))


async def test_a_look_at_what_has_not_changed_costs_no_read(desk, scans, counting):
    started, request = await desk.ask()

    async with scans.watching(started.auth_req_id) as look:
        for _ in range(20):
            assert (await look(timedelta(milliseconds=1))).id == request.id

    assert counting.reads == 1


async def test_a_change_is_seen_at_once(desk, scans):
    started, request = await desk.ask()

    async with scans.watching(started.auth_req_id) as look:
        looking = await held(look(timedelta(seconds=20)))
        await desk.phone.deny(request)
        # The claim is a change, and its settlement the next.
        assert (await asyncio.wait_for(looking, 2)).status in (Status.CLAIMED, Status.DENIED)


async def test_a_change_between_two_looks_is_seen(desk, scans):
    started, request = await desk.ask()

    async with scans.watching(started.auth_req_id) as look:
        await look(NO_TIME)
        await desk.phone.deny(request)
        async with asyncio.timeout(2):
            while (await look(timedelta(seconds=1))).status is not Status.DENIED:
                pass


async def test_what_the_store_lost_is_noticed_in_the_end(desk, scans, clock):
    started, request = await desk.ask()

    async with scans.watching(started.auth_req_id) as look:
        await desk.house.store.delete(desk.shelf.key(request.id))
        assert await look(NO_TIME) is not None
        clock.advance(READ_AGAIN)
        assert await look(NO_TIME) is None


async def test_an_unknown_request_is_none(scans):
    async with scans.watching("A" * 43) as look:
        assert await look(NO_TIME) is None


async def test_a_scan_is_of_the_persons_own_request(desk, scans):
    started, request = await desk.ask()
    phone, other = await desk.bound(), await bound(desk, await stranger(desk))

    async def scanned(whose, identifier=request.id, *, by_camera=True, is_current=True):
        await scans.scanned(whose, identifier, by_camera=by_camera, is_current=is_current)

    for by_camera, is_current in product((True, False), repeat=2):
        for whose, identifier in ((other, request.id), (phone, request_id("unknown"))):
            with pytest.raises(NotFound):
                await scanned(whose, identifier, by_camera=by_camera, is_current=is_current)
    await scanned(phone, by_camera=False)
    await scanned(phone, is_current=False)
    assert (await desk.record(started)).scanned_by is None
    await scanned(phone)
    assert (await desk.record(started)).scanned_by == desk.phone.credential_id
