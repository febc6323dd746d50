"""Around every route: which requests are let in, and how each answer of "no" is worded.

What cannot be read as HTTP never reaches a route; `Runner` words that, too.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, Protocol, cast

import structlog
from aiohttp import web
from prometheus_client import Histogram

from pairing_server.errors import (
    BodyTooLarge,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Refusal,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    WrongHost,
)
from pairing_server.http import (
    APPLIED,
    MAX_BODY_BYTES,
    MAX_LIST_BYTES,
    REQUEST_ID,
    SETTINGS,
    STREAM,
    answer,
    harden,
    language_of,
)
from pairing_server.languages import DEFAULT, Language, translate
from pairing_server.limits import COSTS, LIMITED, Limiter, address_of
from pairing_server.metrics import REQUEST_SECONDS
from pairing_server.registry import RegistryUnavailableError
from pairing_server.store import StoreUnavailableError
from pairing_server.tokens import Random, new_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: What load balancers and monitors ask under whatever name they know.
OPERATIONAL_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
#: Where browsers show cards.
CARD_PATH = "/uzi/mtls"
#: Where a list of people is taken, which is longer than any other body.
LIST_PATHS = frozenset({"/admin/people/import", "/admin/people/import/apply"})
#: Where clients may show a certificate, or call without one.
CLIENT_PATHS = frozenset(
    {
        *("/token", "/par", "/bc-authorize", "/device_authorization", "/userinfo", "/introspect"),
        *("/v1/sessions/open", "/v1/sessions/close", "/v1/transactions", "/v1/events"),
        *("/ssf/streams", "/ssf/status", "/ssf/verify"),
    }
)
#: What programs that administer call, of which nothing is looked at before the token.
API_PATHS = "/admin/api/"
#: Of these all but the document, which anybody reads, may come with a certificate, too.
CLIENT_PREFIX = f"{API_PATHS}organisations/"
#: Whose words people read; what OpenID Connect says of errors is ASCII (RFC 6749 section 5.2).
_LOCALISED = ("/uzi/", "/portal/", "/phone/")
#: What an answer of "no" says beside its body.
_ANSWER_HEADERS = frozenset({"Allow", "Retry-After", "WWW-Authenticate"})

# Callers make up others; a metric of each would fill the memory.
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

_log = structlog.get_logger("http")


class RefusalPages(Protocol):
    """Words a "no" as a page, or leaves it to be worded in JSON."""

    def refused(
        self, request: web.Request, refusal: Refusal, request_id: str
    ) -> web.Response | None:
        """Return a page that says it, `None` where a program asks."""

    def fault(self, request: web.Request, request_id: str) -> web.Response | None:
        """Return a page that says that it is our fault, `None` where a program asks."""


def make_middleware(random: Random, limiter: Limiter, pages: RefusalPages | None = None) -> Any:
    """Return the middleware that guards, logs and measures each request and words each error.

    Args:
        pages: What words a "no" for people; without it all are worded in JSON.
    """

    def word(
        request: web.Request, refusal: Refusal, request_id: str, allow: str | None = None
    ) -> web.Response:
        said = refuse(refusal, request_id, allow, _language(request))
        page = pages and pages.refused(request, refusal, request_id)
        if not page:
            return said
        for name in _ANSWER_HEADERS & said.headers.keys():
            page.headers[name] = said.headers[name]
        return page

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = request[REQUEST_ID] = new_id(random)
        started = time.perf_counter()
        method = request.method if request.method in _METHODS else "other"
        route = _route(request)
        facts = {"request_id": request_id, "method": method, "route": route}
        try:
            _check_host(request, route)
            _check_form(request, route)
            _check_path(request)
            _check_rate(request, route, limiter)
            response = await handler(request)
        except Refusal as refusal:
            said = {"code": refusal.code, "status": refusal.status, "detail": refusal.args}
            _log.info("refused", **facts, **said)
            response = word(request, refusal, request_id)
        except (StoreUnavailableError, RegistryUnavailableError) as error:
            _log.error("store away", **facts, error=repr(error))
            response = word(request, Unavailable(), request_id)
        except web.HTTPException as error:
            response = word(request, _of_aiohttp(error), request_id, error.headers.get("Allow"))
        # The last line of defence: a bug is a 500 without a stack trace.
        except Exception as error:  # noqa: BLE001
            _tell(request, error, facts)
            response = (pages and pages.fault(request, request_id)) or _fault(request_id)
        # What has begun cannot be worded otherwise any more: it breaks off.
        begun: web.StreamResponse | None = request.get(STREAM)
        response = begun or response
        seconds = time.perf_counter() - started
        _timer(method, route, response.status).observe(seconds)
        _log.info("answered", **facts, status=response.status, ms=round(seconds * 1000, 1))
        if not response.prepared:
            harden(response, request_id, request.get(APPLIED))
        return response

    return guard


def refuse(
    refusal: Refusal,
    request_id: str,
    allow: str | None = None,
    language: Language = DEFAULT,
) -> web.Response:
    """Word a refusal as `{error, error_description}` (RFC 6749 section 5.2)."""
    description = translate(language, refusal.description)
    body = {"error": refusal.code, "error_description": description, **refusal.members}
    headers = dict(refusal.headers)
    if refusal.status >= web.HTTPInternalServerError.status_code:
        body["request_id"] = request_id
    if isinstance(refusal, Unavailable | TooManyRequests):
        headers["Retry-After"] = str(int(refusal.retry_after.total_seconds()))
    # Not `invalid_client`: private_key_jwt is no HTTP scheme that could be named (RFC 6749 5.2).
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = refusal.challenge
    if allow:
        headers["Allow"] = allow
    return answer(body, refusal.status, headers)


def _fault(request_id: str) -> web.Response:
    body = {"error": "server_error", "request_id": request_id}
    body["error_description"] = "This is our fault; tell us the request_id."
    return answer(body, 500)


def _route(request: web.Request) -> str:
    """Name the route by its pattern: paths hold identifiers, which no log or metric repeats."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


@lru_cache(maxsize=1024)
def _timer(method: str, route: str, status: int) -> Histogram:
    # Looking a metric up costs more than counting.
    return REQUEST_SECONDS.labels(method, route, status)


def _language(request: web.Request) -> Language:
    return language_of(request) if _route(request).startswith(_LOCALISED) else DEFAULT


def _check_host(request: web.Request, route: str) -> None:
    # A page on another name that resolves to us (DNS rebinding) must not be served as us.
    settings = request.app[SETTINGS]
    # What a proxy hands on as a card came in where it asks for cards, not where anybody comes in.
    own = settings.mtls_host if route == CARD_PATH else settings.host
    may_show = route in CLIENT_PATHS or route.startswith(CLIENT_PREFIX)
    hosts = [[own], [settings.mtls_host]] if may_show else [[own]]
    if request.headers.getall("Host", []) not in hosts:
        if request.path in OPERATIONAL_PATHS:
            return
        raise WrongHost


def _check_form(request: web.Request, route: str) -> None:
    # There, who calls comes first: the call itself looks at its body.
    if not route.startswith(API_PATHS):
        check_body(request)


def check_body(request: web.Request) -> None:
    """Refuse bodies that no call takes, whether or not the call would look at its body.

    Raises:
        BodyTooLarge: it says so itself.
        UnsupportedMediaType: it is compressed.
    """
    # No client of ours compresses 64 KiB, and a kilobyte can unfold to a megabyte.
    if request.headers.getall("Content-Encoding", []):
        raise UnsupportedMediaType("Send the body as it is, without Content-Encoding.")
    most = MAX_LIST_BYTES if _route(request) in LIST_PATHS else MAX_BODY_BYTES
    if (request.content_length or 0) > most:
        raise BodyTooLarge


def _check_path(request: web.Request) -> None:
    # No identifier has a NUL, and PostgreSQL takes none in a text.
    if "\0" in request.path:
        raise NotFound("NUL in the path")


def _check_rate(request: web.Request, route: str, limiter: Limiter) -> None:
    called = request.method, route
    if called in LIMITED:
        address = address_of(request, request.app[SETTINGS].trusted_proxies)
        limiter.take(address, COSTS.get(called, 1))


def _of_aiohttp(error: web.HTTPException) -> Refusal:
    if isinstance(error, web.HTTPNotFound):
        return NotFound()
    if isinstance(error, web.HTTPMethodNotAllowed):
        return MethodNotAllowed()
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return BodyTooLarge()
    return InvalidRequest(None, repr(error))


class Runner(web.AppRunner):
    """Runs the application, and answers in JSON also what aiohttp refuses before any route.

    aiohttp itself would quote the request in its answer and, with whatever token it holds, in
    the log.
    """

    def __init__(self, app: web.Application, random: Random, **options: Any) -> None:
        # Compressed bodies are refused, so nothing needs to unfold them first.
        super().__init__(app, access_log=None, auto_decompress=False, **options)
        self._random = random

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        handle = cast("Handler", made.request_handler)

        async def outermost(request: web.Request) -> web.StreamResponse:
            try:
                return await handle(request)
            except web.HTTPException as error:  # a strange `Expect`
                return _refuse_unread(_of_aiohttp(error), self._random)

        return _Server(
            self._random,
            cast("Any", outermost),
            request_factory=made.request_factory,
            loop=asyncio.get_running_loop(),
            **self._kwargs,
        )


class _Server(web.Server):
    def __init__(self, random: Random, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self.random = random

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_random",)

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._random = server.random

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be read or, past the guard, not be answered."""
        _ = message  # quotes the request
        if request.writer.output_size:
            raise ConnectionError("an answer is under way")
        if status < web.HTTPInternalServerError.status_code:
            return _refuse_unread(
                InvalidRequest("This is not HTTP that can be read."), self._random, exc
            )
        request_id = new_id(self._random)
        _log.error("bug", request_id=request_id, exc_info=exc)
        return _closing(_fault(request_id), request_id)


def _tell(request: web.Request, error: Exception, facts: dict[str, Any]) -> None:
    """Log a bug, unless it is that nobody is there any more to read what is sent."""
    has_gone = request.transport is None or request.transport.is_closing()
    if has_gone and isinstance(error, ConnectionResetError):
        _log.info("hung up", **facts)
    else:
        _log.exception("bug", **facts)


def _refuse_unread(
    refusal: Refusal, random: Random, exc: BaseException | None = None
) -> web.Response:
    request_id = new_id(random)
    _log.info("unread", request_id=request_id, status=refusal.status, error=type(exc).__name__)
    return _closing(refuse(refusal, request_id), request_id)


def _closing(response: web.Response, request_id: str) -> web.Response:
    harden(response, request_id)
    response.force_close()
    return response
