"""Which addresses that somebody else wrote may be called."""

import contextlib
from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pairing_server.destination import (
    AllowList,
    EgressError,
    Reason,
    is_public,
    read_entry,
    read_proxy,
    read_url,
)

HOST = "www.csp.uzi-register.nl"
ALLOWED = AllowList.of([HOST, "mirror.example.nl:8080"], plain_http=True)
NAMES = st.from_regex(
    r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4})?(\.[a-z][a-z0-9]{0,5}){0,3}", fullmatch=True
)

WRONG = [
    "",
    HOST,
    f"//{HOST}/",
    f"ftp://{HOST}/",
    f"file:///{HOST}",
    f"HTTP://{HOST}/",
    f"http:/{HOST}/",
    f"http:///{HOST}/",
    f"http:\\\\{HOST}/",
    f"http://user@{HOST}/",
    f"http://user:secret@{HOST}/",
    f"http://{HOST}@10.0.0.1/",
    f"http://10.0.0.1\\@{HOST}/",
    f"http://{HOST}#@10.0.0.1/",
    f"http://{HOST}/#fragment",
    f"http://{HOST}./",
    f"http://{HOST}../",
    f"http://.{HOST}/",
    f"http://www..{HOST}/",
    f"http://-{HOST}/",
    f"http://{HOST.upper()}/",
    f"http://{HOST}%2e/",
    f"http://%77{HOST[1:]}/",
    f"http://{HOST}:/",
    f"http://{HOST}:0/",
    f"http://{HOST}:080/",
    f"http://{HOST}:65536/",
    f"http://{HOST}:99999/",
    f"http://{HOST}:80 /",
    f"http://{HOST}:٨٠/",
    f"http://{HOST}:+80/",
    f" http://{HOST}/",
    f"http://{HOST}/ ",
    f"http://{HOST}/\n",
    f"http://{HOST}\n/",
    f"http://{HOST}/\r\nHost: inside",
    f"http://{HOST}/\x00",
    f"http://{HOST}/\\..",
    f"http://{HOST}/é",
    "http://\uff57\uff57\uff57.csp.uzi-register.nl/",
    "http://www.csp.uzi-reg\u0131ster.nl/",
    "http://www。csp.uzi-register.nl/",
    "http://ex\u00adample.nl/",
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://10.0.0.1:80/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://::1/",
    "http://a_b.nl/",
    "http://" + "a" * 64 + ".nl/",
    "http://" + "a." * 127 + "nl/",
    f"http://{HOST}/" + "a" * 2000,
]


@pytest.mark.parametrize("url", WRONG, ids=range(len(WRONG)))
def test_what_can_be_read_in_two_ways_is_not_read(url):
    with pytest.raises(EgressError) as refused:
        read_url(url)

    assert refused.value.reason is Reason.URL


@pytest.mark.parametrize(
    ("url", "port"),
    [
        (f"http://{HOST}", 80),
        (f"http://{HOST}/cdp/uzi-register_zorgverlener_ca_g3.crl", 80),
        (f"https://{HOST}/a?b=c%20d", 443),
        (f"https://{HOST}:8443/", 8443),
    ],
)
def test_a_plain_url_is_read(url, port):
    target = read_url(url)

    assert (target.host, target.port, target.url) == (HOST, port, url)


@given(st.integers(0, 2**32 - 1), st.data())
def test_no_spelling_of_an_ipv4_address_is_a_host(number, data):
    octets = number.to_bytes(4, "big")
    spelled = [
        data.draw(st.sampled_from([str(octet), f"0{octet:o}", hex(octet), f"0X{octet:X}"]))
        for octet in octets
    ]
    short = data.draw(st.integers(1, 4))
    rest = int.from_bytes(octets[short - 1 :], "big")
    for host in (".".join(spelled), ".".join([*spelled[: short - 1], str(rest)]), str(number)):
        with pytest.raises(EgressError):
            read_url(f"http://{host}/")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    for url in (text, f"http://{text}", f"http://{HOST}/{text}"):
        with contextlib.suppress(EgressError):
            target = read_url(url)
            assert url.isascii()
            assert url.split("/")[2].split("?")[0] in (target.host, f"{target.host}:{target.port}")


@given(NAMES, NAMES)
def test_only_the_exact_host_is_allowed(listed, called):
    allowed = AllowList.of([listed])

    assert allowed.allows(f"https://{called}/") == (listed == called)
    for near in (f"x{listed}", f"{listed}x", f"x.{listed}", f"{listed}.x"):
        assert not allowed.allows(f"https://{near}/")


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/",
        f"http://{HOST}:80/",
        f"https://{HOST}/",
        f"https://{HOST}:443/",
        "http://mirror.example.nl:8080/",
    ],
)
def test_what_is_listed_may_be_called(url):
    assert ALLOWED.check(url).url == url


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}:8080/",
        f"http://{HOST}:443/",
        f"https://{HOST}:80/",
        "http://mirror.example.nl/",
        "https://mirror.example.nl/",
        "http://mirror.example.nl:8081/",
        "http://localhost/",
    ],
)
def test_another_host_or_port_may_not(url):
    with pytest.raises(EgressError) as refused:
        ALLOWED.check(url)

    assert refused.value.reason is Reason.HOST


def test_plain_http_is_only_for_who_asks_for_it():
    strict = AllowList.of([HOST])
    assert strict.allows(f"https://{HOST}/")

    with pytest.raises(EgressError) as refused:
        strict.check(f"http://{HOST}/")

    assert refused.value.reason is Reason.PLAIN_HTTP


def test_an_empty_list_allows_nothing():
    assert not AllowList(plain_http=True).allows(f"http://{HOST}/")


def test_the_hosts_of_configured_urls_are_allowed_with_their_ports():
    allowed = ALLOWED.and_urls(["http://inside.example.nl:8081/a.crl"])

    assert allowed.allows("http://inside.example.nl:8081/b.crl")
    assert not allowed.allows("http://inside.example.nl/b.crl")
    assert allowed.allows(f"http://{HOST}/")


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "145.21.1.1", "2001:4860:4860::8888", "2a00:d00::1"]
)
def test_public_addresses(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  (nobody listens)
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:1.1.1.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_never_public(address):
    number = int(address)
    for base in ("::", "::ffff:0:0", "64:ff9b::"):
        assert not is_public(IPv6Address(int(ip_address(base)) | number))
    assert not is_public(IPv6Address(int(ip_address("2002::")) | number << 80))


@pytest.mark.parametrize("entry", ["", "a b", "10.0.0.1", "a.nl:0", "a.nl:65536", "a.nl/", "*.nl"])
def test_what_is_no_entry(entry):
    with pytest.raises(ValueError, match="host"):
        read_entry(entry)


@pytest.mark.parametrize("proxy", ["http://proxy.example.nl:3128", "http://u:p@10.0.0.1:3128/"])
def test_a_proxy(proxy):
    assert read_proxy(proxy) == proxy


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "proxy.example.nl:3128",
        "http://proxy.example.nl",
        "https://proxy.example.nl:3128",
        "http://proxy.example.nl:3128/path",
        "http://proxy.example.nl:3128/?a",
        "http://proxy.example.nl:port",
        "http://[::1:3128",
    ],
)
def test_what_is_no_proxy(proxy):
    with pytest.raises(ValueError, match="must be http://"):
        read_proxy(proxy)


@given(NAMES)
def test_every_name_below_a_domain_is_allowed_and_the_domain_is_not(domain):
    assume("." in domain)
    allowed = AllowList().and_below([domain])

    assert allowed.allows(f"https://a.{domain}/")
    assert allowed.allows(f"https://a.b.{domain}:443/")
    for other in (domain, f"a{domain}", f"a.{domain}x", domain.partition(".")[2]):
        assert not allowed.allows(f"https://{other}/")
    assert not allowed.allows(f"https://a.{domain}:8443/")
    assert not allowed.allows(f"http://a.{domain}/")


@pytest.mark.parametrize("domain", ["com", "example.nl:443", "*.example.nl", ""])
def test_what_everything_is_below_is_no_domain(domain):
    with pytest.raises(ValueError, match="must be a"):
        AllowList().and_below([domain])


def test_what_is_added_takes_nothing_away():
    allowed = AllowList.of([HOST], plain_http=True).and_below(["example.nl"])
    allowed = allowed.and_urls(["http://inside.example.com/"])

    for host in (HOST, "a.example.nl", "inside.example.com"):
        assert allowed.allows(f"http://{host}/")
