"""What the settings make of revocation, and what `check` says of it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from pairing_server.destination import AllowList, EgressError, Reason
from pairing_server.egress import Call
from pairing_server.settings import load
from pairing_server.uzi.hierarchy import RevocationSources
from pairing_server.uzi.revocation_cache import Kept, ListCache
from pairing_server.uzi.revocation_setup import (
    allow_list,
    examine_revocation,
    list_addresses,
    make_egress,
)
from tests.uzi.publisher import saying

PUBLISHED = RevocationSources(
    hosts=("www.register.test", "mirror.register.test:8080"),
    crl_urls=("http://www.register.test/a.crl",),
    ocsp_urls=("http://ocsp.register.test",),
)


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def settings(tmp_path):
    def settings(**options):
        options.setdefault("uzi_environment", "test")
        return load({}, data_dir=tmp_path / "data", **options)

    return settings


@pytest.fixture
def examine(settings, now):
    return lambda **options: examine_revocation(settings(**options), now)


@pytest.fixture(scope="module")
def issuing(ca):
    return ca.issuing("Z")


def test_published_places_may_be_called_and_no_others(settings):
    allowed = allow_list(settings(), PUBLISHED)

    for url in (
        "http://www.register.test/b.crl",
        "http://mirror.register.test:8080/",
        "http://ocsp.register.test",
    ):
        assert allowed.allows(url)
    for url in ("http://register.test/", "http://www.register.test:8080/", "http://localhost/"):
        assert not allowed.allows(url)


def test_what_the_operator_configures_may_be_called(settings):
    allowed = allow_list(
        settings(
            uzi_crl_urls=["http://a.test:81/x.crl"],
            uzi_ocsp_url="http://b.test/",
            uzi_revocation_hosts=["c.test"],
        ),
        PUBLISHED,
    )

    for url in ("http://a.test:81/", "http://b.test/", "http://c.test/", "https://c.test/"):
        assert allowed.allows(url)


def test_configured_addresses_replace_the_published_ones(settings):
    assert list_addresses(settings(), PUBLISHED) == PUBLISHED.crl_urls
    other = ("http://a.test/x.crl",)
    assert list_addresses(settings(uzi_crl_urls=other), PUBLISHED) == other


async def test_inside_networks_and_the_proxy_reach_what_calls_out(settings, publisher):
    publisher.handlers["x"] = saying(b"x")
    to = Call(publisher.url("x", "localhost"), 10, timedelta(seconds=5))
    allowed = AllowList.of([f"localhost:{publisher.port}"], plain_http=True)
    inside = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
    assert (await make_egress(settings(egress_inside=inside)).send(to, allowed)).body == b"x"

    with pytest.raises(EgressError) as refused:
        await make_egress(settings()).send(to, allowed)
    assert refused.value.reason is Reason.ADDRESS
    with pytest.raises(EgressError) as refused:
        await make_egress(settings(egress_proxy="http://127.0.0.1:1")).send(to, allowed)
    assert refused.value.reason is Reason.PROXY


def test_a_server_that_fetches_says_from_where(examine):
    mistakes, remarks = examine(uzi_crl_urls=["http://a.test/x.crl"], egress_proxy="http://p:1")

    assert mistakes == []
    assert "Revocation lists are fetched from http://a.test/x.crl." in remarks
    assert any("a.test" in remark for remark in remarks if "may be called" in remark)
    assert any("through a proxy" in remark for remark in remarks)


def test_what_follows_from_a_broken_hierarchy_is_not_told_with_it(examine, tmp_path):
    assert examine(uzi_hierarchy_file=tmp_path / "missing.toml") == ([], [])


def test_a_proxys_password_is_not_told(examine):
    told = examine(egress_proxy="http://me:hunter2@proxy.test:3128")

    assert "hunter2" not in str(told)


def test_without_any_source_every_card_is_refused(examine, tmp_path):
    mistakes, _ = examine(uzi_online=False)
    assert mistakes[0].startswith("PAIRING_UZI_CRL_DIR: without the issuers' revocation lists")

    mistakes, _ = examine(uzi_online=False, uzi_crl_dir=tmp_path / "missing")
    assert "cannot be read (No such file or directory): make it" in mistakes[0]

    (tmp_path / "empty").mkdir()
    mistakes, _ = examine(uzi_online=False, uzi_crl_dir=tmp_path / "empty")
    assert "is empty" in mistakes[0]


def test_where_no_place_is_known_a_place_has_to_be_named(settings, now, monkeypatch):
    monkeypatch.setattr(
        "pairing_server.uzi.revocation_setup.choose_hierarchy",
        lambda *_: type("Bare", (), {"revocation": RevocationSources()}),
    )

    mistakes, _ = examine_revocation(settings(), now)

    assert mistakes[0].startswith("PAIRING_UZI_CRL_URLS: no address of a revocation list")


def test_a_hierarchy_that_is_none_is_told_elsewhere(examine, tmp_path):
    (tmp_path / "h.toml").write_text("nonsense =")

    mistakes, _ = examine(
        uzi_hierarchy_file=tmp_path / "h.toml", uzi_crl_urls=["http://a.test/x.crl"]
    )

    assert mistakes == []


def test_the_directorys_lists_are_read(examine, issuing, now, tmp_path):
    directory = tmp_path / "crl"
    directory.mkdir()
    (directory / "fresh.crl").write_bytes(issuing.revocation_list(now, [1, 2]))
    (directory / "old.crl").write_bytes(issuing.revocation_list(now - timedelta(days=3)))
    (directory / "none.crl").write_bytes(b"none")
    (directory / ".draft").write_bytes(b"none")

    mistakes, remarks = examine(uzi_online=False, uzi_crl_dir=directory)

    assert any("Zorgverlener CA G3, 2 entries, 0.0 hours old" in remark for remark in remarks)
    assert len(mistakes) == 2
    assert any("old.crl is not fresh" in mistake for mistake in mistakes)
    assert any("none.crl is no revocation list" in mistake for mistake in mistakes)


def test_the_fetched_lists_are_read(examine, settings, issuing, now):
    cache = ListCache(settings().data_dir / "uzi-lists")
    url = "http://a.test/{}.crl".format
    cache.keep_list(Kept(url("fresh"), issuing.revocation_list(now)))
    cache.keep_list(Kept(url("old"), issuing.revocation_list(now - timedelta(days=3))))
    cache.keep_list(Kept(url("none"), b"none"))
    cache.keep_list(Kept("http://elsewhere.test/x.crl", b"none"))

    mistakes, remarks = examine(uzi_revocation_hosts=["a.test"])

    assert any(remark.startswith("Fetched: the list of TEST UZI-register") for remark in remarks)
    assert len(mistakes) == 2
    assert any(f"is {url('old')} reachable?" in mistake for mistake in mistakes)
    assert any(f"{url('none')} cannot be read" in mistake for mistake in mistakes)
