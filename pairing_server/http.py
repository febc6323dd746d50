"""What every route shares: strict bodies, JSON answers, bearers, cookies, `Prefer: wait`."""

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import unquote, unquote_to_bytes

import msgspec
from aiohttp import web

from pairing_server.errors import (
    BodyTooSlow,
    CrossSite,
    InvalidRequest,
    Unauthenticated,
    UnsupportedMediaType,
)
from pairing_server.languages import DEFAULT, Language, language_named, negotiate
from pairing_server.openapi import Operation
from pairing_server.settings import Settings
from pairing_server.tokens import b64url

T = TypeVar("T")

MAX_BODY_BYTES = 64 * 1024
#: A list of people, in a form; read only of who administers.
MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_FORM_FIELDS = 50
#: A body of 64 KiB needs no longer; aiohttp itself waits for ever, also after a broken chunk.
BODY_PATIENCE = timedelta(seconds=10)
#: Whoever has not read by then what fills the buffers is gone.
EVENT_PATIENCE = timedelta(seconds=10)
#: A held `GET` is answered after this long at the latest (design section 6).
MAX_WAIT = timedelta(seconds=25)

#: What `If-None-Match` may name at most; more is not compared.
MAX_ETAGS = 10

SETTINGS = web.AppKey("settings", Settings)
#: By what name the guard knows a request, in its answer and in the log.
REQUEST_ID = web.RequestKey("request_id", str)
#: The stream with which a request is being answered: nothing else can be answered any more.
STREAM = web.RequestKey("stream", web.StreamResponse)
#: The preference that is kept to, whatever the answer becomes (RFC 7240 section 3).
APPLIED = web.RequestKey("applied", str)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: The language that was chosen at the switch.
LANGUAGE_COOKIE = "language"

_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*(\d{1,4})\s*(?:,|;|$)", re.ASCII)
_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/-]{1,1024}=*)", re.ASCII)
_encoder = msgspec.json.Encoder()


def route_table(operations: Iterable[Operation]) -> list[web.RouteDef]:
    """Return the routes of calls that the phone API's document tells of."""
    return [web.route(call.method, call.path, call.handler) for call in operations]


async def json_body(request: web.Request, body: type[T]) -> T:
    """Read the body as one JSON value of that type; members it does not know are ignored.

    Raises:
        InvalidRequest: not JSON, or of another shape; the answer never repeats what was sent.
        UnsupportedMediaType: not `application/json`.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    raw = await _read(request)
    # PostgreSQL takes no NUL in a text, and nothing that people or programs name has one.
    if rb"\u0000" in raw:
        raise InvalidRequest("The body holds a NUL character.")
    try:
        return msgspec.json.decode(raw, type=body)
    except RecursionError as error:
        raise InvalidRequest("The JSON is nested too deeply.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        complaint = _without_value(str(error))
        raise InvalidRequest(f"The body is not what this call takes: {complaint}.") from error


async def form_body(request: web.Request) -> Mapping[str, str]:
    """Read the body as a form; an empty value counts as absent (RFC 6749 section 3.2).

    Raises:
        InvalidRequest: not a UTF-8 form, or a parameter stands there twice (RFC 6749 section 3.2).
        UnsupportedMediaType: not `application/x-www-form-urlencoded`.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("Send the body as application/x-www-form-urlencoded.")
    return _form(await _read(request))


def query_form(request: web.Request) -> Mapping[str, str]:
    """Read the query as a form, under the rules of one (RFC 6749 section 3.1).

    Raises:
        InvalidRequest: not UTF-8, or a parameter stands there twice.
    """
    raw = request.rel_url.raw_query_string.encode("ascii", "replace")
    return _form(raw)


def _form(raw: bytes) -> Mapping[str, str]:
    try:
        pairs = list(_pairs(raw.decode("utf-8")))
    except ValueError as error:
        raise InvalidRequest("This is not a form in UTF-8.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("A parameter stands there twice.")
    if any("\0" in value for value in form.values()):
        raise InvalidRequest("A parameter holds a NUL character.")
    return {name: value for name, value in form.items() if value}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Read names and values as `parse_qsl` does, which takes each apart that has nothing to read.

    Raises:
        ValueError: too many, or not UTF-8.
    """
    fields = text.split("&")
    if len(fields) > MAX_FORM_FIELDS:
        raise ValueError("too many fields")
    for each in fields:
        if each:
            name, _, value = each.partition("=")
            yield _plain(name), _plain(value)


def _plain(text: str) -> str:
    spaced = text.replace("+", " ")
    if "%" not in spaced:
        return spaced
    if spaced.isascii():
        return unquote_to_bytes(spaced).decode("utf-8")
    return unquote(spaced, errors="strict")


async def _read(request: web.Request) -> bytes:
    try:
        if request.content.is_eof():
            # All of it came with the headers, as nearly always.
            return await request.read()
        async with asyncio.timeout(BODY_PATIENCE.total_seconds()):
            return await request.read()
    except TimeoutError as error:
        raise BodyTooSlow from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise InvalidRequest("The body is broken off or malformed.", repr(error)) from error


def _without_value(complaint: str) -> str:
    """Return what msgspec says of a body: the place and what was expected, but never the value."""
    if complaint.startswith(("Invalid value", "Invalid enum value")):
        return f"Invalid value at {complaint.rpartition(' - at ')[2]}"
    return complaint


def answer(
    body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON, or with nothing, never to be kept by a cache."""
    response = web.Response(status=status, headers=headers)
    if body is not None:
        response.body = _encoder.encode(body)
        response.content_type = "application/json"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def harden(response: web.StreamResponse, request_id: str, applied: str | None = None) -> None:
    """Add what every answer carries.

    Args:
        applied: The caller's preference that was kept to, if one was.
    """
    response.headers["X-Request-Id"] = request_id
    if applied:
        response.headers["Preference-Applied"] = applied
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


async def begin_stream(
    request: web.Request, content_type: str, **headers: str
) -> web.StreamResponse:
    """Begin to answer with what comes piece by piece, never to be kept by a cache."""
    stream = web.StreamResponse(
        headers={"Content-Type": content_type, "Cache-Control": "no-store", **headers}
    )
    harden(stream, request[REQUEST_ID])
    await stream.prepare(request)
    request[STREAM] = stream
    return stream


async def begin_events(request: web.Request) -> web.StreamResponse:
    """Begin to answer with server-sent events (HTML Standard section 9.2)."""
    # nginx would hold them back until a buffer is full.
    return await begin_stream(request, "text/event-stream", **{"X-Accel-Buffering": "no"})


async def begin_file(request: web.Request, name: str, content_type: str) -> web.StreamResponse:
    """Begin to answer with a file to take away."""
    disposition = f'attachment; filename="{name}"'
    return await begin_stream(request, content_type, **{"Content-Disposition": disposition})


async def send_event(
    stream: web.StreamResponse, event: str, data: Any, identifier: str = ""
) -> None:
    """Send one event, its data as JSON, which has no line feeds.

    Args:
        identifier: What the reader sends as `Last-Event-ID` when it comes back.

    Raises:
        ConnectionError: nobody listens any more.
        TimeoutError: whoever listens does not read.
    """
    raw = b"event: %s\ndata: %s\n\n" % (event.encode(), _encoder.encode(data))
    if identifier:
        raw = b"id: %s\n%s" % (identifier.encode(), raw)
    async with asyncio.timeout(EVENT_PATIENCE.total_seconds()):
        await stream.write(raw)


def bearer(request: web.Request) -> str:
    """Return the bearer token of the request (RFC 6750 section 2.1).

    Raises:
        Unauthenticated: there is none, or more than one.
    """
    values = request.headers.getall("Authorization", [])
    match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise Unauthenticated
    return match[1]


def preferred_wait(request: web.Request, most: timedelta = MAX_WAIT) -> timedelta:
    """Return how long the caller would have its answer held (RFC 7240 section 4.3)."""
    match = _WAIT.search(",".join(request.headers.getall("Prefer", [])))
    return min(timedelta(seconds=int(match[1])), most) if match else timedelta(0)


def apply_wait(request: web.Request, wait: timedelta) -> None:
    """Have the answer say for how long it may be held, as the caller prefers."""
    if wait:
        request[APPLIED] = f"wait={int(wait.total_seconds())}"


def cookie(request: web.Request, name: str) -> str | None:
    """Read a cookie of ours, which is the only way to read one.

    An unsafe request that rides on a cookie has to come from our own pages: browsers attach
    cookies to what any page on any site makes them send.

    Raises:
        CrossSite: it does not say that it comes from the base URL's origin.
    """
    settings = request.app[SETTINGS]
    value = request.cookies.get(settings.cookie_name(name))
    if value is not None and request.method not in SAFE_METHODS:
        check_same_origin(request, settings.origin)
    return value


def check_same_origin(request: web.Request, origin: str) -> None:
    """Refuse what does not come from our own pages; silence is refused too."""
    sent = request.headers.getall("Origin", [])
    if sent:
        if sent != [origin]:
            raise CrossSite("origin")
    elif request.headers.getall("Sec-Fetch-Site", []) != ["same-origin"]:
        raise CrossSite("neither Origin nor Sec-Fetch-Site")


def etag_of(body: Any) -> str:
    """Return the entity tag of a JSON body (RFC 9110 section 8.8.3)."""
    return f'"{b64url(hashlib.sha256(_encoder.encode(body)).digest()[:12])}"'


def etags(request: web.Request) -> frozenset[str]:
    """Return what the caller knows already (RFC 9110 section 13.1.2)."""
    values = ",".join(request.headers.getall("If-None-Match", [])).split(",", MAX_ETAGS)
    return frozenset(value.strip().removeprefix("W/") for value in values if value.strip())


def language_of(request: web.Request) -> Language:
    """Return the language that the person chose, else the one that their browser asks for."""
    return asked_language(request) or DEFAULT


def asked_language(request: web.Request) -> Language | None:
    """Return the same, and nothing where the caller says nothing of languages."""
    # Nothing is done in this cookie's name, so it counts wherever the request comes from.
    name = request.app[SETTINGS].cookie_name(LANGUAGE_COOKIE)
    chosen = language_named(request.cookies.get(name, ""))
    asked = ",".join(request.headers.getall("Accept-Language", []))
    return chosen or (negotiate(asked) if asked else None)


def set_cookie(
    request: web.Request,
    response: web.Response,
    name: str,
    value: str,
    max_age: timedelta | None = None,
) -> None:
    """Set an HttpOnly, SameSite=Lax cookie under its `__Host-` name where there is TLS.

    Args:
        max_age: By default until the browser is closed.
    """
    settings = request.app[SETTINGS]
    response.set_cookie(
        settings.cookie_name(name),
        value,
        max_age=None if max_age is None else int(max_age.total_seconds()),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )


def forget_cookie(request: web.Request, response: web.Response, name: str) -> None:
    """Let the browser drop a cookie that `set_cookie` set."""
    settings = request.app[SETTINGS]
    response.del_cookie(
        settings.cookie_name(name),
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )
