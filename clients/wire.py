"""What the clients share: JSON over HTTP, typed answers and refusals; no client's own steps."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

T = TypeVar("T")

#: A JSON object as it travels.
JSONObject = dict[str, object]

#: Seconds for a call that is answered at once; a held one gets its wait on top.
TIMEOUT = 30

_CLIENT_ERROR = 400
#: A name that DNS gives to a host (RFC 1123 section 2.1; others as A-labels, RFC 5890), or an
#: address.  What else URLs take (``%2f``, brackets, quotes, a semicolon) is read by a person as
#: another host, or by a shell as a command.
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)


class WireError(Exception):
    """The server said no, with `status` and the JSON `body` that it sent."""

    def __init__(
        self, status: int, body: JSONObject, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self.body = body
        self.error = str(body.get("error", ""))
        self.description = str(body.get("error_description", ""))
        super().__init__(f"{status} {self.error}: {self.description}".rstrip(": "))


class MalformedAnswer(Exception):  # noqa: N818 - named after what arrived.
    """The server said yes in a form that the wire does not know."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer below 400, its body still as bytes."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    def read(self, shape: type[T]) -> T:
        """Read the body as `shape`, ignoring members that it does not know.

        Raises:
            MalformedAnswer: the body is not such an object.
        """
        try:
            return msgspec.json.decode(self.raw, type=shape)
        except msgspec.DecodeError as error:
            raise MalformedAnswer(str(error)) from error


class Wire:
    """Calls to one server, below its base URL; redirects are never followed."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self.base = base.rstrip("/")

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        wait: int = 0,
    ) -> Answer:
        """Send one request with an optional JSON body; `wait` seconds is how long to be held.

        Raises:
            WireError: an answer of 400 or more.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        if wait:
            sent["Prefer"] = f"wait={wait}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        async with self._http.request(
            method,
            self.base + path,
            data=None if body is None else msgspec.json.encode(body),
            headers=sent,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT + wait),
        ) as response:
            return await read_answer(response)


async def read_answer(response: aiohttp.ClientResponse) -> Answer:
    """Read a response to its end.

    Raises:
        WireError: an answer of 400 or more.
    """
    raw = await response.read()
    if response.status >= _CLIENT_ERROR:
        raise WireError(response.status, _error_body(raw), response.headers)
    return Answer(response.status, response.headers, raw)


def _error_body(raw: bytes) -> JSONObject:
    """Read an error body; a gateway in between may have sent anything at all."""
    try:
        return msgspec.json.decode(raw, type=JSONObject)
    except msgspec.DecodeError:
        return {}


def origin_of(url: str) -> str:
    """Return the origin of a URL that stands there in its canonical form (RFC 6454 section 6.2).

    Only https, and http for `localhost`, where nobody sits in between.

    Raises:
        ValueError: another scheme, a user name, a host that is no name, or not how the origin
            itself would be written.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "localhost"):
        raise ValueError("only https, or http on localhost")
    named, port = parts.hostname or "", parts.port
    if not _HOST.fullmatch(named) or port == {"https": 443, "http": 80}[parts.scheme]:
        raise ValueError("no canonical origin")
    host = f"[{named}]" if ":" in named else named
    origin = f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")
    # What parses in two ways (user names, capitals, control characters, backslashes) ends here.
    if not origin.isascii() or "\\" in origin or not _continues(url, origin):
        raise ValueError("no canonical origin")
    return origin


def _continues(url: str, origin: str) -> bool:
    rest = url.removeprefix(origin)
    return rest != url and (not rest or rest[0] in "/?#")


def b64url(data: bytes) -> str:
    """Encode as base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """Decode base64url without padding.

    Raises:
        ValueError: `text` is not base64url.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    # The decoder takes + and / as well, and drops trailing bits.
    if b64url(data) != text:
        raise ValueError("not base64url")
    return data
