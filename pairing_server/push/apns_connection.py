"""One HTTP/2 connection to APNs: its streams, its windows, its end."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import structlog

from pairing_server.push import PushFailedError
from pairing_server.push.apns_answers import VERDICTS
from pairing_server.push.apns_exchange import Exchange, NotProcessedError
from pairing_server.push.failure import Failure
from pairing_server.push.goaway import GoAway, Strainer
from pairing_server.push.header_block import Blocks
from pairing_server.push.pulse import Pulse

#: However many a peer allows: `h2` counts all of them for each new one.
MOST_STREAMS = 100
#: The highest number of a stream is 2^31; the next connection begins anew long before.
LAST_STREAM_ID = 1 << 24
#: How long a peer may take to say that it, too, has closed.
GOODBYE_SECONDS = 0.5

_CANCEL = h2.errors.ErrorCodes.CANCEL
_REFUSED = h2.errors.ErrorCodes.REFUSED_STREAM
_log = structlog.get_logger("push")
# At DEBUG it writes every header out: addresses, and the provider's token.
logging.getLogger("hpack").setLevel(logging.INFO)


class Connection(asyncio.Protocol):
    """Carries requests once the peer's first SETTINGS are there.

    Args:
        changed: Is called when there may be room for a request, and when there never will be.
    """

    def __init__(self, changed: Callable[["Connection"], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                # Ours are what they are; of theirs, only what is known is read at all.
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
            )
        )
        self._blocks = Blocks()
        self._h2.encoder = cast("Any", self._blocks)
        self._strainer = Strainer()
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, Exchange] = {}
        self._ids: dict[Exchange, int] = {}
        self._is_writable = True
        self._is_flushing = False
        self._is_draining = False
        self._pulse = Pulse(self._ping, self._lose)
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self._lost = asyncio.Event()
        self._made_at = self._loop.time()
        self.is_closed = False
        self.has_served = False

    @property
    def room(self) -> int:
        """How many requests may begin now."""
        if self.is_closed or self._is_draining or not self._is_writable or not self.ready.done():
            return 0
        allowed = min(self._h2.remote_settings.max_concurrent_streams, MOST_STREAMS)
        return max(0, allowed - len(self._streams))

    @property
    def is_usable(self) -> bool:
        """Whether requests may begin, now or when others have ended."""
        return not (self.is_closed or self._is_draining)

    @property
    def age(self) -> float:
        """For how many seconds it has been there."""
        return self._loop.time() - self._made_at

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._streams

    def start(self, exchange: Exchange) -> None:
        """Begin a request; there must be room."""
        stream_id = self._h2.get_next_available_stream_id()
        self._streams[stream_id] = exchange
        self._ids[exchange] = stream_id
        self._blocks.next = exchange.block
        self._h2.send_headers(stream_id, ())
        self._send_body(stream_id, exchange)
        self._flush_soon()
        if stream_id >= LAST_STREAM_ID:
            self._is_draining = True

    def abandon(self, exchange: Exchange) -> None:
        """End a request that nobody waits for; the peer hears it, so that its slot is free."""
        stream_id = self._ids.pop(exchange, None)
        if stream_id is None:
            return
        del self._streams[stream_id]
        if not self.is_closed:
            self._reset(stream_id)
            self._ended()

    def doubt(self) -> None:
        """Ask whether the connection lives: an answer has not come in time."""
        self._pulse.doubt()

    def close(self, failure: Failure = Failure.DISCONNECTED) -> None:
        """End the connection and all that is under way on it."""
        if self._transport is not None and not self.is_closed:
            if self._h2.state_machine.state is not h2.connection.ConnectionState.CLOSED:
                self._h2.close_connection()
            self._flush()
            self._transport.close()
        self._end(failure)

    async def closed(self) -> None:
        """Wait, not for long, until a connection that was closed is gone."""
        if self._transport is None:
            return
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._lost.wait()
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to speak HTTP/2 (asyncio)."""
        # uvloop's are of no class of asyncio.
        self._transport = cast("asyncio.Transport", transport)
        self._h2.local_settings = h2.settings.Settings(
            client=True, initial_values={h2.settings.SettingCodes.ENABLE_PUSH: 0}
        )
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Hear the peer (asyncio)."""
        if self.is_closed:
            return
        self._pulse.heard()
        try:
            kept, goaways = self._strainer.strain(data)
            for event in self._h2.receive_data(kept) if kept else ():
                self._on(event)
        except (h2.exceptions.ProtocolError, ValueError):
            self.close(Failure.PROTOCOL)
            return
        for goaway in goaways:
            self._on_goaway(goaway)
        self._flush()
        self._ended()

    def eof_received(self) -> bool:
        """Close when the peer does (asyncio)."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that there is no connection any more (asyncio)."""
        _ = exc
        self._end(Failure.DISCONNECTED)
        self._lost.set()

    def pause_writing(self) -> None:
        """Take no more: the peer does not read (asyncio)."""
        self._is_writable = False

    def resume_writing(self) -> None:
        """Take more (asyncio)."""
        self._is_writable = True
        self._changed(self)

    def _on(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                if exchange := self._streams.get(event.stream_id):
                    exchange.begin_answer(event.headers)
            case h2.events.DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if exchange := self._streams.get(event.stream_id):
                    exchange.add(event.data)
            case h2.events.StreamEnded():
                self._on_answer(event.stream_id)
            case h2.events.StreamReset():
                self._on_reset(event)
            case h2.events.RemoteSettingsChanged():
                if not self.ready.done():
                    self.ready.set_result(None)
                    self._pulse.start()
                self._send_bodies()
            case h2.events.WindowUpdated():
                self._send_bodies()

    def _on_answer(self, stream_id: int) -> None:
        exchange = self._take(stream_id)
        if exchange is not None:
            self.has_served = True
            exchange.end_answer()
            if exchange.unsent:
                self._reset(stream_id)

    def _on_reset(self, event: h2.events.StreamReset) -> None:
        exchange = self._take(event.stream_id)
        if exchange is not None:
            exchange.fail(NotProcessedError() if event.error_code == _REFUSED else disconnected())

    def _on_goaway(self, goaway: GoAway) -> None:
        _log.info(
            "connection ends",
            service="apns",
            error_code=goaway.error_code,
            reason=goaway.reason if goaway.reason in VERDICTS else "",
        )
        self._is_draining = True
        for stream_id in [each for each in self._streams if each > goaway.last_stream_id]:
            exchange = self._take(stream_id)
            if exchange is not None:
                self._reset(stream_id)
                exchange.fail(NotProcessedError())

    def _take(self, stream_id: int) -> Exchange | None:
        exchange = self._streams.pop(stream_id, None)
        if exchange is not None:
            del self._ids[exchange]
        return exchange

    def _reset(self, stream_id: int) -> None:
        try:
            self._h2.reset_stream(stream_id, _CANCEL)
        except h2.exceptions.NoSuchStreamError:
            return
        self._flush_soon()

    def _send_bodies(self) -> None:
        for stream_id, exchange in self._streams.items():
            if exchange.unsent:
                self._send_body(stream_id, exchange)

    def _send_body(self, stream_id: int, exchange: Exchange) -> None:
        """Send as much of a body as the windows let through."""
        try:
            while (size := self._window(stream_id, exchange)) > 0:
                part, exchange.unsent = exchange.unsent[:size], exchange.unsent[size:]
                self._h2.send_data(stream_id, part, end_stream=not exchange.unsent)
                self._flush_soon()
        except h2.exceptions.NoSuchStreamError:
            # `h2` has read on: that the peer ended the stream is the next event.
            return

    def _window(self, stream_id: int, exchange: Exchange) -> int:
        window = self._h2.local_flow_control_window(stream_id)
        return min(window, self._h2.max_outbound_frame_size, len(exchange.unsent))

    def _ended(self) -> None:
        """Look, when requests have ended, whether that was all."""
        if self._is_draining and not self._streams:
            self.close()
        else:
            self._changed(self)

    def _ping(self) -> None:
        self._h2.ping(b"pairing!")
        self._flush()

    def _lose(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._end(Failure.DISCONNECTED)

    def _flush_soon(self) -> None:
        """Write at the end of this turn of the loop what all sends in it have made."""
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _end(self, failure: Failure) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self._pulse.stop()
        if not self.ready.done():
            self.ready.set_exception(PushFailedError(failure, retriable=True))
            self.ready.exception()  # Whoever dialled may have given up.
        exchanges = list(self._streams.values())
        self._streams.clear()
        self._ids.clear()
        for exchange in exchanges:
            exchange.fail(PushFailedError(failure, retriable=True))
        self._changed(self)


def disconnected() -> PushFailedError:
    """Return the error of a request of which nobody knows what has become."""
    return PushFailedError(Failure.DISCONNECTED, retriable=True)
