"""Strangers are limited by where they come from, and by nothing that they say themselves."""

import ipaddress
from contextlib import suppress
from datetime import timedelta

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from pairing_server import limits
from pairing_server.app import make_app
from pairing_server.errors import TooManyRequests
from pairing_server.limits import COSTS, LIMITED, Limiter, Rate, address_of, rate_of_client
from pairing_server.settings import load

PROXY = (ipaddress.ip_network("10.0.0.0/8"),)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def taken(limiter, address, times):
    """Count how many of some calls are let through."""
    passed = 0
    for _ in range(times):
        try:
            limiter.take(address)
        except TooManyRequests:
            continue
        passed += 1
    return passed


@given(st.integers(1, 50), st.integers(0, 100))
def test_a_burst_passes_and_then_the_rate(burst, seconds):
    clock = Clock()
    limiter = Limiter(clock, Rate(per_second=2, burst=burst))

    assert taken(limiter, "a", 2 * burst + 200) == burst
    clock.now += seconds
    assert taken(limiter, "a", 2 * burst + 200) == min(burst, 2 * seconds)


@given(st.integers(1, 10), st.integers(1, 50))
def test_what_costs_more_counts_for_as_many(cost, burst):
    one, more = Limiter(Clock(), Rate(1, burst)), Limiter(Clock(), Rate(1, burst))
    passed = 0
    for _ in range(burst + 1):
        with suppress(TooManyRequests):
            more.take("a", cost)
            passed += 1
    assert passed == burst // cost
    assert taken(one, "a", burst + 1) == burst


@pytest.mark.parametrize(("passed", "seconds"), [(0.0, 4), (0.1, 4), (2.5, 2), (3.99, 1)])
def test_who_is_over_hears_when_to_come_back(passed, seconds):
    clock = Clock()
    limiter = Limiter(clock, Rate(per_second=0.25, burst=3))
    taken(limiter, "a", 3)
    clock.now += passed

    with pytest.raises(TooManyRequests) as refused:
        limiter.take("a")
    assert refused.value.retry_after == timedelta(seconds=seconds)
    clock.now += seconds
    limiter.take("a")


def test_a_client_has_twenty_seconds_of_its_rate_at_once():
    assert rate_of_client(100) == Rate(100, 2000)


def test_one_address_does_not_use_up_anothers():
    limiter = Limiter(Clock(), Rate(1, 3))

    assert taken(limiter, "a", 10) == 3
    assert taken(limiter, "b", 10) == 3


def test_the_address_that_was_quiet_for_longest_is_forgotten_first(monkeypatch):
    monkeypatch.setattr(limits, "ADDRESSES", 2)
    limiter = Limiter(Clock(), Rate(1, 1))

    assert [taken(limiter, name, 1) for name in ("a", "b", "a", "c", "a", "b")] == [
        *(1, 1, 0, 1, 0, 1),
    ]


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", None, "unknown"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "rubbish", "unknown"),
        ("2001:db8:1:2:3::4", None, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", None, "192.0.2.1"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_an_address_is_what_our_own_proxies_say(remote, forwarded, expected):
    class Transport:
        def get_extra_info(self, name, default=None):
            return (remote, 1) if name == "peername" else default

    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = make_mocked_request("GET", "/", headers, transport=Transport())

    assert address_of(request.clone(remote=remote), PROXY) == expected


async def test_a_stranger_who_starts_too_many_sessions_is_told_to_wait(make_house):
    async with make_house(rate=Rate(per_second=0.01, burst=3)) as house:
        statuses = []
        for _ in range(5):
            url = f"{house.base_url}/uzi/sessions"
            async with (
                aiohttp.ClientSession() as http,
                http.post(url, json={"purpose": "login"}) as told,
            ):
                statuses.append(told.status)

        assert statuses == [201, 201, 201, 429, 429]
        assert told.headers["Retry-After"] == "100"
        async with house.http.get(f"{house.base_url}/healthz") as alive:
            assert alive.status == 200


async def test_a_login_page_counts_for_as_many_calls_as_it_lasts_longer(make_house):
    """Each leaves what a stranger sends in the Store, and for half an hour."""
    cost = COSTS["GET", "/authorize"]
    async with make_house(rate=Rate(per_second=0.01, burst=2 * cost + 1)) as house:
        statuses = []
        for path in ("/authorize", "/authorize", "/authorize"):
            async with house.http.get(f"{house.base_url}{path}") as told:
                statuses.append(told.status)
        assert statuses == [400, 400, 429]
        # What is left is enough for what counts for one.
        async with house.http.post(f"{house.base_url}/uzi/sessions", json={}) as told:
            assert told.status != 429


async def test_what_is_limited_are_routes_that_exist(stores):
    app = make_app(load({}), stores)
    known = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }

    assert known >= LIMITED
    assert COSTS.keys() <= LIMITED
