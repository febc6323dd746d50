"""APNs on loopback: HTTP/2 over TLS, with all of its answers and all that can go wrong.

It begins as the real one does: one stream for each connection until it has seen a token that it
believes.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from clients.push_simulator import Answer, Arrival, Behaviour, Fault, Journal
from clients.push_simulator.apns_reasons import refusal
from clients.push_simulator.apns_request import (
    Presented,
    Provider,
    device_token,
    request_fault,
    token_fault,
)

OK = 200
#: To be reset by.
_BY_FAULT = h2.errors.ErrorCodes.INTERNAL_ERROR
_NEVER_SHOWN = frozenset({"authorization"})


@dataclass(frozen=True, slots=True)
class Rules:
    """How a service treats its connections.

    Attributes:
        most_streams: Once a token is believed; `first_streams` before that.
        window: How much of a request's body may come before it is let through.
        is_strict: Whether headers are held to RFC 9113, which takes most of the time.
    """

    most_streams: int = 1000
    first_streams: int = 1
    window: int = 65_535
    is_strict: bool = True


@dataclass(slots=True)
class _Stream:
    headers: Mapping[str, str]
    body: bytearray = field(default_factory=bytearray)


class ApnsSimulator:
    """The service: starts on entering, and has a port then."""

    def __init__(
        self, provider: Provider, tls: ssl.SSLContext, rules: Rules | None = None
    ) -> None:
        self.provider = provider
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.journal = Journal()
        self.rules = rules or Rules()
        self.connections: list[ApnsConnection] = []
        #: The tokens of phones that there are; without them, every token is one.
        self.phones: set[str] | None = None
        #: Answers everything with this, whatever the token.
        self.answer_all: Answer | None = None
        #: Answers with this as soon as the headers are there.
        self.answer_early: Answer | None = None
        #: Closes each connection as it comes.
        self.drops_at_once = False
        #: Refuses the next requests without looking at them.
        self.refuse_next = 0
        #: Connections that were ever made.
        self.dialled = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"https://localhost:{self.port}"

    async def __aenter__(self) -> Self:
        """Listen on a free port of loopback."""
        await self.start()
        return self

    async def start(self) -> None:
        """Listen, again on the same port after `stop`."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: ApnsConnection(self), "127.0.0.1", self._port, ssl=self._tls
        )
        self._port = int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more, and drop every connection."""
        _ = kind, error, trace
        self.stop()
        while self.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    def stop(self) -> None:
        """Listen no more, and drop every connection; the port stays known."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.drop()

    def judge(
        self, headers: Mapping[str, str], body: bytes, presented: Presented
    ) -> tuple[Behaviour, bool]:
        """Return what is done with a request, and whether its token was believed."""
        fault = token_fault(headers, self.provider, presented, self.clock())
        if fault is not None:
            return refusal(fault), False
        if self.answer_all is not None:
            return self.answer_all, True
        fault = request_fault(headers, body, self.provider)
        if fault is not None:
            return refusal(fault), True
        token = device_token(headers)
        is_known = self.phones is None or token in self.phones
        answer = Answer(OK) if is_known else refusal("BadDeviceToken")
        return self.journal.behaviours.get(token, answer), True


class ApnsConnection(asyncio.Protocol):
    """One connection of a provider."""

    def __init__(self, service: ApnsSimulator) -> None:
        self._service = service
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=False,
                header_encoding="utf-8",
                validate_inbound_headers=service.rules.is_strict,
            )
        )
        self._streams: dict[int, _Stream] = {}
        self._presented = Presented()
        self._is_believed = False
        self._transport: asyncio.Transport
        #: Reads, and answers nothing, not even a PING.
        self.is_deaf = False
        #: Answers that are held back, by stream.
        self.held: dict[int, Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell how many streams there may be (asyncio)."""
        self._transport = cast("asyncio.Transport", transport)
        self._service.connections.append(self)
        self._service.dialled += 1
        if self._service.drops_at_once:
            self.drop()
        rules = self._service.rules
        # In force from the first frame on: before the provider acknowledges it, as well.
        self._h2.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = rules.first_streams
        self._h2.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = rules.window
        self._h2.local_settings.acknowledge()
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it (asyncio)."""
        _ = exc
        self._service.connections.remove(self)

    def data_received(self, data: bytes) -> None:
        """Read requests (asyncio)."""
        if self.is_deaf:
            return
        try:
            for event in self._h2.receive_data(data):
                self._on(event)
        except h2.exceptions.ProtocolError:
            self._flush()
            self._transport.close()
            return
        self._flush()

    def go_away(self, last_stream_id: int, debug: bytes = b'{"reason":"Shutdown"}') -> None:
        """Take no streams above that one, and finish the others.

        `h2` itself can finish none after a GOAWAY.
        """
        frame = GoAwayFrame(0, last_stream_id=last_stream_id, additional_data=debug)
        self._flush()
        self._transport.write(frame.serialize())

    def release(self) -> None:
        """Give the answers that were held back."""
        held, self.held = self.held or {}, None
        for stream_id, answer in held.items():
            self._answer(stream_id, answer)
        self._flush()

    def allow(self, streams: int) -> None:
        """Change how many streams there may be."""
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        self._flush()

    def drop(self) -> None:
        """Close the connection without a word."""
        self._transport.abort()

    def _on(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                headers = cast("list[tuple[str, str]]", event.headers)
                self._streams[event.stream_id] = _Stream(dict(headers))
                if self._service.answer_early is not None:
                    self._answer(event.stream_id, self._service.answer_early)
            case h2.events.DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if stream := self._streams.get(event.stream_id):
                    stream.body += event.data
            case h2.events.StreamReset():
                self._streams.pop(event.stream_id, None)
                if self.held is not None:
                    self.held.pop(event.stream_id, None)
            case h2.events.StreamEnded():
                if stream := self._streams.pop(event.stream_id, None):
                    with contextlib.suppress(h2.exceptions.StreamClosedError):
                        # Given up in the same breath.
                        self._on_request(event.stream_id, stream)

    def _on_request(self, stream_id: int, stream: _Stream) -> None:
        if self._service.refuse_next:
            self._service.refuse_next -= 1
            self._h2.reset_stream(stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        body = bytes(stream.body)
        behaviour, is_believed = self._service.judge(stream.headers, body, self._presented)
        if is_believed and not self._is_believed:
            self._is_believed = True
            self.allow(self._service.rules.most_streams)
        self._note(stream.headers, body, behaviour)
        match behaviour:
            case Answer():
                self._answer(stream_id, behaviour, stream.headers.get("apns-id", ""))
            case Fault.RESET:
                self._h2.reset_stream(stream_id, _BY_FAULT)
            case Fault.CLOSE:
                self.go_away(stream_id)
                self._transport.close()
            case Fault.SILENCE:
                pass

    def _note(self, headers: Mapping[str, str], body: bytes, behaviour: Behaviour) -> None:
        shown = {name: value for name, value in headers.items() if name not in _NEVER_SHOWN}
        is_taken = isinstance(behaviour, Answer) and behaviour.status == OK
        arrival = Arrival("apns", device_token(headers), shown, body, is_taken)
        self._service.journal.note(arrival)

    def _answer(self, stream_id: int, answer: Answer, apns_id: str = "") -> None:
        if self.held is not None:
            self.held[stream_id] = answer
            return
        headers = [(":status", str(answer.status)), *answer.headers.items()]
        if apns_id:
            headers.append(("apns-id", apns_id))
        self._h2.send_headers(stream_id, headers, end_stream=not answer.body)
        if answer.body:
            self._h2.send_data(stream_id, answer.body, end_stream=True)

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._transport.write(data)
