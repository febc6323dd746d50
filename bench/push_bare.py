"""The least that hands the same requests to the same services: no deadline, limit or failure."""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast
from urllib.parse import urlencode, urlsplit

import aiohttp
import h2.config
import h2.connection
import h2.events
from cryptography.hazmat.primitives.asymmetric import ec

from bench.push_load import AT_ONCE, Send
from bench.push_services import Phone
from pairing_server.clock import utc_now
from pairing_server.push import Wakeup, fcm_message, webpush_message
from pairing_server.push.aes128gcm import SALT_BYTES, encrypt
from pairing_server.push.apns_message import message_id, payload
from pairing_server.push.provider_token import read_provider_key
from pairing_server.push.service_account import GRANT_TYPE, read_service_account
from pairing_server.push.subscription import read_subscription
from pairing_server.push.vapid import VapidKey
from pairing_server.settings import Settings


def wakeup() -> Wakeup:
    """Return a wake-up as each request has one."""
    expires_at = utc_now() + timedelta(minutes=2)
    return Wakeup(secrets.token_urlsafe(16), expires_at, tag="t" * 22)


class BareH2(asyncio.Protocol):
    """Speaks HTTP/2."""

    def __init__(self) -> None:
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration())
        self.answers: dict[int, asyncio.Future[int]] = {}
        self.settled = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.h2.initiate_connection()
        self.transport.write(self.h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Read answers."""
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.StreamEnded():
                    self.answers.pop(event.stream_id).set_result(0)
                case h2.events.RemoteSettingsChanged():
                    is_many = self.h2.remote_settings.max_concurrent_streams > 1
                    if is_many and not self.settled.done():
                        self.settled.set_result(None)
                case h2.events.DataReceived():
                    self.h2.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
        self.transport.write(self.h2.data_to_send())

    async def post(self, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send one request and wait for its answer."""
        stream_id = self.h2.get_next_available_stream_id()
        self.answers[stream_id] = asyncio.get_running_loop().create_future()
        self.h2.send_headers(stream_id, headers)
        self.h2.send_data(stream_id, body, end_stream=True)
        self.transport.write(self.h2.data_to_send())
        await self.answers[stream_id]


@contextlib.asynccontextmanager
async def bare_apns(settings: Settings, phones: list[Phone]) -> AsyncIterator[Send]:
    """Open one `h2` connection to APNs."""
    url = urlsplit(settings.apns_address)
    tls = _trust(settings)
    tls.set_alpn_protocols(["h2"])
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(BareH2, url.hostname, url.port, ssl=tls)
    file, topic = settings.apns_key_file, settings.apns_topic
    assert file and topic  # noqa: S101, PT018
    key = read_provider_key(file, str(settings.apns_key_id), str(settings.apns_team_id))
    authorization = f"bearer {key.token(utc_now())}"

    async def send(phone: Phone) -> None:
        sent = wakeup()
        headers = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", url.netloc),
            (":path", f"/3/device/{phone.key}"),
            ("authorization", authorization),
            ("apns-topic", topic),
            ("apns-push-type", "alert"),
            ("apns-priority", "10"),
            ("apns-id", message_id(phone.address, sent)),
            ("apns-expiration", str(int(sent.expires_at.timestamp()))),
            ("apns-collapse-id", sent.tag),
        ]
        await client.post(headers, payload(sent))

    await send(phones[-1])
    await client.settled
    try:
        yield send
    finally:
        client.transport.abort()


@contextlib.asynccontextmanager
async def bare_fcm(settings: Settings, _: list[Phone]) -> AsyncIterator[Send]:
    """Open an `aiohttp` session to FCM, with an access token."""
    assert settings.fcm_service_account_file  # noqa: S101
    account = read_service_account(settings.fcm_service_account_file)
    form = {"grant_type": GRANT_TYPE, "assertion": account.assertion(utc_now())}
    url = f"{settings.fcm_url}/v1/projects/{account.project_id}/messages:send"
    async with _session(settings) as session:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        async with session.post(account.token_uri, data=urlencode(form), headers=kind) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

        async def send(phone: Phone) -> None:
            body = fcm_message.message(phone.key, wakeup(), utc_now())
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()

        yield send


@contextlib.asynccontextmanager
async def bare_webpush(settings: Settings, phones: list[Phone]) -> AsyncIterator[Send]:
    """Open an `aiohttp` session to the Web Push service, with messages that are encrypted."""
    key = VapidKey(bytes(32), str(settings.webpush_contact))
    made: dict[str, tuple[dict[str, str], bytes]] = {}
    for phone in phones:
        to, sent = read_subscription(phone.address.address), wakeup()
        fields = webpush_message.headers(sent, utc_now())
        fields["Authorization"] = key.authorization(to.origin, utc_now())
        one_time, salt = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(SALT_BYTES)
        content = webpush_message.content(sent)
        body = encrypt(content, to, one_time, salt, length=webpush_message.PADDED)
        made[phone.key] = fields, body
    async with _session(settings) as session:

        async def send(phone: Phone) -> None:
            fields, body = made[phone.key]
            async with session.post(phone.key, data=body, headers=fields) as answer:
                await answer.read()

        yield send


def _session(settings: Settings) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=AT_ONCE, ssl=_trust(settings))
    return aiohttp.ClientSession(connector=connector)


def _trust(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.push_ca_file)
