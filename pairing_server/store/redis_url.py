"""From `PAIRING_REDIS_URL` to connections.

    redis://[user:password@]host[:port][/db]            rediss:// with TLS
    unix://[user:password@]/path/valkey.sock[?db=1]
    redis+sentinel://[user:password@]host[:port],host[:port]…/service[/db]

The user and password of a Sentinel URL are those of the data nodes; what the Sentinels themselves
ask for stands in `?sentinel_username=…&sentinel_password=…`.  `rediss+sentinel://` speaks TLS to
both.
"""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio.connection import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo

#: Seconds to open one connection.
CONNECT_TIMEOUT = 2.0
#: Seconds that one Sentinel may take, so that a dead one leaves time to ask the next.
SENTINEL_TIMEOUT = 1.0
SENTINEL_PORT = 26379
#: What a connection says that it is; each would read the library's metadata anew.
_DRIVER = DriverInfo()


def open_pool(url: str) -> tuple[ConnectionPool, Sentinel | None]:
    """Return the pool of a URL, and the Sentinels that find its primary.

    Nothing is connected yet.  redis-py itself retries nothing: it cannot tell a command that
    must not be sent twice from one that may.

    Raises:
        ValueError: the URL is not one of these forms.  The message does not repeat the URL.
    """
    options: dict[str, Any] = {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": None,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "driver_info": _DRIVER,
    }
    scheme = url.partition("://")[0]
    try:
        match scheme:
            case "redis" | "rediss" | "unix":
                return ConnectionPool.from_url(url, **options), None
            case "redis+sentinel" | "rediss+sentinel":
                return _open_sentinel(url, options | {"ssl": scheme.startswith("rediss")})
    except (ValueError, LookupError):
        # Not chained: the parsers quote what they could not read, a password included.
        raise ValueError("The Redis URL is not well formed.") from None
    raise ValueError(
        "The Redis URL begins with none of redis://, rediss://, unix:// and redis+sentinel://."
    )


async def connect(pool: ConnectionPool) -> Connection:
    """Take a connection from the pool, opened anew if need be."""
    connection: Connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    return connection


def _open_sentinel(url: str, options: dict[str, Any]) -> tuple[ConnectionPool, Sentinel]:
    # By hand, for newer Pythons refuse a list in which one of several hosts stands in brackets.
    rest, _, options_given = url.partition("://")[2].partition("?")
    netloc, _, path = rest.partition("/")
    login, _, hosts = netloc.rpartition("@")
    service, _, db = path.partition("/")
    if not service:
        raise ValueError("no service name")
    query: dict[str, Any] = (
        dict(parse_qsl(options_given, strict_parsing=True)) if options_given else {}
    )
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [_address(host) for host in hosts.split(",")],
        sentinel_kwargs={
            **options,
            "socket_timeout": SENTINEL_TIMEOUT,
            "socket_connect_timeout": SENTINEL_TIMEOUT,
            "username": query.pop("sentinel_username", None),
            "password": query.pop("sentinel_password", None),
        },
        **options,
    )
    username, _, password = login.partition(":")
    primary = sentinel.master_for(
        unquote(service),
        db=int(db or 0),
        username=unquote(username) or None,
        password=unquote(password) or None,
        **query,
    )
    return primary.connection_pool, sentinel


def _address(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("no host")
    return parts.hostname, parts.port or SENTINEL_PORT
