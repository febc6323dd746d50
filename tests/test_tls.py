"""The TLS listener for cards: what it speaks, what it forgets, whom it waits for."""

import asyncio
import socket
import ssl
import time

import pytest
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from clients.card_profile import Holder
from pairing_server.settings import SettingsError, UziEnvironment
from pairing_server.tls import (
    CardSite,
    Crowd,
    TlsError,
    card_context,
    make_context,
    one_request,
    shown_certificates,
)
from pairing_server.uzi.trust_setup import read_card_context
from tests.card_tls import ServerCertificate, browser_tls, der
from tests.house import free_port, house_settings

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def server(tmp_path):
    return ServerCertificate(tmp_path)


@pytest.fixture
def card(register):
    return register.card(Holder())


@pytest.fixture
def trusted(register):
    return [register.ca.root.certificate]


@pytest.fixture
def context(server, trusted):
    return card_context(server.certificate, server.key, trusted)


class Shown(asyncio.Protocol):
    """Answers each connection at once, and keeps what it was shown."""

    def __init__(self, seen):
        self.seen = seen

    def connection_made(self, transport):
        tls = transport.get_extra_info("ssl_object")
        self.seen.append((shown_certificates(tls), tls.session_reused, tls.cipher()[0]))
        transport.write(b"!")
        transport.close()


def connect(port, browser, session=None):
    """Connect once; return the session to resume and whether it resumed one."""
    with (
        socket.create_connection(("localhost", port)) as plain,
        browser.wrap_socket(plain, server_hostname="localhost", session=session) as tls,
    ):
        tls.recv(1)
        return tls.session, tls.session_reused


def serve(loop, context, talk):
    """Run `talk(port)` in a thread against a listener with this context; return what it saw."""
    seen = []

    async def run():
        running = asyncio.get_running_loop()
        listener = await running.create_server(lambda: Shown(seen), "127.0.0.1", 0, ssl=context)
        try:
            return await asyncio.to_thread(talk, listener.sockets[0].getsockname()[1])
        finally:
            listener.close()
            await listener.wait_closed()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return seen, runner.run(run())


def twice(browser):
    def talk(port):
        session, _ = connect(port, browser)
        return connect(port, browser, session)[1]

    return talk


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_certificates_are_found_the_own_first(server, context, card, loop, version):
    browser = browser_tls(server, card, version=version)

    seen, _ = serve(loop, context, lambda port: connect(port, browser))

    assert [shown for shown, _, _ in seen] == [
        [der(each) for each in (card.certificate, *card.chain)]
    ]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_browser_without_a_card_shows_nothing(server, context, loop):
    seen, _ = serve(loop, context, lambda port: connect(port, browser_tls(server)))

    assert [shown for shown, _, _ in seen] == [[]]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_is_resumed(server, context, card, loop, version):
    browser = browser_tls(server, card, version=version)

    seen, resumed = serve(loop, context, twice(browser))

    assert not resumed
    assert [reused for _, reused, _ in seen] == [False, False]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_ticket_is_handed_out(server, context, card, version):
    browser = browser_tls(server, card, version=version)

    _, (session, _) = serve("uvloop", context, lambda port: connect(port, browser))

    assert not session.has_ticket


@pytest.mark.parametrize("loop", LOOPS)
def test_one_context_for_all_would_resume_one_without_the_key(server, trusted, card, loop):
    """Why each connection has its own: no ticket is made here, the cache of TLS 1.2 is enough."""
    shared = make_context(server.certificate, server.key, trusted)
    browser = browser_tls(server, card, version=ssl.TLSVersion.TLSv1_2)

    seen, resumed = serve(loop, shared, twice(browser))

    assert resumed
    assert seen[1][0][0] == der(card.certificate)


def test_the_suites_are_the_good_ones(server, trusted):
    context = make_context(server.certificate, server.key, trusted)

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert {each["name"] for each in context.get_ciphers()} == {
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    }
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert not context.post_handshake_auth


def test_a_suite_that_is_only_sufficient_is_not_spoken(server, context):
    browser = browser_tls(server, version=ssl.TLSVersion.TLSv1_2)
    browser.set_ciphers("ECDHE-ECDSA-AES256-SHA384")

    def talk(port):
        with pytest.raises(OSError, match=r"(?i)handshake|reset|EOF"):
            connect(port, browser)

    serve("uvloop", context, talk)


def test_a_renewed_certificate_counts_from_the_next_connection_on(server, context, tmp_path):
    def talk(port):
        connect(port, browser_tls(server))
        renewed = ServerCertificate(tmp_path)
        connect(port, browser_tls(renewed))

    seen, _ = serve("uvloop", context, talk)
    assert len(seen) == 2


def test_files_that_do_not_fit_close_connections_until_they_do(server, context, tmp_path):
    def talk(port):
        kept = server.key.read_bytes()
        server.key.write_bytes(b"")
        with capture_logs() as logged, pytest.raises(OSError, match=r"."):
            connect(port, browser_tls(server))
        server.key.write_bytes(kept)
        connect(port, browser_tls(server))
        return logged

    seen, logged = serve("uvloop", context, talk)
    assert len(seen) == 1
    assert [line["event"] for line in logged] == ["no TLS"]


@pytest.mark.parametrize("wrong", ["gone", "empty", "another"])
def test_a_certificate_without_its_key_is_told_at_start(server, trusted, tmp_path, wrong):
    other = tmp_path / "other"
    other.mkdir()
    match wrong:
        case "gone":
            server.key.unlink()
        case "empty":
            server.key.write_bytes(b"")
        case "another":
            server.key.write_bytes(ServerCertificate(other).key.read_bytes())

    with pytest.raises(TlsError, match="no certificate with its key"):
        card_context(server.certificate, server.key, trusted)


def test_a_key_under_a_password_is_told_at_start_and_asks_no_terminal(server, trusted):
    key = serialization.load_pem_private_key(server.key.read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    server.key.write_bytes(key.private_bytes(*form, secret))

    with pytest.raises(TlsError, match="the key is encrypted"):
        card_context(server.certificate, server.key, trusted)


async def test_who_is_silent_is_not_waited_for(server, context):
    app = web.Application(middlewares=[one_request])
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    site = CardSite(runner, "127.0.0.1", 0, context, patience=0.3)
    await site.start()
    try:
        port = site._server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "localhost", port, ssl=browser_tls(server), server_hostname="localhost"
        )
        started = time.monotonic()
        writer.write(b"POST /uzi/mtls HTTP/1.1\r\n")
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
    finally:
        await runner.cleanup()

    assert time.monotonic() - started < 5
    assert site.name == "https://127.0.0.1:0"


def is_heard(port):
    """Whether a connection is still open after the server has seen it."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(0.5)
        try:
            return plain.recv(1) != b""
        except TimeoutError:
            return True
        except ConnectionError:
            return False


def test_the_silent_take_no_more_than_their_room(server, trusted):
    context = card_context(server.certificate, server.key, trusted, Crowd(at_once=3))

    def talk(port):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        refused = [is_heard(port) for _ in range(5)]
        for each in silent:
            each.close()
        return refused

    with capture_logs() as logs:
        seen, refused = serve("uvloop", context, talk)

    assert (seen, refused) == ([], [False] * 5)
    assert logs == []  # A stranger writes no log.


def test_who_leaves_makes_room(server, trusted):
    context = card_context(server.certificate, server.key, trusted, Crowd(at_once=1))

    seen, _ = serve(
        "uvloop", context, lambda port: [connect(port, browser_tls(server)) for _ in range(4)]
    )

    assert len(seen) == 4


def test_who_comes_and_goes_too_often_is_not_heard(server, trusted):
    context = card_context(server.certificate, server.key, trusted, Crowd(per_second=3))

    def talk(port):
        for _ in range(3):
            socket.create_connection(("127.0.0.1", port)).close()
        refused = is_heard(port)
        time.sleep(1.1)
        return refused, connect(port, browser_tls(server))

    seen, (heard, _) = serve("uvloop", context, talk)

    assert not heard
    assert len(seen) == 1


def test_for_whom_there_is_no_room_nothing_is_made(server, trusted):
    context = card_context(server.certificate, server.key, trusted, Crowd(at_once=0))
    made = []

    class Counting(web.AppRunner):
        async def _make_server(self):
            server = await super()._make_server()
            return lambda: made.append(server())

    async def run():
        runner = Counting(web.Application(), handle_signals=False)
        await runner.setup()
        site = CardSite(runner, "127.0.0.1", 0, context)
        await site.start()
        try:
            port = site._server.sockets[0].getsockname()[1]
            return await asyncio.to_thread(is_heard, port)
        finally:
            await site.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert not runner.run(run())
    assert made == []


def configured(register, server, tmp_path, **overrides):
    return house_settings(
        register,
        tmp_path,
        tls_certificate_file=server.certificate,
        tls_key_file=server.key,
        mtls_port=free_port(),
        **overrides,
    )


def test_without_a_certificate_there_is_no_listener(register, tmp_path):
    assert read_card_context(house_settings(register, tmp_path)) is None


def test_issuers_that_cannot_be_read_are_told_at_start(register, server, tmp_path):
    for name, content in (("gone.pem", None), ("wrong.pem", b"x")):
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(
            SettingsError, match=f"PAIRING_UZI_ISSUERS: .*{name} is no certificate"
        ):
            read_card_context(configured(register, server, tmp_path, uzi_issuers=(file,)))


def test_a_listener_without_an_anchors_certificate_is_told_at_start(register, server, tmp_path):
    settings = configured(register, server, tmp_path).model_copy(
        update={"uzi_environment": UziEnvironment.PRODUCTION, "uzi_anchors": ()}
    )

    with pytest.raises(SettingsError, match="needs an anchor's certificate"):
        read_card_context(settings)
