"""What travels between the reference clients and a server, as the documents show it.

Everything that is drawn anew each time (identifiers, secrets, keys, times, codes) is replaced by a
stable word, so that an example changes only when the wire does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, urlsplit

import aiohttp
from multidict import CIMultiDictProxy

#: The server of the examples.
BASE_URL = "http://localhost:8080"

_REQUEST_HEADERS = (
    "Authorization",
    "Client-Cert",
    "Client-Cert-Chain",
    "Content-Type",
    "Cookie",
    "If-None-Match",
    "Last-Event-ID",
    "Origin",
    "Prefer",
    "X-Nonce",
)
_ANSWER_HEADERS = (
    "Allow",
    "Content-Type",
    "ETag",
    "Location",
    "Preference-Applied",
    "Retry-After",
    "Set-Cookie",
    "WWW-Authenticate",
)
#: Members whose short values are drawn: what stands for the first value seen, zeros for others.
_SHORT = {
    "check_number": "4711",
    "binding_code": "042917",
    "bindingCode": "042917",
    "BindingCode": "042917",
    "code": "042917",
}
#: Members that tell an age of each thing that they name.
_AGES = {"uzi_crl_age_seconds": 1800}
_TIMES = {
    "at": "2026-11-22T11:40:00Z",
    "read_at": "2026-11-22T11:50:00Z",
    "requested_at": "2026-11-22T12:00:00Z",
    "expires_at": "2026-11-22T12:02:00Z",
    "bound_at": "2026-11-22T11:45:00Z",
    "last_used_at": "2026-11-22T11:50:00Z",
    "offered_at": "2026-11-22T11:40:00Z",
    "valid_until": "2026-11-22T12:00:00Z",
}
_NUMBERS = {"exp": 1795349100, "iat": 1795348800, "nbf": 1795348800, "auth_time": 1795348795}
#: What lives for years.
_FAR = "2029-11-21T11:45:00Z"
#: Members whose values are long and of no interest.
_LONG = {
    "attestationObject": "<attestationObject>",
    "authenticatorData": "<authenticatorData>",
    "Data": "<evidence>",
    "certificate": "<certificate>",
    "client_assertion": "<client_assertion>",
    "clientDataJSON": "<clientDataJSON>",
    "publicKey": "<publicKey>",
    "qr_svg": "<svg …>",
    "read_by": "person:<person id>",
    "signature": "<signature>",
    "user_code": "WDJB-MJHT",
}
#: By what other name a value is known, after the object or the member that holds it.
_IDS = {"credential": "credential id", "assertion": "credential id", "user": "user id"}
_NAMES = {
    "device_token": "new device token",
    "credential_id": "credential id",
    "rawId": "credential id",
    "userHandle": "user id",
    "session": "signing session",
}
_COLLECTIONS = {
    "sessions": "session",
    "notices": "notice",
    "pairings": "pairing",
    "auth-requests": "auth request",
    "qr": "auth request",
    "user-code": "auth request",
    "challenge": "challenge",
    "changes": "change",
    "history": "event",
    "membership-offers": "offer",
    "renewals": "renewal",
    "transactions": "transaction",
    "transfers": "transfer",
}
#: What the bearer is, by the first part of the path.
_BEARERS = {"phone": "device token", "qr": "auth_req_id", "v1": "client_assertion"}
#: What a login QR code says for a second.
_FRAME = re.compile(r"/app/#l\.[\w-]{22}\.\d+\.[\w-]{22}", re.ASCII)
_RANDOM = re.compile(r"[A-Za-z0-9+/_-]{22,}={0,2}|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]{16,}){2}")


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    url: str
    sent: CIMultiDictProxy[str]
    body: bytes
    status: int
    got: list[tuple[str, str]]
    answer: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def name(self, label: str) -> str:
        """Name the exchange by its route, status and error."""
        route = "/".join(
            "{id}" if _RANDOM.fullmatch(part) else part for part in self.path.split("/")
        )
        said = self.answer_json()
        error = f" {said['error']}" if isinstance(said, dict) and "error" in said else ""
        return f"{self.method} {route} {self.status}{error}" + (f" ({label})" if label else "")

    def request_json(self) -> Any:
        return json.loads(self.body) if self.body[:1] in (b"{", b"[") else None

    def form(self) -> list[tuple[str, str]]:
        is_form = self.body and self.request_json() is None
        return parse_qsl(self.body.decode()) if is_form else []

    def events(self) -> list[str]:
        """Return the first and the last of server-sent events; how many come between depends."""
        sent = self.answer.decode().rstrip("\n").split("\n\n")
        return [sent[0], "", sent[-1]] if sent[0].startswith("event:") else []

    def answer_json(self) -> Any:
        return json.loads(self.answer) if self.answer[:1] in (b"{", b"[") else None


@dataclass
class Exchanges:
    """The exchanges of one story; `label` tells those apart that would have the same name."""

    base_url: str
    label: str = ""
    _named: dict[str, Exchange] = field(default_factory=dict)
    _all: list[Exchange] = field(default_factory=list)
    _known: dict[str, str] = field(default_factory=dict)

    def add(self, exchange: Exchange) -> None:
        self._all.append(exchange)
        self._named.setdefault(exchange.name(self.label), exchange)

    def known(self, value: str, word: str) -> None:
        """Say what stands for an origin that is chosen anew each time."""
        self._known[value] = word

    def of(self, prefix: str) -> list[Exchange]:
        """Return the exchanges under a path."""
        return [exchange for exchange in self._all if exchange.path.startswith(prefix)]

    def written(self) -> dict[str, str]:
        """Return the first exchange of each name, as text."""
        words = _Words(self.base_url, self._known)
        for exchange in self._all:
            words.learn(exchange)
        return {name: words.write(exchange) for name, exchange in self._named.items()}


@contextmanager
def recording(base_url: str) -> Iterator[Exchanges]:
    """Record what every client in this process exchanges with a server."""
    exchanges = Exchanges(base_url)
    send = aiohttp.ClientSession._request

    async def request(session: aiohttp.ClientSession, method: str, url: Any, **options: Any):
        answer = await send(session, method, url, **options)
        data = options.get("data")
        body = data if isinstance(data, bytes) else _form_bytes(data)
        exchanges.add(
            Exchange(
                method=method,
                url=str(url),
                sent=answer.request_info.headers,
                body=body,
                status=answer.status,
                got=list(answer.headers.items()),
                answer=await answer.read(),
            )
        )
        return answer

    with patch.object(aiohttp.ClientSession, "_request", request):
        yield exchanges


def _form_bytes(data: Mapping[str, str] | list[tuple[str, str]] | None) -> bytes:
    return "&".join(f"{name}={quote(value)}" for name, value in dict(data or {}).items()).encode()


class _Words:
    """What stands for each drawn value, by the place where it was first seen."""

    def __init__(self, base_url: str, known: Mapping[str, str]) -> None:
        self._long = {
            **known,
            base_url: BASE_URL,
            quote(base_url, safe=""): quote(BASE_URL, safe=""),
            urlsplit(base_url).netloc: urlsplit(BASE_URL).netloc,
        }
        self._short: dict[str, dict[str, str]] = {word: {} for word in _SHORT.values()}
        self._taken: dict[str, int] = {}

    def learn(self, exchange: Exchange) -> None:
        for name, value in exchange.form():
            self._learn_value(name, value)
        noun = _noun(exchange.path)
        token = exchange.sent.get("Authorization", "").removeprefix("Bearer ")
        cookies = exchange.sent.get("Cookie", "").split("; ")
        cookies += [value for name, value in exchange.got if name.lower() == "set-cookie"]
        for cookie in cookies:
            name, _, rest = cookie.partition("=")
            self._learn_value(f"{name} cookie", rest.partition(";")[0])
        for value in exchange.sent.getall("Client-Cert", []):
            self._long[value] = ":<certificate>:"
        for value in exchange.sent.getall("Client-Cert-Chain", []):
            self._long[value] = ":<its issuer>:, :<the issuer's issuer>:"
        for value in exchange.sent.getall("If-None-Match", []):
            self._long[value] = '"<etag>"'
        self._learn_json(exchange.request_json(), "", noun)
        self._learn_json(exchange.answer_json(), "", noun)
        kind = _BEARERS.get(exchange.path.split("/")[1], "access_token")
        self._learn_value(kind, token)

    def write(self, exchange: Exchange) -> str:
        target = exchange.url.removeprefix(f"{_origin(exchange.url)}")
        lines = [f"{exchange.method} {target}"]
        lines += [
            f"{name}: {exchange.sent[name]}" for name in _REQUEST_HEADERS if name in exchange.sent
        ]
        if exchange.form():
            lines += ["", *(f"{name}={self._shown(name, v)}" for name, v in exchange.form())]
        elif exchange.body:
            lines += ["", self._json(exchange.request_json())]
        lines += ["", f"HTTP/1.1 {exchange.status} {_phrase(exchange.status)}"]
        for shown in _ANSWER_HEADERS:
            lines += [f"{shown}: {v}" for name, v in exchange.got if name.lower() == shown.lower()]
        if exchange.events():
            lines += ["", *exchange.events()]
        elif exchange.answer:
            lines += ["", self._json(exchange.answer_json())]
        text = _FRAME.sub(r"/app/#l.<handle>.17.<mac>", "\n".join(lines))
        return re.sub(r'ETag: "[^"]+"', 'ETag: "<etag>"', self._substitute(text))

    def _learn_json(self, value: Any, name: str, noun: str) -> None:
        if isinstance(value, dict):
            for member, inner in value.items():
                below = member if member in _IDS else _NAMES.get(member, noun)
                called = _IDS.get(noun, f"{noun} id") if member == "id" else member
                self._learn_json(inner, _NAMES.get(called, called), below)
        elif isinstance(value, list):
            for inner in value:
                self._learn_json(inner, name, noun)
        elif isinstance(value, str) and value.startswith("{"):
            self._learn_json(json.loads(value), "", noun)
        elif isinstance(value, str):
            self._learn_value(name, value)

    def _learn_value(self, name: str, value: str) -> None:
        if name == "request_uri":
            value = value.rpartition(":")[2]
        if name in _SHORT and not _RANDOM.fullmatch(value):
            seen = self._short[_SHORT[name]]
            seen.setdefault(value, "0" * len(value) if seen else _SHORT[name])
        elif _RANDOM.fullmatch(value) and value not in self._long:
            count = self._taken[name] = self._taken.get(name, 0) + 1
            self._long[value] = f"<{name}>" if count == 1 else f"<{name} {count}>"

    def _shown(self, name: str, value: Any) -> Any:
        """Return what stands for one value of a member or parameter."""
        if value is None or name in _LONG:
            return value and _LONG[name]
        if name in _TIMES:
            return _FAR if value[:4] > _TIMES[name][:4] else _TIMES[name]
        if name in _NUMBERS:
            return _NUMBERS[name]
        if name == "payload" and value.startswith("{"):
            return json.dumps(self._replaced(json.loads(value), ""), ensure_ascii=False)
        if name in ("expires_in", "expiresIn"):
            return -(-value // 10) * 10
        # An authorization code is as long as a secret, and told as one.
        return self._short[_SHORT[name]].get(value, value) if name in _SHORT else value

    def _json(self, value: Any) -> str:
        return json.dumps(self._replaced(value, ""), indent=2, ensure_ascii=False)

    def _replaced(self, value: Any, name: str) -> Any:
        if name in _AGES:
            return dict.fromkeys(value, _AGES[name])
        if isinstance(value, dict):
            return {member: self._replaced(inner, member) for member, inner in value.items()}
        if isinstance(value, list):
            return [self._replaced(inner, name) for inner in value]
        return self._shown(name, value)

    def _substitute(self, text: str) -> str:
        for value in sorted(self._long, key=len, reverse=True):
            text = text.replace(value, self._long[value])
        return text


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _noun(path: str) -> str:
    parts = [part for part in path.split("/") if part in _COLLECTIONS]
    return _COLLECTIONS[parts[-1]] if parts else ""


def _phrase(status: int) -> str:
    """Name a status as RFC 9110 does, which Python does from 3.13 on."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(
        status, HTTPStatus(status).phrase
    )
