"""The forms of the Redis URL, Sentinel at work, and the password that stays private."""

import asyncio
import socket
import subprocess
import time
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from datetime import timedelta

import pytest
import redis
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.asyncio.sentinel import SentinelManagedSSLConnection
from redis.backoff import NoBackoff
from redis.retry import Retry

from pairing_server.store import StoreUnavailableError
from pairing_server.store.embedded import find_binary
from pairing_server.store.redis_store import RedisStore
from pairing_server.store.redis_url import open_pool
from tests.valkey import run

MINUTE = timedelta(minutes=1)


def test_a_tcp_url():
    pool, sentinel = open_pool("redis://user:p%40ss@host:6380/3")
    assert sentinel is None
    expected = {"host": "host", "port": 6380, "db": 3, "username": "user", "password": "p@ss"}
    assert pool.connection_kwargs.items() >= expected.items()


def test_a_tls_url_checks_the_certificate():
    pool, _ = open_pool("rediss://host")
    assert pool.connection_class is SSLConnection
    connection = pool.make_connection()
    assert connection.ssl_context.cert_reqs.name == "CERT_REQUIRED"
    assert connection.ssl_context.check_hostname


def test_a_socket_url():
    pool, _ = open_pool("unix://:secret@/run/with%20space.sock?db=2")
    assert pool.connection_class is UnixDomainSocketConnection
    expected = {"path": "/run/with space.sock", "db": 2, "password": "secret"}
    assert pool.connection_kwargs.items() >= expected.items()


def test_a_sentinel_url():
    pool, sentinel = open_pool(
        "redis+sentinel://user:p%40ss@one:1,[::1]:2,three/service/4?sentinel_password=other"
    )
    addresses = [each.connection_pool.connection_kwargs for each in sentinel.sentinels]
    assert [(each["host"], each["port"]) for each in addresses] == [
        ("one", 1),
        ("::1", 2),
        ("three", 26379),
    ]
    assert {each["password"] for each in addresses} == {"other"}
    assert pool.service_name == "service"
    expected = {"db": 4, "username": "user", "password": "p@ss"}
    assert pool.connection_kwargs.items() >= expected.items()


def test_a_sentinel_url_with_tls():
    pool, sentinel = open_pool("rediss+sentinel://host/service")
    assert pool.connection_class is SentinelManagedSSLConnection
    assert sentinel.sentinels[0].connection_pool.connection_class is SSLConnection


def test_redis_py_repeats_nothing_by_itself():
    pool, _ = open_pool("redis://host")
    managed, sentinel = open_pool("redis+sentinel://host/service")
    for each in (pool, managed, sentinel.sentinels[0].connection_pool):
        assert each.make_connection().retry.get_retries() == 0


@pytest.mark.parametrize(
    "url",
    [
        "redis://:s3cret/@host:6379/0",
        "redis://:s3cret@host:port",
        "redis://:s3cret@host?socket_timeout=x",
        "redis+sentinel://:s3cret@/service",
        "redis+sentinel://:s3cret@host:port/service",
        "redis+sentinel://:s3cret@host",
        "redis+sentinel://:s3cret@host/service/db",
        "http://:s3cret@host",
        "s3cret",
    ],
)
def test_a_malformed_url_is_refused_without_its_password(url):
    with pytest.raises(ValueError, match="Redis URL") as caught:
        RedisStore(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def listening(port, *arguments):
    process = subprocess.Popen(
        [find_binary(), *arguments, "--port", str(port), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for_replica(primary):
    with redis.Redis(port=primary, password="s3cret", retry=Retry(NoBackoff(), 0)) as client:
        for _ in range(1000):
            with suppress(redis.ConnectionError):
                if client.info("replication").get("slave0", {}).get("state") == "online":
                    return
            time.sleep(0.01)
    raise AssertionError("No replica.")


@pytest.fixture
def sentinel(tmp_path):
    primary, replica, watcher = free_port(), free_port(), free_port()
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(
        f"sentinel monitor service 127.0.0.1 {primary} 1\n"
        "sentinel down-after-milliseconds service 300\n"
        "sentinel failover-timeout service 3000\n"
        "sentinel auth-pass service s3cret\n"
    )
    common = (
        *("--repl-diskless-sync-delay", "0", "--save", "", "--dir", str(tmp_path)),
        *("--requirepass", "s3cret", "--masterauth", "s3cret"),
    )
    with ExitStack() as stack:
        process = stack.enter_context(listening(primary, *common))
        follower = ("--replicaof", f"127.0.0.1 {primary}", "--dbfilename", "replica.rdb")
        stack.enter_context(listening(replica, *common, *follower))
        # A Sentinel that starts before the replica is there looks again only after ten seconds.
        wait_for_replica(primary)
        stack.enter_context(listening(watcher, str(configuration), "--sentinel"))
        url = f"redis+sentinel://:s3cret@127.0.0.1:{free_port()},127.0.0.1:{watcher}/service"
        yield url, process


@asynccontextmanager
async def closed_at_the_end(store):
    try:
        yield store
    finally:
        await store.close()


async def eventually(step, *trouble):
    async with asyncio.timeout(30):
        while True:
            try:
                return await step()
            except trouble:
                await asyncio.sleep(0.1)


async def test_the_store_follows_the_primary_that_sentinels_name(sentinel):
    url, primary = sentinel
    async with closed_at_the_end(RedisStore(url)) as store:
        await eventually(store.ping, StoreUnavailableError)
        assert await store.create("key", b"value", MINUTE)
        assert await run(store, "WAIT", 1, 4000) == 1
        primary.kill()
        expected = b"value"
        # Unavailable, unless the other one was named primary meanwhile.
        with suppress(StoreUnavailableError):
            assert await store.swap("key", b"value", b"new")
            expected = b"new"
        value = await eventually(lambda: store.get("key"), StoreUnavailableError)
        assert value == expected
        assert await store.swap("key", expected, b"newer")
        await eventually(store.ping, StoreUnavailableError)


async def test_no_sentinel_is_unavailable():
    store = RedisStore(f"redis+sentinel://127.0.0.1:{free_port()}/service")
    with pytest.raises(StoreUnavailableError):
        await store.get("key")
    await store.close()
