"""People hear 60, 30 and 7 days ahead that a key expires, and when it has; each once."""

import asyncio
from datetime import timedelta

import pytest

from pairing_server.keys.status import nobody
from pairing_server.phones import reminders as module
from pairing_server.phones.reminders import Reminders
from pairing_server.registry import phone_notices
from pairing_server.registry.phone_notices import TOLD_FOR
from tests.approvals.desk import UnreliableRegistry
from tests.keys.handset import add_handset, add_person
from tests.phones.conftest import refused


@pytest.fixture
async def person(registry, clock):
    return await add_person(registry, clock())


@pytest.fixture
def reminders(ports):
    return Reminders(ports, nobody)


async def kinds(registry, person, clock):
    found = await registry.read(lambda tx: phone_notices.of_person(tx, person.id, clock()))
    return [(notice.kind.value, notice.detail) for notice in found]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (61, []),
        (60, [("expiring", "60")]),
        (31, [("expiring", "60")]),
        (30, [("expiring", "30")]),
        (7, [("expiring", "7")]),
        (1, [("expiring", "7")]),
        (0, [("expired", "now")]),
        (-6, [("expired", "now")]),
        (-8, []),
    ],
)
async def test_the_nearest_of_the_days_is_told(registry, person, clock, reminders, days, told):
    expires_at = clock() + timedelta(days=days, seconds=-5)
    await add_handset(registry, person, clock(), expires_at=expires_at)
    assert await reminders.make() == len(told)
    assert await kinds(registry, person, clock) == told


async def test_each_is_told_once_as_the_days_go_by(registry, person, clock, reminders):
    await add_handset(registry, person, clock(), expires_at=clock() + timedelta(days=61))
    counts = []
    for _ in range(64):
        clock.advance(timedelta(days=1))
        counts.append(await reminders.make())
    assert sum(counts) == 4
    assert [detail for _, detail in await kinds(registry, person, clock)] == [
        "now",
        "7",
        "30",
        "60",
    ]


@pytest.mark.parametrize("status", ["blocked", "revoked"])
async def test_of_a_key_that_opens_nothing_nobody_is_told(
    registry, person, clock, reminders, status
):
    soon = clock() + timedelta(days=5)
    await add_handset(registry, person, clock(), expires_at=soon, status=status)
    assert await reminders.make() == 0


async def test_more_than_one_commit_holds_are_all_told(
    registry, person, clock, reminders, monkeypatch
):
    for _ in range(7):
        await add_handset(registry, person, clock(), expires_at=clock() + timedelta(days=5))
    monkeypatch.setattr(module, "_untold", module._untold.limit(2))
    assert await reminders.make() == 7


async def test_two_nodes_tell_once(registry, person, clock, ports):
    await add_handset(registry, person, clock(), expires_at=clock() + timedelta(days=5))
    counts = await asyncio.gather(*(Reminders(ports, nobody).make() for _ in range(4)))
    assert sum(counts) == 1


async def test_old_notices_are_forgotten(registry, person, clock, reminders):
    await add_handset(registry, person, clock(), expires_at=clock() + timedelta(days=5))
    await reminders.make()
    clock.advance(TOLD_FOR + timedelta(seconds=1))
    assert await registry.commit(lambda tx: phone_notices.forget(tx, clock())) == 1


async def test_a_registry_that_is_away_is_asked_again_later(ports, registry, monkeypatch):
    away, slept = UnreliableRegistry(registry), []
    away.away = 1

    async def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    reminders = Reminders(type(ports)(away, ports.store, ports.clock, ports.random), nobody)
    with pytest.raises(asyncio.CancelledError):
        await reminders.run()
    assert slept == [3600, 3600]


async def test_the_phone_itself_is_told_and_woken(owner):
    await owner.phone.register_push({"service": "fcm", "token": "push"})
    clock = owner.house.ports.clock
    clock.advance((await owner.stored()).expires_at - clock() - timedelta(days=7))
    owner.house.push.sent.clear()
    told = []

    async def remember(phone, kind):
        told.append((phone.id, kind))

    await Reminders(owner.house.ports, remember).make()
    (notice,) = await owner.phone.notices()
    assert (notice.kind, notice.detail) == ("expiring", "7")
    assert told == [(owner.phone.credential_id, "expiring")]


async def test_an_expired_phone_hears_that_it_has_expired(owner):
    clock = owner.house.ports.clock
    clock.advance((await owner.stored()).expires_at - clock())
    assert await refused(owner.phone.auth_requests()) == (403, "phone_expired")
