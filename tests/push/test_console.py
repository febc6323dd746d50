"""The console says that a phone would be woken, and never where."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pairing_server.push import PushAddress, PushService, Wakeup, WakeupKind
from pairing_server.push.console import ConsoleSender
from pairing_server.tokens import mark

ACTS = {"request": "wake", "notice": "tell", "withdrawn": "withdraw"}


@settings(deadline=None)
@given(st.sampled_from(PushService), st.text(min_size=9), st.sampled_from(WakeupKind))
def test_a_wake_up_is_one_line_without_the_address(service, secret, kind):
    lines = []
    wakeup = Wakeup("auth-request-1", datetime(2026, 1, 1, tzinfo=UTC), kind)
    coroutine = ConsoleSender(lines.append).send(PushAddress(service, secret), wakeup)
    assert list(coroutine.__await__()) == []
    assert lines == [f"{ACTS[kind]} {service} {mark(secret)}: auth-request-1"]


async def test_a_console_has_nothing_wrong_and_nothing_to_close():
    sender = ConsoleSender(print)
    assert await sender.check() == []
    await sender.close()


def test_an_address_is_not_shown():
    assert "secret" not in repr(PushAddress(PushService.FCM, "secret"))
