"""Cards through a real nginx and a real HAProxy, with the configuration of the documents."""

import asyncio
import socket
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from cryptography import x509

from clients.card_profile import Holder
from clients.desktop import Card
from clients.test_ca import KeyKind, Style, UziTestCa
from tests.card_tls import FORM, without_scalar
from tests.documents import blocks, check_blocks, fenced
from tests.proxies.conftest import BASE_URL, CONFIGURATIONS
from tests.uzi.test_mtls_routes import NOBODYS_CARD, certified, fields

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
OTHER = Holder(uzi_number="900005678")


async def test_a_card_logs_its_holder_in(site, card):
    await site.house.add_organisation()

    answer = await site.post(card)

    assert answer.status == 303
    assert answer.headers["Location"] == f"{BASE_URL}/portal/details"
    assert sorted(answer.cookies) == ["__Host-browser", "__Host-session"]
    assert all(each["secure"] and each["httponly"] for each in answer.cookies.values())
    assert await site.person(answer) == card_number(card)


def card_number(card):
    (number,) = card.certificate.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)
    return number.value


async def test_an_rsa_card_logs_its_holder_in(site, register):
    issued = register.ca.issue(Holder(), datetime.now(UTC), KeyKind.RSA_2048).authentication

    answer = await site.post(Card(issued.key, issued.certificate, issued.chain[:-1]))

    assert answer.status == 303


async def test_without_a_card_nobody_is_logged_in(site):
    assert await site.error() == (403, "no_client_certificate")


async def test_what_a_browser_sends_under_these_names_is_replaced(site, card, register):
    await site.house.add_organisation()
    forged = {
        name.replace("-", "_"): value for name, value in fields(register.card(OTHER)).items()
    }

    assert await site.error(**forged) == (403, "no_client_certificate")
    assert await site.person(await site.post(card, **forged)) == card_number(card)


@pytest.mark.parametrize("name", ["client_cert", "CLIENT-CERT", "Client-Cert-Chain"])
async def test_not_even_under_another_spelling(site, register, name):
    value = fields(register.card(OTHER))["Client-Cert"]
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=site.tls())) as http,
        http.post(
            site.url, data="", headers=[*FORM.items(), ("Origin", BASE_URL), (name, value)]
        ) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]) == (403, "no_client_certificate")


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_certificate_without_its_key_does_not_get_through(site, card, version):
    stolen = Card(without_scalar(card.key), card.certificate, card.chain)
    tls = site.tls(stolen, version=version)

    with pytest.raises(OSError, match=r"."):
        await asyncio.to_thread(form, site, tls)


def form(site, tls, session=None):
    """Post the form twice on one connection; return all that came back."""
    port = site.ground.port
    with (
        socket.create_connection(("localhost", port)) as plain,
        tls.wrap_socket(plain, server_hostname="localhost", session=session) as opened,
    ):
        assert opened.session_reused is (session is not None)
        head = (
            f"POST /uzi/mtls HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {BASE_URL}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n"
        )
        opened.sendall(head.encode() * 2)
        got = b""
        while part := opened.recv(65536):
            got += part
        return got


async def test_a_connection_serves_one_form(site, card):
    got = await asyncio.to_thread(form, site, site.tls(card))

    assert got.count(b"HTTP/1.1 303") == 1
    assert got.count(b"HTTP/1.1") == 1
    assert b"connection: close" in got.lower()


@pytest.mark.parametrize("version", VERSIONS)
async def test_no_session_is_resumed(site, card, version):
    browser = site.tls(card, version=version)

    def twice():
        session = None
        resumed = []
        for _ in range(2):
            session, reused = answered(site, browser, session)
            resumed.append(reused)
        return resumed

    assert await asyncio.to_thread(twice) == [False, False]


def answered(site, browser, session):
    """Connect once and be answered, so that tickets arrive; return the session."""
    port = site.ground.port
    with (
        socket.create_connection(("localhost", port)) as plain,
        browser.wrap_socket(plain, server_hostname="localhost", session=session) as opened,
    ):
        opened.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while opened.recv(65536):
            pass
        return opened.session, opened.session_reused


@pytest.mark.parametrize("proxy", ["haproxy"])
@pytest.mark.parametrize("left_out", ["    tune.ssl.cachesize 0\n"], ids=["cachesize"])
async def test_a_resumed_session_logs_nobody_in_where_another_frontend_needs_the_cache(site, card):
    """That setting is for all of HAProxy; the rule in the frontend holds without it."""
    browser = site.tls(card, version=ssl.TLSVersion.TLSv1_2)

    def twice():
        session, _ = answered(site, browser, None)
        return form(site, browser, session)

    assert (await asyncio.to_thread(twice)).startswith(b"HTTP/1.1 403 Forbidden")


async def test_http_2_which_shares_connections_is_not_spoken(site, card):
    browser = site.tls(card)
    browser.set_alpn_protocols(["h2", "http/1.1"])

    def chosen():
        with (
            socket.create_connection(("localhost", site.ground.port)) as plain,
            browser.wrap_socket(plain, server_hostname="localhost") as opened,
        ):
            return opened.selected_alpn_protocol()

    assert await asyncio.to_thread(chosen) in {None, "http/1.1"}


async def test_an_expired_card_is_told_so_in_words(site, register):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = certified(
        register,
        lambda profile: replace(profile, not_before=yesterday - timedelta(1), not_after=yesterday),
    )

    assert await site.error(expired) == (422, "card_expired")


async def test_a_card_that_names_nobody_is_told_so_in_words(site, register):
    assert await site.error(register.card(NOBODYS_CARD)) == (422, "card_type_not_accepted")


async def test_a_card_of_another_register_of_the_same_names_is_told_so_in_words(site):
    now = datetime.now(UTC)
    other = UziTestCa.create(now, Style(KeyKind.P_256)).issue(Holder(), now, KeyKind.P_256)
    issued = other.authentication

    status, code = await site.error(Card(issued.key, issued.certificate, issued.chain[:-1]))

    assert (status, code) == (422, "untrusted_issuer")


async def test_a_revoked_card_is_refused(site, register):
    revoked = certified(register)
    crl, kept = register.crl_dir / "Z.crl", (register.crl_dir / "Z.crl").read_bytes()
    numbers = [revoked.certificate.serial_number]
    crl.write_bytes(register.ca.issuing("Z").revocation_list(datetime.now(UTC), numbers))
    try:
        said = await site.error(revoked)
    finally:
        crl.write_bytes(kept)

    assert said == (422, "card_revoked")


async def test_a_certificate_too_long_for_nginx_is_refused_at_once(site, proxy, register):
    """No card is that long; what counts is that nginx does not try its lines in all orders."""
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"x" * 5000)
    long = certified(register, lambda profile: profile.replacing(padding))
    started = time.monotonic()

    answer = await site.post(long)

    assert answer.status == {"nginx": 400, "haproxy": 303}[proxy]
    assert time.monotonic() - started < 5


async def test_another_sites_form_logs_nobody_in(site, card):
    assert await site.error(card, Origin="https://evil.example") == (403, "cross_site")
    assert await site.error(card, Origin=f"{BASE_URL}:8443") == (403, "cross_site")


async def test_nothing_else_is_served_there(site, card, register):
    for path in ("/uzi/sessions", "/portal/logout", "/metrics", "/uzi/mtls/", "/"):
        assert (await site.post(card, path=path)).status == 404, path
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = certified(
        register,
        lambda profile: replace(profile, not_before=yesterday - timedelta(1), not_after=yesterday),
    )
    assert (await site.post(expired, path="/metrics")).status == 404


def test_the_documented_configurations_are_the_tested_ones():
    shown = {
        "nginx-cards.conf": fenced("nginx", written("nginx-cards.conf")),
        "haproxy-cards.cfg": fenced("haproxy", written("haproxy-cards.cfg")),
    }

    check_blocks("docs/operations.md", "config", shown)
    assert blocks("docs/operations.md", "config").keys() == shown.keys()


def written(name):
    return (CONFIGURATIONS / name).read_text().rstrip("\n")
