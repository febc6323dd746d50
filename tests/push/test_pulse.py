"""A connection is asked whether it lives when it is quiet or in doubt, and lost if it does not."""

import asyncio

import pytest

from pairing_server.push import pulse
from pairing_server.push.pulse import Pulse


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(pulse, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.05)


class Other:
    """The other side: answers as long as it lives."""

    def __init__(self):
        self.asked, self.lost, self.lives = 0, 0, True
        self.pulse = Pulse(self.ask, self.lose)

    def ask(self):
        self.asked += 1
        if self.lives:
            self.pulse.heard()

    def lose(self):
        self.lost += 1


@pytest.fixture
async def other():
    made = Other()
    made.pulse.start()
    yield made
    made.pulse.stop()


async def test_who_answers_is_asked_again_and_not_lost(other):
    await asyncio.sleep(0.5)
    assert other.asked >= 2
    assert other.lost == 0


async def test_who_does_not_answer_is_lost_once(other):
    other.lives = False
    await asyncio.sleep(0.3)
    assert (other.asked, other.lost) == (1, 1)


async def test_who_is_heard_is_not_asked(other):
    for _ in range(12):
        await asyncio.sleep(0.02)
        other.pulse.heard()
    assert other.asked == 0


async def test_in_doubt_it_is_asked_at_once_and_only_once(other):
    other.lives = False
    other.pulse.doubt()
    other.pulse.doubt()
    assert other.asked == 1


async def test_a_late_word_is_an_answer(other):
    other.lives = False
    other.pulse.doubt()
    await asyncio.sleep(0.02)
    other.pulse.heard()
    await asyncio.sleep(0.06)
    assert other.lost == 0


async def test_stopped_it_asks_and_loses_nothing(other):
    other.lives = False
    other.pulse.doubt()
    other.pulse.stop()
    other.pulse.doubt()
    await asyncio.sleep(0.2)
    assert (other.asked, other.lost) == (1, 0)


async def test_not_started_it_asks_nothing():
    other = Other()
    other.pulse.doubt()
    assert other.asked == 0
