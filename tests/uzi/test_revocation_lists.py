"""Lists are fetched ahead from a real server, kept over restarts, and never for the worse."""

import asyncio
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from cryptography import x509

from clients.test_ca import KeyKind, make_key
from pairing_server.destination import AllowList
from pairing_server.egress import Call, Egress
from pairing_server.metrics import METRICS
from pairing_server.uzi.revocation_cache import ListCache
from pairing_server.uzi.revocation_lists import (
    FIRST_RETRY,
    INTERVAL,
    LAST_RETRY,
    ListKeeper,
    NotFetched,
)
from tests.uzi.publisher import loopback, redirecting, saying, silence

LIMIT = 20 * 1024 * 1024
MOMENT = timedelta(milliseconds=20)
HOUR = timedelta(hours=1)


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def issuing(ca):
    return ca.issuing("Z")


@pytest.fixture
def issue(issuing, now):
    """Issue a list that names one serial number."""

    def issue(serial=1, authority=issuing, age=timedelta(0), number=1):
        builder = authority.list_builder(now - age, [serial], number=number)
        return authority.sign_list(builder)

    return issue


@pytest.fixture
def url(publisher):
    return publisher.url("one.crl")


@pytest.fixture
def allowed(publisher):
    return AllowList.of([f"crl.test:{publisher.port}"], plain_http=True)


@pytest.fixture
def keeping(allowed, tmp_path, ca, url):
    """Keep the list of one address fresh until the block is left."""
    egress = Egress([ip_network("127.0.0.0/8")], resolve=loopback)

    def fetching(deadline):
        async def fetch(url):
            answer = await egress.send(Call(url, LIMIT, deadline), allowed)
            if answer.status != 200:
                raise NotFetched("status")
            return answer.body

        return fetch

    @asynccontextmanager
    async def keeping(
        fetch=None,
        urls=(url,),
        authorities=(ca.root.certificate,),
        deadline=timedelta(seconds=60),
        **options,
    ):
        fetch = fetch or fetching(deadline)
        options.setdefault("interval", HOUR)
        keeper = ListKeeper(
            fetch,
            ListCache(tmp_path / "lists"),
            lambda: datetime.now(UTC),
            secrets.token_bytes,
            urls=urls,
            authorities=authorities,
            **options,
        )
        await keeper.start(allowed.allows)
        try:
            await keeper.learn(urls)
            yield keeper
        finally:
            await keeper.stop()

    return keeping


def serials(keeper):
    return sorted(int.from_bytes(one.serials.octets, "big", signed=True) for one in keeper.lists)


def fetches(outcome):
    return METRICS.get_sample_value("pairing_uzi_crl_fetches_total", {"outcome": outcome}) or 0


async def until(fact, seconds=30):
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110  (a server decides it)
            await asyncio.sleep(0.01)


async def test_a_configured_list_is_fetched_ahead(publisher, keeping, issue):
    publisher.lists["one.crl"] = issue(5)

    async with keeping() as keeper:
        assert serials(keeper) == [5]


async def test_a_new_list_is_fetched_on_schedule(publisher, keeping, issue):
    publisher.lists["one.crl"] = issue(5)

    async with keeping(interval=MOMENT) as keeper:
        publisher.lists["one.crl"] = issue(6, number=2)
        await until(lambda: serials(keeper) == [6])


async def test_the_same_list_is_not_read_again(publisher, keeping, issue, monkeypatch):
    publisher.lists["one.crl"] = issue()
    before = fetches("unchanged")

    async with keeping(interval=MOMENT) as keeper:
        monkeypatch.setattr(keeper._reader, "read", None)
        await until(lambda: fetches("unchanged") > before + 1)
        assert serials(keeper) == [1]


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (saying(b"", status=500), "status"),
        (saying(b"<html>Log in to the guest network", "text/html"), "unusable"),
        (saying(bytes(LIMIT + 1)), "too_large"),
        (redirecting("http://crl.test/inside"), "redirect"),
        (silence, "timeout"),
    ],
    ids=["error", "portal", "too large", "redirect", "silence"],
)
async def test_what_is_no_list_is_not_held(publisher, keeping, handler, outcome):
    publisher.handlers["one.crl"] = handler
    before = fetches(outcome)
    deadline = timedelta(seconds=1 if handler is silence else 60)

    async with keeping(deadline=deadline) as keeper:
        await until(lambda: fetches(outcome) > before)
        assert keeper.lists == []
        assert fetches(outcome) == before + 1


async def test_a_truncated_list_leaves_the_one_before(publisher, keeping, issue):
    publisher.lists["one.crl"] = issue(5)
    before = fetches("unusable")

    async with keeping(interval=MOMENT) as keeper:
        publisher.lists["one.crl"] = issue(6, number=2)[:-1]
        await until(lambda: fetches("unusable") > before)
        assert serials(keeper) == [5]


async def test_a_failure_is_tried_again(publisher, keeping, issue):
    async with keeping(interval=MOMENT) as keeper:
        assert keeper.lists == []
        publisher.lists["one.crl"] = issue(5)
        await until(lambda: serials(keeper) == [5])


async def test_a_bug_in_one_fetch_does_not_end_the_schedule(keeping, issue):
    tries = []

    async def fetch(url):
        tries.append(url)
        if len(tries) == 1:
            raise RuntimeError
        return issue(5)

    async with keeping(fetch, interval=MOMENT) as keeper:
        await until(lambda: serials(keeper) == [5])


@pytest.mark.parametrize("share", [b"\x00\x00", b"\xff\xff"])
def test_retries_come_soon_and_then_less_often(tmp_path, share):
    keeper = ListKeeper(None, ListCache(tmp_path), None, lambda _: share)

    pauses = [keeper._pause(failures) for failures in range(12)]

    low, high = 0.9, 1.1
    assert low * INTERVAL <= pauses[0] <= high * INTERVAL
    assert low * FIRST_RETRY <= pauses[1] <= high * FIRST_RETRY
    assert pauses[1:] == sorted(pauses[1:])
    assert low * LAST_RETRY <= pauses[-1] <= high * LAST_RETRY
    assert (pauses[0] < INTERVAL) == (share == b"\x00\x00")


async def test_a_list_outlives_a_restart_without_its_publisher(publisher, keeping, issue, issuing):
    publisher.lists["one.crl"] = issue(5)
    async with keeping() as keeper:
        await keeper.know([issuing.certificate])
    del publisher.lists["one.crl"]

    async with keeping() as keeper:
        assert serials(keeper) == [5]


async def test_an_older_list_replaces_none_after_a_restart_either(
    publisher, keeping, issue, issuing
):
    publisher.lists["one.crl"] = issue(5, number=9)
    async with keeping() as keeper:
        await keeper.know([issuing.certificate])
    publisher.lists["one.crl"] = issue(6, number=8)
    before = fetches("older")

    async with keeping() as keeper:
        assert serials(keeper) == [5]
        assert fetches("older") == before + 1


async def test_a_forged_list_replaces_none_after_a_restart_either(
    publisher, keeping, issue, issuing, card
):
    """For that the authorities are remembered: the first card may be hours away."""
    publisher.lists["one.crl"] = issue(5)
    async with keeping() as keeper:
        await keeper.know([issuing.certificate])
    publisher.lists["one.crl"] = issue(6, replace(issuing, key=make_key(KeyKind.P_256)), number=99)
    before = fetches("wrong_signer")

    async with keeping() as keeper:
        assert serials(keeper) == [5]
        assert fetches("wrong_signer") == before + 1


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-40], lambda _: b"", lambda data: data[::-1]]
)
async def test_a_damaged_cache_does_no_harm(publisher, keeping, issue, tmp_path, damage):
    publisher.lists["one.crl"] = issue(5)
    async with keeping():
        pass
    (file,) = (tmp_path / "lists").glob("*.crl")
    file.write_bytes(damage(file.read_bytes()))

    async with keeping() as keeper:
        assert serials(keeper) == [5]
    del publisher.lists["one.crl"]
    file.write_bytes(damage(file.read_bytes()))
    async with keeping() as keeper:
        assert keeper.lists == []


async def test_a_kept_list_that_a_known_authority_did_not_sign_is_not_taken_up(
    publisher, keeping, issue, issuing, card
):
    publisher.lists["one.crl"] = issue(6, replace(issuing, key=make_key(KeyKind.P_256)))
    async with keeping() as keeper:
        assert serials(keeper) == [6]
        await keeper.know([issuing.certificate])
    del publisher.lists["one.crl"]

    async with keeping() as keeper:
        assert keeper.lists == []


async def test_a_learnt_address_is_fetched_after_a_restart_too(publisher, keeping, issue):
    publisher.lists["two.crl"] = issue(7)
    two = publisher.url("two.crl")
    async with keeping(urls=()) as keeper:
        await keeper.learn([two])
        assert serials(keeper) == [7]
    publisher.asked.clear()

    async with keeping(urls=()) as keeper:
        assert serials(keeper) == [7]
        await until(lambda: publisher.asked == ["two.crl"])


async def test_an_address_that_may_not_be_called_any_more_is_not_taken_up(
    publisher, keeping, issue, allowed, monkeypatch
):
    publisher.lists["two.crl"] = issue(7)
    async with keeping(urls=()) as keeper:
        await keeper.learn([publisher.url("two.crl")])
    monkeypatch.setattr(AllowList, "allows", lambda *_: False)

    async with keeping(urls=()) as keeper:
        assert keeper.lists == []


async def test_a_card_waits_once_for_a_list_that_nobody_asked_for_yet(publisher, keeping, issue):
    publisher.handlers["slow.crl"] = silence
    publisher.lists["two.crl"] = issue(7)
    urls = [publisher.url("slow.crl"), publisher.url("two.crl")]

    async with keeping(urls=()) as keeper:
        await keeper.learn(urls, timedelta(seconds=1))
        await until(lambda: serials(keeper) == [7])

        async with asyncio.timeout(20):
            await keeper.learn(urls, timedelta(seconds=60))


async def test_cards_at_the_same_moment_cost_one_fetch(publisher, keeping, issue):
    publisher.lists["two.crl"] = issue(7)

    async with keeping(urls=()) as keeper:
        await asyncio.gather(*(keeper.learn([publisher.url("two.crl")]) for _ in range(20)))

    assert publisher.asked == ["two.crl"]


async def test_only_so_many_addresses_are_learnt(publisher, keeping):
    async with keeping(urls=()) as keeper:
        await keeper.learn([publisher.url(f"{number}.crl") for number in range(100)])

    assert len(publisher.asked) == 64


async def test_a_list_of_500_000_entries_is_fetched_and_searched(publisher, keeping, big_list):
    data, issuer, some = big_list
    publisher.lists["one.crl"] = data

    async with keeping() as keeper:
        await until(lambda: keeper.lists, seconds=90)
        (one,) = keeper.lists

    assert len(data) > 10_000_000
    assert len(one.serials) == 500_000
    assert some in one.serials
    assert some + 1 not in one.serials
    assert one.is_from(issuer)


@pytest.fixture(scope="module")
def big_list(issuing):
    """Issue a list of 500,000 entries: DER, issuer, one of the serial numbers."""
    now = datetime.now(UTC)
    first = 1 << 62
    builder = issuing.list_builder(now, number=7)
    builder._revoked_certificates = entries(first, now)
    return issuing.sign_list(builder), issuing.certificate, first + 2 * 123_456


def entries(first, now):
    """Make the entries at once: the builder copies all of them for each one added."""
    return [
        x509.RevokedCertificateBuilder()
        .serial_number(first + 2 * place)
        .revocation_date(now)
        .build()
        for place in range(500_000)
    ]
