"""Who is woken when something happens to one of a person's phones."""

import asyncio
from datetime import timedelta

import pytest

from pairing_server.phones.news import WAKE_FOR, news
from pairing_server.push import PushService
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import credentials
from pairing_server.registry.phone_notices import PhoneNoticeKind
from tests.house import RecordingPush
from tests.keys.handset import add_handset, add_person


@pytest.fixture
async def phones(registry, clock):
    person = await add_person(registry, clock())

    async def add(address, **changed):
        handset = await add_handset(
            registry, person, clock(), push_service="fcm", push_address=address, **changed
        )
        return await registry.read(lambda tx: credentials.get(tx, handset.credential_id))

    await add("blocked", status="blocked")
    await add("expired", expires_at=clock() - timedelta(days=1))
    return [await add("one"), await add("two")]


@pytest.mark.parametrize(
    ("kind", "woken"),
    [
        (PhoneNoticeKind.BLOCKED, ["two"]),
        (PhoneNoticeKind.ADDED, ["two"]),
        (PhoneNoticeKind.EXPIRING, ["one", "two"]),
    ],
)
async def test_the_other_active_phones_are_woken_without_a_word(ports, phones, kind, woken):
    push = RecordingPush()
    dispatch = Dispatch(ports, dict.fromkeys(PushService, push))
    await news(ports, dispatch)(phones[0], kind)
    await dispatch.close()
    await asyncio.sleep(0)
    assert sorted(address.address for address, _ in push.sent) == woken
    assert all(len(wakeup.id) == 22 for _, wakeup in push.sent)
    left = [wakeup.expires_at - ports.clock() for _, wakeup in push.sent]
    assert all(timedelta(0) < each <= WAKE_FOR for each in left)
