"""What became of a phone's wake-ups is kept beside its key, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.registry import push_health
from pairing_server.registry.push_health import PushHealth
from tests.keys.handset import add_handset, add_person

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
OK = PushHealth(last_ok_at=NOW)
ERROR = PushHealth(last_error_at=LATER, last_error="410")


@pytest.fixture
async def phones(registry):
    person = await add_person(registry, NOW)
    return [(await add_handset(registry, person, NOW)).credential_id for _ in range(2)]


async def written(registry, *each):
    for news in each:
        await registry.commit(lambda tx, news=news: push_health.write(tx, news))
    keys = [key for news in each for key in news]
    return await registry.read(lambda tx: push_health.of(tx, dict.fromkeys(keys)))


async def test_a_phone_that_was_never_woken_has_no_health(registry, phones):
    found = await registry.read(lambda tx: push_health.of(tx, [*phones, "unknown"]))
    assert found == dict.fromkeys([*phones, "unknown"], PushHealth())
    assert await registry.read(lambda tx: push_health.of(tx, [])) == {}


async def test_the_health_of_many_is_written_at_once(registry, phones):
    one, other = phones
    assert await written(registry, {one: OK, other: ERROR}) == {one: OK, other: ERROR}


@pytest.mark.parametrize(
    "news", [[OK, ERROR], [ERROR, OK], [OK, OK, ERROR], [ERROR, PushHealth(), OK]]
)
async def test_what_news_does_not_tell_stays_as_it_was(registry, phones, news):
    phone = phones[0]
    found = await written(registry, *({phone: each} for each in news))
    assert found == {phone: PushHealth(last_ok_at=NOW, last_error_at=LATER, last_error="410")}


@pytest.mark.parametrize(
    ("ok_at", "error_at", "is_well"),
    [
        (None, None, True),
        (NOW, None, True),
        (None, NOW, False),
        (LATER, NOW, True),
        (NOW, LATER, False),
        (NOW, NOW, False),
    ],
)
def test_the_last_wake_up_decides(ok_at, error_at, is_well):
    assert PushHealth(last_ok_at=ok_at, last_error_at=error_at).is_well is is_well
