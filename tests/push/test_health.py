"""How phones can be woken is written when it changes, many at once, and else rarely."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push import health
from pairing_server.push.health import ERROR_EVERY, OK_EVERY, HealthLog, is_news
from pairing_server.registry import RegistryUnavailableError, push_health
from pairing_server.registry.push_health import PushHealth
from tests.doubles import FrozenClock
from tests.keys.handset import add_handset, add_person

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
OK = PushHealth(last_ok_at=NOW)
ILL = PushHealth(last_error_at=NOW, last_error="410")
moments = st.none() | st.integers(0, 10**6).map(lambda n: NOW + n * MOMENT)
healths = st.builds(
    PushHealth, last_ok_at=moments, last_error_at=moments, last_error=st.sampled_from(["", "410"])
)


class CountingRegistry:
    """Counts commits, and is away when told."""

    def __init__(self, registry):
        self._registry = registry
        self.commits = 0
        self.is_away = False

    async def commit(self, change):
        self.commits += 1
        if self.is_away:
            raise RegistryUnavailableError("away")
        return await self._registry.commit(change)


@pytest.fixture
def counting(registry):
    return CountingRegistry(registry)


@pytest.fixture
def frozen():
    return FrozenClock(NOW)


@pytest.fixture
def log(counting, frozen):
    return HealthLog(counting, frozen)


@pytest.fixture
async def phones(registry):
    person = await add_person(registry, NOW)
    return [(await add_handset(registry, person, NOW)).credential_id for _ in range(3)]


async def read(registry, phones):
    return list((await registry.read(lambda tx: push_health.of(tx, phones))).values())


@given(healths)
def test_the_first_is_news(first):
    assert is_news(None, first)


@given(healths.filter(lambda each: each.last_ok_at and each.is_well), st.integers(0, 2 * 3600))
def test_one_more_success_is_news_after_an_hour(written, seconds):
    later = timedelta(seconds=seconds)
    following = replace(written, last_ok_at=written.last_ok_at + later)
    assert is_news(written, following) == (later >= OK_EVERY)


@given(healths.filter(lambda each: each.last_error_at and not each.is_well), st.integers(0, 1200))
def test_one_more_error_of_the_same_kind_is_news_after_ten_minutes(written, seconds):
    later = timedelta(seconds=seconds)
    following = replace(written, last_error_at=written.last_error_at + later)
    assert is_news(written, following) == (later >= ERROR_EVERY)


def test_another_error_or_a_change_for_better_or_worse_is_news():
    later = NOW + MOMENT
    assert is_news(ILL, replace(ILL, last_error="503"))
    assert is_news(ILL, replace(ILL, last_ok_at=later))
    assert is_news(OK, replace(OK, last_error_at=later))


async def test_what_gathers_is_written_in_one_commit(log, counting, registry, phones):
    for phone in phones:
        log.succeeded(phone)
        log.failed(phone, "503")
    await log.close()
    assert counting.commits == 1
    expected = PushHealth(last_ok_at=NOW, last_error_at=NOW, last_error="503")
    assert await read(registry, phones) == [expected] * 3


async def test_it_is_written_by_itself_and_as_long_as_nothing_changes_only_once(
    log, counting, registry, phones, monkeypatch
):
    monkeypatch.setattr(health, "WRITE_AFTER", timedelta(0))
    for _ in range(5):
        log.succeeded(phones[0])
        await asyncio.sleep(0.02)
    assert counting.commits == 1
    assert await read(registry, phones[:1]) == [OK]
    log.failed(phones[0], "503")
    await asyncio.sleep(0.02)
    assert counting.commits == 2
    await log.close()


async def test_more_than_fit_in_one_commit_are_written_in_several(
    log, counting, registry, phones, monkeypatch
):
    monkeypatch.setattr(health, "WRITE_AFTER", timedelta(0))
    monkeypatch.setattr(health, "AT_ONCE", 2)
    for phone in phones:
        log.succeeded(phone)
    await asyncio.sleep(0.1)
    assert (counting.commits, await read(registry, phones)) == (2, [OK] * 3)
    await log.close()


async def test_what_a_registry_that_was_away_missed_is_written_with_the_next_news(
    log, counting, registry, phones
):
    counting.is_away = True
    log.succeeded(phones[0])
    await log.close()
    counting.is_away = False
    assert await read(registry, phones[:1]) == [PushHealth()]
    log.succeeded(phones[0])
    await log.close()
    assert await read(registry, phones[:1]) == [OK]


async def test_of_many_phones_those_are_remembered_that_were_written_last(
    log, counting, phones, monkeypatch
):
    monkeypatch.setattr(health, "REMEMBERED", 2)
    for phone in phones:
        log.succeeded(phone)
        await log.close()
    before = counting.commits
    log.succeeded(phones[2])
    await log.close()
    assert counting.commits == before
    log.succeeded(phones[0])
    await log.close()
    assert counting.commits == before + 1
