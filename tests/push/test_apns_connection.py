"""One HTTP/2 connection: windows, limits, silence, and whatever a peer may send."""

import asyncio
from datetime import timedelta

import h2.config
import h2.connection
import pytest
from hyperframe.frame import (
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from clients.push_simulator import Answer, Fault
from clients.push_simulator.apns import Rules
from pairing_server.clock import utc_now
from pairing_server.push import PushFailedError, Wakeup, pulse
from pairing_server.push.apns_connection import Connection
from pairing_server.push.apns_exchange import Exchange, NotProcessedError
from pairing_server.push.header_block import HTTPS, POST, literal
from tests.push.apns_harness import ApnsHarness
from tests.push.contract import Situation, failure, until

SOON = timedelta(seconds=0.5)


@pytest.fixture
def wakeup():
    return Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", utc_now() + timedelta(minutes=2), tag="t" * 22)


def does(harness, behaviour):
    address = harness.address()
    harness.journal.behaviours[address.address] = behaviour
    return address


@pytest.mark.parametrize("window", [1, 10, 100])
async def test_a_narrow_window_lets_a_body_through_piece_by_piece(wakeup, window):
    async with ApnsHarness.open(Situation(), Rules(window=window)) as harness:
        phones = [harness.address() for _ in range(20)]
        await asyncio.gather(*(harness.sender.send(phone, wakeup) for phone in phones))
        bodies = {arrival.body for arrival in harness.journal.arrivals}
        assert len(harness.journal.arrivals) == 20
        assert len(bodies) == 1


async def test_an_answer_before_the_end_of_the_request_is_an_answer(wakeup):
    async with ApnsHarness.open(Situation(deadline=SOON), Rules(window=0)) as harness:
        harness.service.answer_early = Answer(503)
        error = await failure(harness, harness.address(), wakeup)
        assert error.code == "503"
        (connection,) = harness.sender._pool._connections
        assert connection._h2.open_outbound_streams == 0


async def test_a_window_that_never_opens_ends_at_the_deadline(wakeup):
    async with ApnsHarness.open(Situation(deadline=SOON), Rules(window=0)) as harness:
        assert (await failure(harness, harness.address(), wakeup)).code == "timeout"


async def test_a_limit_that_is_lowered_is_kept(wakeup):
    async with ApnsHarness.open(Situation()) as harness:
        await harness.sender.send(harness.address(), wakeup)
        harness.service.connections[0].allow(3)
        phones = [harness.address() for _ in range(100)]
        await asyncio.gather(*(harness.sender.send(phone, wakeup) for phone in phones))
        assert len(harness.journal.arrivals) == 101


async def test_a_connection_that_hears_nothing_is_asked_and_given_up(wakeup, monkeypatch):
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.2)
    async with ApnsHarness.open(Situation(deadline=SOON)) as harness:
        await harness.sender.send(harness.address(), wakeup)
        harness.service.connections[0].is_deaf = True
        assert (await failure(harness, harness.address(), wakeup)).code == "timeout"
        await until(lambda: harness.service.dialled == 2)
        await harness.sender.send(harness.address(), wakeup)


async def test_a_quiet_connection_is_asked_before_anybody_misses_it(wakeup, monkeypatch):
    monkeypatch.setattr(pulse, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.2)
    async with ApnsHarness.open(Situation()) as harness:
        await harness.sender.send(harness.address(), wakeup)
        await asyncio.sleep(1.3)
        assert harness.service.dialled == 1
        harness.service.connections[0].is_deaf = True
        await until(lambda: harness.service.dialled == 2)


async def test_one_slow_answer_is_no_reason_to_give_up_a_connection(wakeup, monkeypatch):
    monkeypatch.setattr(pulse, "ANSWER_SECONDS", 0.2)
    async with ApnsHarness.open(Situation(deadline=SOON)) as harness:
        await failure(harness, does(harness, Fault.SILENCE), wakeup)
        await asyncio.sleep(0.4)
        await harness.sender.send(harness.address(), wakeup)
        assert harness.service.dialled == 1


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.is_over = False

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.is_over

    def close(self):
        self.is_over = True

    abort = close


BLOCK = POST + HTTPS + literal(b":authority", b"localhost") + literal(b":path", b"/3/device/ab")


def connected():
    connection = Connection(lambda _: None)
    wire = Wire()
    connection.connection_made(wire)
    connection.data_received(SettingsFrame(0, settings={3: 100}).serialize())
    return connection, wire


def begun(connection):
    exchange = Exchange(BLOCK, b"body", asyncio.get_running_loop().create_future())
    connection.start(exchange)
    return exchange


def status(code):
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    return peer.encoder.encode([(":status", code)])


FRAMES = st.one_of(
    st.binary(max_size=64),
    st.builds(DataFrame, st.integers(1, 9), st.binary(max_size=20)),
    st.builds(
        HeadersFrame, st.integers(1, 9), st.one_of(st.binary(max_size=20), st.just(status("200")))
    ),
    st.builds(
        lambda at, code: RstStreamFrame(at, error_code=code), st.integers(1, 9), st.integers(0, 20)
    ),
    st.builds(lambda last: GoAwayFrame(0, last_stream_id=last), st.integers(0, 9)),
    st.builds(
        lambda at, more: WindowUpdateFrame(at, window_increment=more),
        st.integers(0, 9),
        st.integers(1, 2**31 - 1),
    ),
    st.builds(lambda data: PingFrame(0, data), st.binary(min_size=8, max_size=8)),
    st.builds(
        lambda settings: SettingsFrame(0, settings=settings),
        st.dictionaries(st.integers(1, 8), st.integers(0, 2**32 - 1), max_size=3),
    ),
)
FLAGS = st.sets(st.sampled_from(["END_STREAM", "END_HEADERS", "ACK"]))


def octets(frame, flags):
    if isinstance(frame, bytes):
        return frame
    for flag in flags & {each.name for each in frame.defined_flags}:
        frame.flags.add(flag)
    try:
        return frame.serialize()
    except Exception:  # noqa: BLE001  (what hyperframe does not write is not tried)
        return b""


@given(st.lists(st.tuples(FRAMES, FLAGS), max_size=12))
def test_whatever_a_peer_sends_nothing_breaks_and_nobody_is_left(frames):
    async def play():
        connection, wire = connected()
        exchanges = [begun(connection) for _ in range(4)]
        for frame, flags in frames:
            connection.data_received(octets(frame, flags))
        await asyncio.sleep(0)
        usable = connection.is_usable
        connection.connection_lost(None)
        outcomes = await asyncio.gather(
            *(exchange.answer for exchange in exchanges), return_exceptions=True
        )
        assert connection.is_idle
        assert usable or wire.is_over or frames
        return outcomes

    for outcome in asyncio.run(play()):
        assert not isinstance(outcome, BaseException) or isinstance(
            outcome, PushFailedError | NotProcessedError
        )


async def test_what_is_no_http2_ends_the_connection():
    connection, wire = connected()
    exchange = begun(connection)
    connection.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(PushFailedError, match="protocol"):
        await exchange.answer
    assert wire.is_over


async def test_endless_bodies_are_cut():
    connection, _ = connected()
    exchange = begun(connection)
    head = HeadersFrame(1, status("400"), flags=["END_HEADERS"])
    connection.data_received(head.serialize())
    for _ in range(200):
        connection.data_received(DataFrame(1, b"x" * 1000).serialize())
    connection.data_received(DataFrame(1, b"", flags=["END_STREAM"]).serialize())
    assert len((await exchange.answer).body) == 4096


async def test_an_informational_answer_is_none_yet():
    connection, _ = connected()
    exchange = begun(connection)
    connection.data_received(HeadersFrame(1, status("100"), flags=["END_HEADERS"]).serialize())
    assert not exchange.answer.done()
    end = ["END_HEADERS", "END_STREAM"]
    connection.data_received(HeadersFrame(1, status("200"), flags=end).serialize())
    assert (await exchange.answer).status == 200


async def test_a_peer_that_does_not_read_gets_no_more():
    connection, _ = connected()
    assert connection.room == 100
    connection.pause_writing()
    assert connection.room == 0
    connection.resume_writing()
    assert connection.room == 100


async def test_nothing_begins_before_the_peer_has_told_its_limits():
    connection = Connection(lambda _: None)
    connection.connection_made(Wire())
    assert connection.room == 0


async def test_an_exchange_that_is_given_up_is_reset():
    connection, wire = connected()
    exchange = begun(connection)
    await asyncio.sleep(0)
    before = len(wire.written)
    connection.abandon(exchange)
    await asyncio.sleep(0)
    assert wire.written[before:] == RstStreamFrame(1, error_code=8).serialize()
    connection.abandon(exchange)
    assert connection.room == 100
