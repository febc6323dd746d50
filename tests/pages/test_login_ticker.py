"""One task sends each page its frame as the second begins, and waits for nobody."""

import asyncio
import re
from datetime import timedelta

import pytest

from pairing_server.pages.login_ticker import SLOT, SLOTS, Ticker
from pairing_server.qr.login import Frames
from tests.house import ShiftedClock


class Stream:
    """A page's stream, and how much it has not read."""

    def __init__(self, unread=0, error=None):
        self.sent = []
        self.unread, self.error = unread, error
        self._req = self
        self.transport = self

    def get_write_buffer_size(self):
        return self.unread

    async def write(self, data):
        if self.error is not None:
            raise self.error
        self.sent.append(int(re.search(rb"#l\.[\w-]+\.(\d+)\.", data)[1]))


@pytest.fixture
def clock():
    return ShiftedClock()


def frames(clock, age=timedelta(0)):
    return Frames("https://op.example", "h" * 22, b"k" * 32, clock() - age)


async def test_each_page_gets_each_frame_once(clock):
    ticker, streams = Ticker(clock), [Stream() for _ in range(3)]
    made = [frames(clock, SLOT * 3 * number) for number in range(3)]
    with (
        ticker.showing(streams[0], made[0]),
        ticker.showing(streams[1], made[1]),
        ticker.showing(streams[2], made[2]),
    ):
        await asyncio.sleep(2.3)

    for stream in streams:
        assert len(stream.sent) in {2, 3}
        assert stream.sent == sorted(set(stream.sent))


async def test_who_does_not_read_or_has_left_keeps_nobody_waiting(clock):
    ticker = Ticker(clock)
    slow, gone, good = Stream(unread=1), Stream(error=ConnectionResetError()), Stream()
    with (
        ticker.showing(slow, frames(clock)),
        ticker.showing(gone, frames(clock)),
        ticker.showing(good, frames(clock)),
    ):
        await asyncio.sleep(1.3)

    assert (slow.sent, gone.sent) == ([], [])
    assert good.sent


async def test_when_nobody_shows_one_nothing_runs(clock):
    ticker = Ticker(clock)
    with ticker.showing(Stream(), frames(clock)):
        task = ticker._task
        assert task is not None
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ticker._task is None


async def test_after_a_pause_a_page_gets_the_current_frame_once(clock):
    ticker, stream = Ticker(clock), Stream()
    with ticker.showing(stream, frames(clock)):
        await asyncio.sleep(0.05)
        clock.advance(timedelta(seconds=30))
        await asyncio.sleep(0.3)

    assert len(stream.sent) <= 3
    assert stream.sent[-1] >= 29
    assert SLOTS == 10
