"""Calls out, to real servers on loopback: what is let out, and what of an answer is let in."""

import asyncio
import base64
import contextlib
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pairing_server.destination import AllowList, EgressError, Reason
from pairing_server.egress import Call, Egress

LOOPBACK = ip_network("127.0.0.0/8")
SOON = timedelta(seconds=20)
LIMIT = 1000
SECRET = "s3cret"
LOOPBACK_HOSTS = pytest.mark.allow_hosts([f"127.0.0.{last}" for last in range(1, 5)])


class Names:
    """A name server: answers in turn, the last answer for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host):
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def serve():
    """Start servers on loopback: a handler in, its port out."""
    async with contextlib.AsyncExitStack() as stack:

        async def serve(handler, host="127.0.0.1", tls=None):
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, 0, ssl_context=tls).start()
            return runner.addresses[0][1]

        yield serve


@pytest.fixture
async def serve_raw():
    """Start a server that speaks what a test says."""
    async with contextlib.AsyncExitStack() as stack:

        async def serve_raw(talk):
            async def handle(reader, writer):
                with contextlib.suppress(EOFError, ConnectionError, asyncio.CancelledError):
                    await talk(reader, writer)
                writer.close()

            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            stack.callback(server.close)
            return server.sockets[0].getsockname()[1]

        yield serve_raw


def call(port, host="crl.test", path="/list.crl", **changes):
    changes.setdefault("limit", LIMIT)
    changes.setdefault("deadline", SOON)
    return Call(f"http://{host}:{port}{path}", **changes)


def allowing(port, host="crl.test"):
    return AllowList.of([f"{host}:{port}"], plain_http=True)


def egress_to(*addresses, inside=(LOOPBACK,), **options):
    return Egress(inside, resolve=Names(addresses or ("127.0.0.1",)), **options)


async def refusal(egress, port, **changes):
    with pytest.raises(EgressError) as refused:
        await egress.send(call(port, **changes), allowing(port))
    error = refused.value
    # Nothing of the URL, nothing of the answer, not even as the cause.
    assert error.args == (error.reason.value,)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error.reason


async def hello(request):
    return web.Response(body=b"hello", content_type="application/pkix-crl")


async def test_an_answer_comes_back(serve):
    port = await serve(hello)

    answer = await egress_to().send(call(port), allowing(port))

    assert (answer.status, answer.media_type, answer.body) == (
        200,
        "application/pkix-crl",
        b"hello",
    )


async def test_a_body_is_sent_and_nothing_of_ours_is_told(serve):
    seen = []

    async def keep(request):
        seen.append((request.method, await request.read(), dict(request.headers)))
        return web.Response()

    port = await serve(keep)
    headers = {"Content-Type": "application/ocsp-request"}
    await egress_to().send(call(port, method="POST", body=b"ask", headers=headers), allowing(port))

    method, body, told = seen[0]
    assert (method, body) == ("POST", b"ask")
    assert told["Accept-Encoding"] == "identity"
    assert told["Host"] == f"crl.test:{port}"
    assert not {"User-Agent", "Cookie", "Authorization"} & set(told)


async def test_a_host_that_is_not_listed_is_not_even_resolved(serve):
    port = await serve(hello)
    names = Names(["127.0.0.1"])

    with pytest.raises(EgressError) as refused:
        await Egress([LOOPBACK], resolve=names).send(call(port), allowing(port, "other.test"))

    assert refused.value.reason is Reason.HOST
    assert names.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1%lo",
        "fd00::1",
    ],
)
async def test_a_name_of_an_inside_address_is_not_called(serve, address):
    port = await serve(hello)

    assert await refusal(egress_to(address, inside=()), port) is Reason.ADDRESS


async def test_one_inside_address_among_public_ones_is_enough(serve):
    port = await serve(hello)
    egress = egress_to("93.184.216.34", "127.0.0.1", inside=())

    assert await refusal(egress, port) is Reason.ADDRESS


async def test_an_inside_network_that_is_named_may_be_called_and_no_other(serve):
    port = await serve(hello)

    assert await refusal(egress_to(inside=[ip_network("10.0.0.0/8")]), port) is Reason.ADDRESS
    assert (await egress_to().send(call(port), allowing(port))).body == b"hello"


async def test_a_network_of_ipv4_lets_no_mapped_address_through(serve):
    port = await serve(hello)

    assert await refusal(egress_to("::ffff:127.0.0.1"), port) is Reason.ADDRESS


async def test_an_address_on_a_link_of_this_machine_is_not_called(serve):
    port = await serve(hello)
    egress = egress_to("fe80::1%lo", inside=[ip_network("fe80::/10")])

    assert await refusal(egress, port) is Reason.ADDRESS


@LOOPBACK_HOSTS
async def test_a_name_that_changes_its_mind_is_asked_once(serve):
    """DNS rebinding: the first answer is checked, the second would be connected to."""
    port = await serve(hello, "127.0.0.2")
    while is_served(port):  # By another test that runs at the same time.
        port = await serve(hello, "127.0.0.2")
    names = Names(["127.0.0.2"], ["127.0.0.1"])

    answer = await Egress([LOOPBACK], resolve=names).send(call(port), allowing(port))

    assert (answer.body, names.asked) == (b"hello", ["crl.test"])


def is_served(port):
    """Whether somebody answers on that port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@LOOPBACK_HOSTS
async def test_only_the_checked_address_is_connected_to(serve):
    """`localhost` is 127.0.0.1 to everybody but the resolver that was handed in."""
    port = await serve(hello, "127.0.0.3")
    allowed = allowing(port, "localhost")
    to = call(port, "localhost")

    assert (await egress_to("127.0.0.3").send(to, allowed)).body == b"hello"
    with pytest.raises(EgressError) as refused:
        await egress_to("127.0.0.4").send(to, allowed)

    assert refused.value.reason is Reason.UNREACHABLE


@pytest.mark.parametrize("answer", [OSError("no such name"), (), ("nonsense",), UnicodeError()])
async def test_a_name_that_does_not_resolve(serve, answer):
    port = await serve(hello)
    egress = Egress([LOOPBACK], resolve=Names(answer))

    assert await refusal(egress, port) is Reason.UNRESOLVED


async def test_a_name_server_that_hangs_costs_the_deadline(serve):
    port = await serve(hello)

    async def hang(_):
        await asyncio.sleep(60)

    egress = Egress([LOOPBACK], resolve=hang)

    assert await refusal(egress, port, deadline=timedelta(seconds=0.1)) is Reason.TIMEOUT


async def test_the_system_resolves(serve):
    port = await serve(hello)
    egress = Egress([LOOPBACK, ip_network("::1/128")])

    answer = await egress.send(call(port, "localhost"), allowing(port, "localhost"))
    egress.close()

    assert answer.body == b"hello"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(serve, status):
    asked = []

    async def redirect(request):
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/inside"})

    port = await serve(redirect)

    assert await refusal(egress_to(), port) is Reason.REDIRECT
    assert asked == ["/list.crl"]


async def test_no_cookie_is_kept(serve):
    seen = []

    async def cookies(request):
        seen.append(dict(request.cookies))
        response = web.Response()
        response.set_cookie("a", "b")
        return response

    port = await serve(cookies)
    egress = egress_to()
    for _ in range(2):
        await egress.send(call(port), allowing(port))

    assert seen == [{}, {}]


async def test_the_environment_is_not_asked(serve, monkeypatch, tmp_path):
    port = await serve(hello)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine crl.test login me password secret\n")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", os.fspath(netrc))

    assert (await egress_to().send(call(port), allowing(port))).body == b"hello"


async def test_a_body_up_to_the_limit_is_taken(serve):
    async def exact(request):
        return web.Response(body=bytes(LIMIT))

    port = await serve(exact)

    assert len((await egress_to().send(call(port), allowing(port))).body) == LIMIT


async def test_a_body_that_announces_too_much_is_not_read(serve_raw):
    async def announce(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1))
        await asyncio.sleep(60)

    port = await serve_raw(announce)

    assert await refusal(egress_to(), port) is Reason.TOO_LARGE


async def test_a_body_that_never_ends_is_cut(serve):
    sent = []

    async def endless(request):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(65536))
                sent.append(65536)
        return response

    port = await serve(endless)

    assert await refusal(egress_to(), port) is Reason.TOO_LARGE


async def test_a_compressed_body_is_not_unpacked(serve):
    async def bomb(request):
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    port = await serve(bomb)

    assert await refusal(egress_to(), port) is Reason.ENCODED


async def test_dribbled_bytes_do_not_stretch_the_deadline(serve):
    async def dribble(request):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await response.write(b"x")
                await asyncio.sleep(0.02)
        return response

    port = await serve(dribble)

    assert await refusal(egress_to(), port, deadline=timedelta(seconds=0.3)) is Reason.TIMEOUT


async def test_silence_costs_the_deadline(serve_raw):
    async def silence(reader, writer):
        await asyncio.sleep(60)

    port = await serve_raw(silence)

    assert await refusal(egress_to(), port, deadline=timedelta(seconds=0.1)) is Reason.TIMEOUT


async def test_a_port_where_nobody_listens(serve):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    assert await refusal(egress_to(), port) is Reason.UNREACHABLE


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
async def test_a_connection_that_breaks_off(serve_raw, said):
    async def break_off(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)

    port = await serve_raw(break_off)

    assert await refusal(egress_to(), port) in (Reason.UNREACHABLE, Reason.PROTOCOL)


async def test_what_is_no_http(serve_raw):
    async def nonsense(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.inside ESMTP " + SECRET.encode() + b"\r\n\r\n")

    port = await serve_raw(nonsense)

    assert await refusal(egress_to(), port) is Reason.PROTOCOL


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory):
    """Make a certificate of `crl.test`, and contexts of both sides."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "crl.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("crl.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        certificate
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=certificate.decode())


async def test_tls_is_verified_by_the_name_that_was_called(serve, server_tls):
    server, client = server_tls
    port = await serve(hello, tls=server)
    allowed = AllowList.of([f"crl.test:{port}", f"other.test:{port}"])

    async def ask(host, **options):
        to = Call(f"https://{host}:{port}/", limit=LIMIT, deadline=SOON)
        return await egress_to(**options).send(to, allowed)

    assert (await ask("crl.test", tls=client)).body == b"hello"
    for host, options in (("other.test", {"tls": client}), ("crl.test", {})):
        with pytest.raises(EgressError) as refused:
            await ask(host, **options)
        assert refused.value.reason is Reason.TLS


@pytest.fixture
async def proxy(serve_raw):
    """Run a small proxy that keeps what it was asked, and answers itself."""
    asked = []

    async def talk(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode())
        wanted = b"Basic " + base64.b64encode(f"me:{SECRET}".encode())
        if wanted not in head:
            writer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            )
        elif head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")
        await writer.drain()

    return await serve_raw(talk), asked


async def test_through_a_proxy_the_proxy_resolves(proxy):
    port, asked = proxy
    names = Names(OSError())
    egress = Egress((), f"http://me:{SECRET}@127.0.0.1:{port}", resolve=names)

    answer = await egress.send(call(8080), allowing(8080))

    assert (answer.body, names.asked) == (b"proxy", [])
    assert asked[0].startswith("GET http://crl.test:8080/list.crl HTTP/1.1\r\n")


async def test_through_a_proxy_the_allow_list_still_holds(proxy):
    port, asked = proxy
    egress = Egress((), f"http://me:{SECRET}@127.0.0.1:{port}")

    with pytest.raises(EgressError) as refused:
        await egress.send(call(8080), allowing(8081))

    assert (refused.value.reason, asked) == (Reason.HOST, [])


async def test_a_proxy_that_refuses_a_tunnel_or_is_away(proxy):
    port, _ = proxy
    to = Call("https://crl.test/", limit=LIMIT, deadline=SOON)
    for address in (f"me:{SECRET}@127.0.0.1:{port}", f"me:{SECRET}@127.0.0.1:1"):
        with pytest.raises(EgressError) as refused:
            await Egress((), f"http://{address}").send(to, AllowList.of(["crl.test"]))

        assert refused.value.reason is Reason.PROXY
        assert SECRET not in repr(refused.value)


def test_what_is_sent_is_not_shown():
    shown = repr(Call("http://a/", 1, SOON, body=SECRET.encode(), headers={"A": SECRET}))

    assert SECRET not in shown
