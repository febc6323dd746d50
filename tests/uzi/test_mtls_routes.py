"""`POST /uzi/mtls` over real TLS and behind what passes for a proxy."""

import asyncio
import base64
import json
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from structlog.testing import capture_logs

from clients.card_profile import Holder, Use
from clients.desktop import Card
from clients.test_ca import KeyKind, make_key
from pairing_server.limits import Rate
from pairing_server.settings import load
from pairing_server.uzi.shown import _is_among
from tests.card_tls import FORM, ServerCertificate, browser_tls, der, pem, without_scalar
from tests.house import free_port

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
LOOPBACK = ["127.0.0.1/32", "::1/128"]
NOBODYS_CARD = Holder(uzi_number="900007777", card_type="M", role_code="00.000", title=None)


def field(data):
    return f":{base64.b64encode(data).decode()}:"


def fields(card):
    """Return the headers with which a proxy hands a card on."""
    chain = ", ".join(field(der(each)) for each in card.chain)
    return {
        "Client-Cert": field(der(card.certificate)),
        **({"Client-Cert-Chain": chain} if chain else {}),
    }


class Browser:
    """Posts the form to a listener, as the page of the base URL makes a browser do."""

    def __init__(self, house, url, tls=None):
        self.house = house
        self.url = url
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls or False), cookie_jar=aiohttp.CookieJar()
        )

    async def post(self, body="", **headers):
        sent = {**FORM, "Origin": self.house.base_url}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        async with self.http.post(
            self.url, data=body, headers=sent, allow_redirects=False
        ) as answer:
            return answer, await answer.read()

    async def error(self, body="", **headers):
        answer, raw = await self.post(body, **headers)
        assert answer.content_type == "application/json", raw
        return answer.status, (await answer.json())["error"]

    def cookies(self):
        return {each.key: each.value for each in self.http.cookie_jar}

    async def begin_registration(self):
        """Go on as the person who is logged in."""
        url = f"{self.house.base_url}/portal/registration"
        async with self.http.post(
            url,
            json={"date_of_birth": "1980-01-31"},
            headers={"Origin": self.house.base_url},
        ) as answer:
            return answer.status, await answer.json()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    return ServerCertificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def tls_house(make_house, server):
    """Run a server with its own TLS listener."""
    async with make_house(
        tls_certificate_file=server.certificate,
        tls_key_file=server.key,
        mtls_port=free_port(),
        mtls_listen="127.0.0.1",
    ) as house:
        yield house


@pytest.fixture
async def proxied(make_house):
    """Run a server that takes certificates from this machine."""
    async with make_house(client_cert_proxies=LOOPBACK) as house:
        yield house


@pytest.fixture
async def browsers():
    opened = []
    yield opened.append
    for browser in opened:
        await browser.http.close()


@pytest.fixture
def at_tls(tls_house, server, browsers):
    """Open a browser at the TLS listener, with a card or without."""

    def open_browser(card=None, **options):
        tls = browser_tls(server, card, **options)
        browser = Browser(tls_house, f"{tls_house.settings.mtls_origin}/uzi/mtls", tls)
        browsers(browser)
        return browser

    return open_browser


@pytest.fixture
async def at_proxy(proxied, browsers):
    browser = Browser(proxied, f"{proxied.base_url}/uzi/mtls")
    browsers(browser)
    return browser


@pytest.fixture
def card(register):
    return register.card(Holder())


def certified(register, change=lambda profile: profile, use=Use.AUTHENTICATION):
    """Issue a card with one thing changed."""
    holder = Holder()
    profile = change(register.ca.profile(holder, use, datetime.now(UTC)))
    issued = register.ca.certify(holder, profile, make_key(KeyKind.P_256))
    return Card(issued.key, issued.certificate, issued.chain[:-1])


# The TLS listener.


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_card_in_the_browser_logs_its_holder_in(tls_house, at_tls, card, version):
    await tls_house.add_organisation()
    browser = at_tls(card, version=version)

    answer, raw = await browser.post()

    assert (answer.status, raw) == (303, b"")
    assert answer.headers["Location"] == f"{tls_house.base_url}/portal/details"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Connection"] == "close"
    status, begun = await browser.begin_registration()
    assert status == 200
    assert begun["person"]["uzi_number"] == tls_house.holder.uzi_number


async def test_the_log_says_that_nothing_was_signed(tls_house, at_tls, card):
    await at_tls(card).post()

    (event,) = [event for event in await tls_house.events() if event["action"] == "CardProved"]
    assert event["actor"] == f"uzi:{tls_house.holder.uzi_number}"
    evidence = json.loads(event["evidence"])
    assert evidence.pop("revocation")
    assert evidence == {
        "method": "mtls",
        "purpose": "login",
        "serial_number": f"{card.certificate.serial_number:x}",
    }


async def test_a_card_with_an_rsa_key_logs_its_holder_in(register, at_tls):
    issued = register.ca.issue(Holder(), datetime.now(UTC), KeyKind.RSA_2048).authentication
    card = Card(issued.key, issued.certificate, issued.chain[:-1])

    assert (await at_tls(card).post())[0].status == 303


async def test_without_a_card_a_sentence_says_what_to_do(at_tls):
    answer, _ = await at_tls().post()

    said = await answer.json()
    assert (answer.status, said["error"]) == (403, "no_client_certificate")
    assert "Put the card in the reader" in said["error_description"]
    assert "Set-Cookie" not in answer.headers


async def test_a_card_of_nobodys_register_does_not_get_through_the_handshake(
    at_tls, register, card
):
    alone = certified(register)
    strange = Card(alone.key, self_signed(alone), ())

    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await at_tls(strange).post()


def self_signed(card):
    """Sign a card's certificate with its own key, under its issuer's name."""
    known = card.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(known.subject)
        .issuer_name(known.issuer)
        .public_key(card.key.public_key())
        .serial_number(known.serial_number)
        .not_valid_before(known.not_valid_before_utc)
        .not_valid_after(known.not_valid_after_utc)
    )
    for extension in known.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(card.key, hashes.SHA256())


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_certificate_without_its_key_does_not_get_through(at_tls, card, version):
    stolen = Card(without_scalar(card.key), card.certificate, card.chain)

    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await at_tls(stolen, version=version).post()


async def test_an_expired_card_is_told_so_in_words(at_tls, register):
    yesterday = datetime.now(UTC) - timedelta(days=1)

    def end(profile):
        return replace(profile, not_before=yesterday - timedelta(1), not_after=yesterday)

    expired = certified(register, end)

    assert await at_tls(expired).error() == (422, "card_expired")


async def test_a_card_that_names_nobody_is_told_so_in_words(at_tls, register):
    assert await at_tls(register.card(NOBODYS_CARD)).error() == (422, "card_type_not_accepted")


async def test_a_card_without_its_issuers_is_completed(make_house, server, browsers, card):
    issuers = server.certificate.with_name("issuers.pem")
    issuers.write_bytes(pem(*card.chain))
    async with make_house(
        tls_certificate_file=server.certificate,
        tls_key_file=server.key,
        mtls_port=free_port(),
        mtls_listen="127.0.0.1",
        uzi_issuers=[issuers],
    ) as house:
        tls = browser_tls(server, card, with_chain=False)
        browser = Browser(house, f"{house.settings.mtls_origin}/uzi/mtls", tls)
        browsers(browser)

        assert (await browser.post())[0].status == 303


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"Origin": "https://evil.example"}, (403, "cross_site")),
        ({"Origin": "null"}, (403, "cross_site")),
        ({"Origin": None}, (403, "cross_site")),
        ({"Origin": None, "Sec_Fetch_Site": "same-site"}, (403, "cross_site")),
        ({"Origin": None, "Sec_Fetch_Site": "cross-site"}, (403, "cross_site")),
        ({"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"}, (403, "cross_site")),
        ({"Host": "evil.example"}, (421, "wrong_host")),
    ],
    ids=["evil", "null", "silent", "same-site", "cross-site", "contradiction", "host"],
)
async def test_a_page_of_another_site_logs_nobody_in(tls_house, at_tls, card, headers, refusal):
    browser = at_tls(card)

    assert await browser.error(**headers) == refusal
    assert browser.cookies() == {}
    assert [event for event in await tls_house.events() if event["action"] == "CardProved"] == []


async def test_the_base_urls_own_name_is_not_the_listeners(tls_house, at_tls, card):
    assert await at_tls(card).error(Host=tls_house.settings.host) == (421, "wrong_host")


async def test_the_listeners_origin_is_not_the_base_urls(tls_house, at_tls, card):
    origin = tls_house.settings.mtls_origin

    assert await at_tls(card).error(Origin=origin) == (403, "cross_site")


async def test_the_browser_says_so_by_sec_fetch_site_too(at_tls, card):
    answer, _ = await at_tls(card).post(Origin=None, Sec_Fetch_Site="same-origin")

    assert answer.status == 303


async def test_the_listener_serves_nothing_else(tls_house, at_tls, card):
    browser = at_tls(card)
    base = tls_house.settings.mtls_origin

    for path in ("/uzi/sessions", "/portal/pairings", "/healthz", "/metrics", "/"):
        for host in (tls_house.settings.mtls_host, tls_house.settings.host):
            sent = {**FORM, "Host": host}
            async with browser.http.post(base + path, data="", headers=sent) as answer:
                assert answer.status in {404, 421}, path
    async with browser.http.get(f"{base}/uzi/mtls") as answer:
        assert answer.status == 421


@pytest.mark.parametrize("name", ["Client-Cert", "Client-Cert-Chain"])
async def test_a_header_counts_nothing_where_tls_ends_here(make_house, server, browsers, name):
    """Not even from a proxy, and not even without a certificate of its own."""
    async with make_house(
        tls_certificate_file=server.certificate,
        tls_key_file=server.key,
        mtls_port=free_port(),
        mtls_listen="127.0.0.1",
        client_cert_proxies=LOOPBACK,
    ) as house:
        own = house.register.card(house.holder)
        other = house.register.card(Holder(uzi_number="900005678"))
        for shown in (None, own, other):
            browser = Browser(
                house, f"{house.settings.mtls_origin}/uzi/mtls", browser_tls(server, shown)
            )
            browsers(browser)
            sent = {name.replace("-", "_"): fields(other)[name]}
            assert await browser.error(**sent) == (403, "client_cert_not_accepted")


@pytest.mark.parametrize("purpose", ["register-organisation", "sign-registration", "LOGIN", "x"])
async def test_what_has_to_be_signed_is_sent_to_the_agent(at_tls, card, purpose):
    browser = at_tls(card)

    assert await browser.error(f"purpose={purpose}") == (422, "signature_needed")
    assert browser.cookies() == {}


async def test_the_purpose_may_be_named(at_tls, card):
    assert (await at_tls(card).post("purpose=login&lang=nl"))[0].status == 303


async def test_a_body_that_is_no_form_is_refused(at_tls, card):
    assert await at_tls(card).error("{}", Content_Type="application/json") == (
        415,
        "invalid_request",
    )


async def test_the_session_is_a_new_one_each_time_and_the_old_one_is_over(
    tls_house, browsers, server, card
):
    await tls_house.add_organisation()
    browser = Browser(
        tls_house, f"{tls_house.settings.mtls_origin}/uzi/mtls", browser_tls(server, card)
    )
    browsers(browser)
    await browser.post()
    first = browser.cookies()
    # The cookie jar, unlike a browser, takes http and https of one host for two.
    pairs = "; ".join(f"{name}={value}" for name, value in first.items())

    answer, _ = await browser.post(Cookie=pairs)

    assert answer.cookies["session"].value != first["session"]
    assert answer.cookies["browser"].value == first["browser"]
    url = f"{tls_house.base_url}/portal/registration"
    sent = {"Origin": tls_house.base_url, "Cookie": pairs}
    async with tls_house.http.post(url, json={"date_of_birth": "1980-01-31"}, headers=sent) as old:
        assert old.status == 401


async def test_a_connection_serves_one_form(tls_house, server, card):
    tls = browser_tls(server, card)
    port = tls_house.settings.mtls_port
    reader, writer = await asyncio.open_connection(
        "localhost", port, ssl=tls, server_hostname="localhost"
    )
    form = (
        "POST /uzi/mtls HTTP/1.1\r\n"
        f"Host: localhost:{port}\r\nOrigin: {tls_house.base_url}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n"
    )
    writer.write(form.encode() * 2)
    answers = await asyncio.wait_for(reader.read(), 20)
    writer.close()

    assert answers.count(b"HTTP/1.1 303") == 1
    assert answers.count(b"HTTP/1.1") == 1
    proved = [event for event in await tls_house.events() if event["action"] == "CardProved"]
    assert len(proved) == 1


async def test_a_refusal_ends_the_connection_too(at_tls, card):
    answer, _ = await at_tls(card).post(Origin="https://evil.example")

    assert answer.headers["Connection"] == "close"


# Behind a proxy.


async def test_a_card_that_a_proxy_hands_on_logs_its_holder_in(proxied, at_proxy, card):
    await proxied.add_organisation()

    answer, _ = await at_proxy.post(**fields(card))

    assert answer.status == 303
    assert answer.headers["Location"] == f"{proxied.base_url}/portal/details"
    assert (await at_proxy.begin_registration())[0] == 200


async def test_a_login_by_mtls_registers_no_organisation(proxied, at_proxy, card):
    await at_proxy.post(**fields(card))

    url = f"{proxied.base_url}/portal/organisations"
    sent = {"Origin": proxied.base_url}
    async with at_proxy.http.post(url, json={}, headers=sent) as answer:
        assert (answer.status, (await answer.json())["error"]) == (403, "wrong_purpose")


async def test_nobody_but_a_proxy_hands_certificates_on(make_house, browsers, card):
    async with make_house(client_cert_proxies=["10.0.0.5/32"], trusted_proxies=LOOPBACK) as house:
        browser = Browser(house, f"{house.base_url}/uzi/mtls")
        browsers(browser)

        for lie in ({}, {"X_Forwarded_For": "10.0.0.5"}, {"Forwarded": "for=10.0.0.5"}):
            said = await browser.error(**fields(card), **lie)
            assert said == (403, "client_cert_not_accepted")
        chain = {"Client_Cert_Chain": fields(card)["Client-Cert-Chain"]}
        assert await browser.error(**chain) == (403, "client_cert_not_accepted")
        assert browser.cookies() == {}
        assert [e for e in await house.events() if e["action"] == "CardProved"] == []


async def test_trusted_proxies_alone_hand_on_no_certificates(make_house, browsers, card):
    async with make_house(trusted_proxies=LOOPBACK) as house:
        browser = Browser(house, f"{house.base_url}/uzi/mtls")
        browsers(browser)

        assert await browser.error(**fields(card)) == (403, "client_cert_not_accepted")


async def test_a_proxy_that_hands_on_nothing_is_a_browser_without_a_card(at_proxy):
    assert await at_proxy.error() == (403, "no_client_certificate")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda sent: {**sent, "Client-Cert": sent["Client-Cert"] + " x"},
        lambda sent: {**sent, "Client-Cert": sent["Client-Cert"] + ", " + sent["Client-Cert"]},
        lambda sent: {**sent, "Client-Cert": "-----BEGIN CERTIFICATE-----"},
        lambda sent: {"Client-Cert-Chain": sent["Client-Cert-Chain"]},
        lambda sent: {**sent, "Client-Cert": f":{'A' * 12000}:"},
    ],
    ids=["garbage behind", "two", "PEM", "chain alone", "too large"],
)
async def test_malformed_fields_are_refused(at_proxy, card, wrong):
    assert await at_proxy.error(**wrong(fields(card))) == (400, "invalid_request")


async def test_doubled_fields_are_refused(proxied, card):
    sent = fields(card)
    lines = [("Origin", proxied.base_url), *FORM.items(), *sent.items()]
    for name in sent:
        async with proxied.http.post(
            f"{proxied.base_url}/uzi/mtls", data="", headers=[*lines, (name, sent[name])]
        ) as answer:
            assert answer.status == 400


async def test_a_field_that_no_card_fills_is_not_even_read(proxied, at_proxy):
    answer, _ = await at_proxy.post(**{"Client-Cert": f":{'A' * 17000}:"})

    assert answer.status == 400


@pytest.mark.parametrize(
    ("use", "code"), [(Use.SIGNATURE, "wrong_policy"), (Use.CONFIDENTIALITY, "wrong_policy")]
)
async def test_another_certificate_of_the_card_is_refused(at_proxy, register, use, code):
    other = certified(register, use=use)

    assert await at_proxy.error(**fields(other)) == (422, code)


async def test_a_card_of_nobodys_register_is_refused(proxied, at_proxy, register):
    strange = certified(register)
    sent = {"Client-Cert": field(der(self_signed(strange)))}

    status, code = await at_proxy.error(
        **sent, **{"Client-Cert-Chain": fields(strange)["Client-Cert-Chain"]}
    )

    assert status == 422
    assert code in {"untrusted_issuer", "unknown_issuer"}
    assert [e for e in await proxied.events() if e["action"] == "CardRefused"] == []


async def test_a_revoked_card_is_refused_and_the_log_has_it(proxied, at_proxy, register):
    revoked = certified(register)
    crl = register.crl_dir / "Z.crl"
    kept = crl.read_bytes()
    issuing = register.ca.issuing("Z")
    crl.write_bytes(
        issuing.revocation_list(datetime.now(UTC), [revoked.certificate.serial_number])
    )
    try:
        said = await at_proxy.error(**fields(revoked))
    finally:
        crl.write_bytes(kept)

    assert said == (422, "card_revoked")
    (event,) = [e for e in await proxied.events() if e["action"] == "CardRefused"]
    assert json.loads(event["evidence"]) == {
        "code": "card_revoked",
        "method": "mtls",
        "purpose": "login",
        "serial_number": f"{revoked.certificate.serial_number:x}",
    }
    assert at_proxy.cookies() == {}


async def test_no_session_before_the_log_has_it(proxied, at_proxy, card):
    await at_proxy.post(**fields(card))

    actions = [event["action"] for event in await proxied.events()]
    assert actions.count("CardProved") == 1


async def test_strangers_are_limited(make_house, browsers, card):
    async with make_house(client_cert_proxies=LOOPBACK, rate=Rate(0.001, 2)) as house:
        browser = Browser(house, f"{house.base_url}/uzi/mtls")
        browsers(browser)

        statuses = [(await browser.post(**fields(card)))[0].status for _ in range(3)]

    assert statuses == [303, 303, 429]


@examples(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_whatever_a_proxy_hands_on_is_a_login_or_a_refusal(at_proxy, card, data):
    sent = fields(card)
    whole = {
        name: base64.b64decode(value.strip(":").split(":")[0]) for name, value in sent.items()
    }

    def changed(name):
        kind = data.draw(st.sampled_from(["bytes", "text", "cut", "as is", "none"]), name)
        if kind == "none":
            return None
        if kind == "text":
            visible = st.characters(
                min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"
            )
            return data.draw(st.text(visible, max_size=60))
        if kind == "as is":
            return sent[name]
        if kind == "cut":
            at = data.draw(st.integers(0, len(sent[name])))
            return sent[name][:at] + data.draw(st.sampled_from(["", ":", ",", ";a=1", "="]))
        raw = bytearray(whole[name])
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
        return field(bytes(raw))

    with capture_logs() as logged:
        answer, raw = await at_proxy.post(**{name: changed(name) for name in sent})

    assert answer.status < 500, raw
    assert [line for line in logged if line["event"] == "bug"] == []
    at_proxy.http.cookie_jar.clear()


# Who is a proxy.


@pytest.mark.parametrize(
    ("peer", "named"),
    [
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("::1", True),
        ("127.0.0.2", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("/run/proxy.sock", False),
        (None, False),
    ],
)
def test_a_peer_is_a_proxy_by_its_address_alone(peer, named):
    assert _is_among(peer, load({}, client_cert_proxies=LOOPBACK).client_cert_proxies) is named


async def test_a_certificate_that_came_in_at_the_ordinary_door_counts_nothing(
    make_house, browsers, card
):
    """A proxy that forgot to take the field out there hands on what anybody wrote."""
    async with make_house(client_cert_proxies=LOOPBACK, mtls_port=8443) as house:
        browser = Browser(house, f"{house.base_url}/uzi/mtls")
        browsers(browser)

        assert await browser.error(**fields(card)) == (421, "wrong_host")
        assert (await browser.post(Host="localhost:8443", **fields(card)))[0].status == 303
        async with house.http.get(
            f"{house.base_url}/jwks.json", headers={"Host": "localhost:8443"}
        ) as other:
            assert other.status == 421
