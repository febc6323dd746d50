"""The loopback APNs, spoken to by a client that is not ours: bare `h2`."""

import asyncio
import contextlib
import json
import ssl
from datetime import UTC, datetime

import h2.config
import h2.connection
import h2.events
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clients.push_simulator import Answer, Fault
from clients.push_simulator.apns import ApnsSimulator
from clients.push_simulator.apns_request import Provider
from clients.push_simulator.authority import LoopbackAuthority

KEY = ec.generate_private_key(ec.SECP256R1())
TOPIC = "nl.example.login"


class Client:
    """Sends one request after the other, and keeps the events."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events = []
        claims = {"iss": "TEAM123456", "iat": int(datetime.now(UTC).timestamp())}
        self.token = jwt.encode(claims, KEY, "ES256", {"kid": "ABC123DEFG"})

    async def post(self, token, **changes):
        headers = {
            ":method": "POST",
            ":scheme": "https",
            ":authority": "localhost",
            ":path": f"/3/device/{token}",
            "authorization": f"bearer {self.token}",
            "apns-topic": TOPIC,
            "apns-push-type": "alert",
            "apns-id": "0d4688d5-802c-4d4d-af51-b71040bc9a39",
        } | {name.replace("_", "-"): value for name, value in changes.items()}
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, list(headers.items()))
        self.h2.send_data(stream_id, b'{"aps":{"alert":"x"}}', end_stream=True)
        self.writer.write(self.h2.data_to_send())
        return await self.answer()

    async def answer(self):
        ends = (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)
        status, body = None, b""
        while data := await self.reader.read(65536):
            self.events = self.h2.receive_data(data)
            self.writer.write(self.h2.data_to_send())
            for event in self.events:
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[":status"])
                if isinstance(event, h2.events.DataReceived):
                    body += event.data
            if any(isinstance(event, ends) for event in self.events):
                return status, json.loads(body) if body else None
        return "closed", None


@pytest.fixture
async def service():
    authority = LoopbackAuthority.create()
    provider = Provider("TEAM123456", {"ABC123DEFG": KEY.public_key()}, frozenset({TOPIC}))
    async with ApnsSimulator(provider, authority.context(("h2",))) as running:
        running.authority = authority
        yield running


@pytest.fixture
async def client(service):
    context = ssl.create_default_context(cadata=service.authority.pem.decode())
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("localhost", service.port, ssl=context)
    yield Client(reader, writer)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_a_good_push_is_taken_and_kept(service, client):
    assert await client.post("ab" * 32) == (200, None)
    (arrival,) = service.journal.arrivals
    assert (arrival.address, arrival.is_taken) == ("ab" * 32, True)
    assert "authorization" not in arrival.headers


async def test_one_stream_until_a_token_is_believed(client):
    await client.post("ab" * 32, authorization="bearer x")
    assert client.h2.remote_settings.max_concurrent_streams == 1
    await client.post("ab" * 32)
    assert client.h2.remote_settings.max_concurrent_streams == 1000


async def test_a_phone_that_is_not_there_has_a_bad_token(service, client):
    service.phones = {"cd" * 32}
    assert await client.post("ab" * 32) == (400, {"reason": "BadDeviceToken"})
    assert await client.post("CD" * 32) == (200, None)


async def test_a_token_that_is_not_believed_is_answered_before_all_else(client):
    answer = await client.post("xyz", authorization="bearer x", apns_topic="other")
    assert answer == (403, {"reason": "InvalidProviderToken"})


async def test_what_is_wrong_with_a_request_is_answered(client):
    assert await client.post("ab" * 32, apns_id="x") == (400, {"reason": "BadMessageId"})


async def test_on_demand_it_answers_anything(service, client):
    service.journal.behaviours["ab" * 32] = Answer(
        503, b'{"reason": "Shutdown"}', {"retry-after": "9"}
    )
    assert await client.post("ab" * 32) == (503, {"reason": "Shutdown"})
    assert await client.post("cd" * 32) == (200, None)


async def test_on_demand_it_resets_the_stream(service, client):
    service.journal.behaviours["ab" * 32] = Fault.RESET
    await client.post("ab" * 32)
    assert isinstance(client.events[-1], h2.events.StreamReset)
    assert await client.post("cd" * 32) == (200, None)


async def test_on_demand_it_refuses_the_stream(service, client):
    service.refuse_next = 1
    await client.post("ab" * 32)
    assert client.events[-1].error_code == 7
    assert list(service.journal.arrivals) == []


async def test_on_demand_it_says_goodbye_and_closes(service, client):
    service.journal.behaviours["ab" * 32] = Fault.CLOSE
    await client.post("ab" * 32)
    (ended,) = [each for each in client.events if isinstance(each, h2.events.ConnectionTerminated)]
    assert (ended.last_stream_id, ended.additional_data) == (1, b'{"reason":"Shutdown"}')


async def test_on_demand_it_is_silent(service, client):
    service.journal.behaviours["ab" * 32] = Fault.SILENCE
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.post("ab" * 32)
    assert [arrival.is_taken for arrival in service.journal.arrivals] == [False]


async def test_whoever_listens_hears_of_each_arrival(service, client):
    heard = []
    service.journal.listener = heard.append
    await client.post("ab" * 32)
    assert heard == list(service.journal.arrivals)


async def test_what_is_no_http2_is_hung_up_on(service, client):
    client.writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(10):
        while await client.reader.read(65536):
            pass


async def test_it_stops_and_starts_again_where_it_was(service):
    before = service.url
    service.stop()
    await service.start()
    assert service.url == before


async def test_a_client_that_mints_a_token_for_each_push_is_told(client):
    assert (await client.post("ab" * 32))[0] == 200
    client.token = jwt.encode(
        {"iss": "TEAM123456", "iat": int(datetime.now(UTC).timestamp()) - 60},
        KEY,
        "ES256",
        {"kid": "ABC123DEFG"},
    )
    assert await client.post("ab" * 32) == (429, {"reason": "TooManyProviderTokenUpdates"})
