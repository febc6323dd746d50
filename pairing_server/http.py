"""What every route shares: strict bodies, JSON answers, the guards, `Prefer: wait`, errors."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
import structlog
from aiohttp import web

from pairing_server.errors import (
    BodyTooLarge,
    CrossSite,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Refusal,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    WrongHost,
)
from pairing_server.metrics import REQUEST_SECONDS
from pairing_server.registry import RegistryUnavailableError
from pairing_server.settings import Settings
from pairing_server.store import StoreUnavailableError
from pairing_server.tokens import new_id

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY_BYTES = 64 * 1024
MAX_FORM_FIELDS = 50
#: A held `GET` is answered after this long at the latest (design section 6).
MAX_WAIT = timedelta(seconds=25)

SETTINGS = web.AppKey("settings", Settings)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: What load balancers and monitors ask under whatever name they know.
OPERATIONAL_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*(\d{1,4})\s*(?:,|;|$)", re.ASCII)
_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/-]{1,1024}=*)", re.ASCII)
_log = structlog.get_logger("http")
_encoder = msgspec.json.Encoder()


async def json_body(request: web.Request, body: type[T]) -> T:
    """Read the body as one JSON value of that type; members it does not know are ignored.

    Raises:
        InvalidRequest: not JSON, or of another shape; the answer never repeats what was sent.
        UnsupportedMediaType: not `application/json`.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    raw = await request.read()
    try:
        return msgspec.json.decode(raw, type=body)
    except RecursionError as error:
        raise InvalidRequest("The JSON is nested too deeply.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # msgspec names the place and the type that was expected, never the value.
        raise InvalidRequest(f"The body is not what this call takes: {error}.") from error


async def form_body(request: web.Request) -> Mapping[str, str]:
    """Read the body as a form; an empty value counts as absent (RFC 6749 section 3.2).

    Raises:
        InvalidRequest: not a UTF-8 form, or a parameter stands there twice (RFC 6749 section 3.2).
        UnsupportedMediaType: not `application/x-www-form-urlencoded`.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMediaType("Send the body as application/x-www-form-urlencoded.")
    raw = await request.read()
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError as error:
        raise InvalidRequest("The body is not a UTF-8 form.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("A parameter stands there twice.")
    return {name: value for name, value in form.items() if value}


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
    elif request.headers.get("Sec-Fetch-Site") != "same-origin":
        raise CrossSite("neither Origin nor Sec-Fetch-Site")


def set_cookie(request: web.Request, response: web.Response, name: str, value: str) -> None:
    """Set an HttpOnly, SameSite=Lax session cookie under its `__Host-` name where there is TLS."""
    settings = request.app[SETTINGS]
    response.set_cookie(
        settings.cookie_name(name),
        value,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )


def make_middleware(random: Callable[[int], bytes]) -> Any:
    """Return the middleware that guards, logs and measures each request and words each error."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = new_id(random)
        started = time.perf_counter()
        log = _log.bind(request_id=request_id, method=request.method, route=_route(request))
        try:
            _check_host(request)
            response = await handler(request)
        except Refusal as refusal:
            log.info("refused", code=refusal.code, status=refusal.status, detail=refusal.args)
            response = refuse(refusal, request_id)
        except (StoreUnavailableError, RegistryUnavailableError) as error:
            log.error("store away", error=repr(error))  # noqa: TRY400  (no traceback in the log)
            response = refuse(Unavailable(), request_id)
        except web.HTTPException as error:
            response = refuse(_of_aiohttp(error), request_id, error.headers.get("Allow"))
        except Exception:  # the last line of defence: a bug is a 500 without a stack trace
            log.exception("bug")
            body = {"error": "server_error", "request_id": request_id}
            body["error_description"] = "This is our fault; tell us the request_id."
            response = answer(body, 500)
        seconds = time.perf_counter() - started
        REQUEST_SECONDS.labels(request.method, _route(request), response.status).observe(seconds)
        log.info("answered", status=response.status, ms=round(seconds * 1000, 1))
        if not response.prepared:
            response.headers["X-Request-Id"] = request_id
            _harden(response)
        return response

    return guard


def refuse(refusal: Refusal, request_id: str, allow: str | None = None) -> web.Response:
    """Word a refusal as `{error, error_description}` (RFC 6749 section 5.2)."""
    body = {"error": refusal.code, "error_description": refusal.description, **refusal.members}
    headers = {}
    if refusal.status >= web.HTTPInternalServerError.status_code:
        body["request_id"] = request_id
    if isinstance(refusal, Unavailable):
        headers["Retry-After"] = "2"
    if refusal.status == web.HTTPUnauthorized.status_code:
        headers["WWW-Authenticate"] = f'Bearer error="{refusal.code}"'
    if allow:
        headers["Allow"] = allow
    return answer(body, refusal.status, headers)


def _route(request: web.Request) -> str:
    """Name the route by its pattern: paths hold identifiers, which no log or metric repeats."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def _check_host(request: web.Request) -> None:
    # A page on another name that resolves to us (DNS rebinding) must not be served as us.
    settings = request.app[SETTINGS]
    if request.headers.getall("Host", []) != [settings.host]:
        if request.path in OPERATIONAL_PATHS:
            return
        raise WrongHost


def _of_aiohttp(error: web.HTTPException) -> Refusal:
    if isinstance(error, web.HTTPNotFound):
        return NotFound()
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed()
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return BodyTooLarge()
    return InvalidRequest(None, repr(error))


def _harden(response: web.StreamResponse) -> None:
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
