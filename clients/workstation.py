"""A workstation: an OpenID Connect client that knows the server by its discovery alone.

OpenID Connect CIBA Core 1.0 in poll mode where it knows who, RFC 8628 where it does not, with
`private_key_jwt` (OpenID Connect Core 1.0 section 9) and long polling.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Unpack

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from clients.client_key import ASSERTION_TYPE, ClientKey, ProofKey, read_key
from clients.event_stream import events
from clients.id_token import Claims, Expectation, UnknownKey, UntrustedToken, verify
from clients.oauth_error import named
from clients.started import AnyStarted, DeviceStarted, RequestOptions, Started, request_form
from clients.wire import TIMEOUT, Answer, JSONObject, WireError, origin_of, read_answer

#: Seconds that the server holds a poll at the most.
WAIT = 25
#: Seconds that `slow_down` adds (CIBA Core 1.0 section 11).
SLOW_DOWN = 5
#: Seconds until what broke off is asked for again.
_COME_BACK = 1
_OK = 200
_UNAVAILABLE = 503
_ENDLESS = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=TIMEOUT)
#: Seconds that a request may outlive its `expires_in` before the wait is given up.
_GRACE = 60


#: Hears what can be told to who waits at the workstation; the empty string when that is over.
Told = Callable[[str], object]


def _untold(_hint: str) -> None:
    """Tell nobody."""


class Metadata(msgspec.Struct, frozen=True):
    """What a CIBA client needs of the discovery document."""

    issuer: str
    token_endpoint: str
    backchannel_authentication_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    device_authorization_endpoint: str = ""


class Frame(msgspec.Struct, frozen=True):
    """What to show as a QR code until the next one comes; with its picture where asked for."""

    link: str
    qr_svg: str = ""


class Assertion(msgspec.Struct, frozen=True):
    """The answer: the verified claims, and the tokens as they came."""

    claims: Claims
    id_token: str
    access_token: str


class _Tokens(msgspec.Struct):
    id_token: str
    access_token: str


class _Hint(msgspec.Struct):
    hint: str


class _KeySet(msgspec.Struct):
    keys: list[JSONObject]


@asynccontextmanager
async def connect(
    issuer: str,
    client_id: str,
    key_file: Path | str,
    *,
    kid: str | None = None,
    dpop: bool = False,
) -> AsyncIterator["Workstation"]:
    """Open a workstation with the client's key from a file, until the block is left.

    Args:
        dpop: As `Workstation` has it.

    Raises:
        NoKey: no unencrypted P-256 private key in the file.
    """
    key = read_key(Path(key_file))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Workstation(http, issuer, client_id, key, kid, dpop=dpop)


class Workstation:
    """One client of the server; `kid` goes into the header of its assertions when given."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        issuer: str,
        client_id: str,
        key: ec.EllipticCurvePrivateKey,
        kid: str | None = None,
        *,
        dpop: bool = False,
    ) -> None:
        """Build it.

        Args:
            dpop: Bind the tokens to a key of this run, so that they are of no use to whoever
                else gets hold of them (RFC 9449); what the client's policy may ask.
        """
        self._http = http
        self._issuer = issuer
        self._client = ClientKey(client_id, key, kid)
        self._proof = ProofKey() if dpop else None
        self._metadata: Metadata | None = None
        self._keys: list[JSONObject] | None = None

    async def metadata(self) -> Metadata:
        """Read the discovery document, once.

        Raises:
            UntrustedToken: it speaks for another issuer, or names an endpoint without TLS.
        """
        if self._metadata is None:
            url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
            read = (await self._send("GET", url)).read(Metadata)
            # An issuer that is not the one asked could have its tokens taken for another's
            # (OpenID Connect Discovery 1.0 section 4.3).
            if read.issuer != self._issuer:
                raise UntrustedToken("the discovery document of another issuer")
            try:
                for endpoint in filter(None, msgspec.structs.astuple(read)):
                    origin_of(endpoint)
            except ValueError as error:
                raise UntrustedToken("an endpoint without TLS") from error
            self._metadata = read
        return self._metadata

    async def start(self, login_hint: str, **options: Unpack[RequestOptions]) -> Started:
        """Ask for a person: `uzi:<9 digits>` or a user name.

        Args:
            options: `scope` is `openid uzi` unless given; `request_context` says
                `workstation_id`, `workstation` and `location`.

        Raises:
            UnknownUser: nobody by that hint, or without an active phone.
            WireError: any other refusal, by its `error`.
        """
        form = {"login_hint": login_hint, **request_form(options)}
        endpoint = (await self.metadata()).backchannel_authentication_endpoint
        return (await self._post(endpoint, form)).read(Started)

    async def start_for_whoever_scans(self, **options: Unpack[RequestOptions]) -> DeviceStarted:
        """Open a login for whoever scans what `frames` yields.

        Raises:
            WireError: a refusal, by its `error`.
        """
        endpoint = (await self.metadata()).device_authorization_endpoint
        return (await self._post(endpoint, request_form(options))).read(DeviceStarted)

    async def poll_once(
        self, started: AnyStarted, wait: int = WAIT, told: Told = _untold
    ) -> Assertion | None:
        """Ask once, held for up to `wait` seconds; `None` while there is no answer.

        Args:
            told: Hears what can be told to who waits here: `open_the_app`, `answer_on_phone` or
                nothing.

        Raises:
            AccessDenied: the answer is no.
            ExpiredToken: there was none in time.
            InvalidGrant: redeemed already, or not this client's.
            UntrustedToken: the ID token does not hold.
            WireError: `slow_down`, or any other refusal.
        """
        endpoint = (await self.metadata()).token_endpoint
        try:
            answer = await self._post(endpoint, started.poll_form(), wait, self._proof)
        except WireError as error:
            if error.error == "authorization_pending":
                told(str(error.body.get("hint", "")))
                return None
            raise
        tokens = answer.read(_Tokens)
        claims = await self.verify(tokens.id_token, started.auth_req_id)
        return Assertion(claims, tokens.id_token, tokens.access_token)

    async def poll(self, started: AnyStarted, wait: int = WAIT, told: Told = _untold) -> Assertion:
        """Poll until there is an answer, no faster than the server allows.

        Args:
            told: As `poll_once` has it.

        Raises:
            AccessDenied: the answer is no.
            ExpiredToken: there was none in time.
            InvalidGrant: redeemed already, or not this client's.
            UntrustedToken: the ID token does not hold.
            TimeoutError: long past its expiry the server says neither yes nor no, or nothing.
            WireError: any other refusal.
        """
        interval = started.interval
        async with asyncio.timeout(started.expires_in + _GRACE):
            while True:
                asked = time.monotonic()
                try:
                    assertion = await self.poll_once(started, wait, told)
                except WireError as error:
                    if error.error != "slow_down" and error.status != _UNAVAILABLE:
                        raise
                    interval += SLOW_DOWN
                    assertion = None
                except aiohttp.ClientConnectionError:
                    # A proxy cut it off, or the node stops; what was asked stands.
                    assertion, interval = None, max(interval, _COME_BACK)
                if assertion is not None:
                    return assertion
                # After a poll that was held that long the next follows at once.
                await asyncio.sleep(max(0.0, asked + interval - time.monotonic()))

    async def frames(
        self, started: AnyStarted, *, drawn: bool = False, told: Told = _untold
    ) -> AsyncIterator[Frame]:
        """Yield each second what the QR code says, until the request has ended in some way.

        Args:
            told: Hears what can be told to who waits here, and when that is over.

        Raises:
            UntrustedToken: the frames would come from somewhere else than the issuer.
            WireError: this request has none.
        """
        uri = started.qr_events_uri
        if not uri or origin_of(uri) != origin_of(self._issuer):
            raise UntrustedToken("frames of another server")
        headers = {"Authorization": f"Bearer {started.secret}"}
        query = {"qr_svg": "true"} if drawn else {}
        async with asyncio.timeout(started.expires_in + _GRACE):
            while True:
                async with self._http.get(
                    uri, params=query, headers=headers, allow_redirects=False, timeout=_ENDLESS
                ) as response:
                    if response.status != _OK:
                        await read_answer(response)
                    async for name, data in events(response.content):
                        if name == "end":
                            return
                        if name == "frame":
                            yield msgspec.json.decode(data, type=Frame)
                        elif name == "hint":
                            told(msgspec.json.decode(data, type=_Hint).hint)
                # Broken off: the node stops, or too many wait there.
                await asyncio.sleep(_COME_BACK)

    async def verify(self, id_token: str, auth_req_id: str = "", nonce: str = "") -> Claims:
        """Check an ID token, fetching the key set once more when its key is not there yet.

        Raises:
            UntrustedToken: it does not hold.
        """
        expected = Expectation(
            issuer=self._issuer,
            client_id=self._client.client_id,
            auth_req_id=auth_req_id,
            nonce=nonce,
            thumbprint=self._proof.thumbprint if self._proof else "",
        )
        if self._keys is not None:
            try:
                return verify(id_token, self._keys, expected)
            except UnknownKey:
                self._keys = None
        url = (await self.metadata()).jwks_uri
        self._keys = (await self._send("GET", url)).read(_KeySet).keys
        return verify(id_token, self._keys, expected)

    async def userinfo(self, access_token: str) -> JSONObject:
        """Ask for the claims once more with the access token.

        Raises:
            WireError: the token opens nothing.
        """
        url = (await self.metadata()).userinfo_endpoint
        headers = {"Authorization": f"Bearer {access_token}"}
        if self._proof:
            proof = self._proof.proof("GET", url, access_token)
            headers = {"Authorization": f"DPoP {access_token}", "DPoP": proof}
        return (await self._send("GET", url, headers=headers)).read(JSONObject)

    def client_assertion(self) -> str:
        """Sign a fresh assertion of who this client is, for this server alone."""
        return self._client.assertion(self._issuer)

    async def _post(
        self,
        url: str,
        form: Mapping[str, object],
        wait: int = 0,
        proof: ProofKey | None = None,
        nonce: str = "",
    ) -> Answer:
        sent = {name: str(value) for name, value in form.items() if value is not None}
        sent["client_assertion_type"] = ASSERTION_TYPE
        sent["client_assertion"] = self.client_assertion()
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        if proof:
            headers["DPoP"] = proof.proof("POST", url, nonce=nonce)
        try:
            return await self._send("POST", url, headers=headers, form=sent, wait=wait)
        except WireError as error:
            asked = error.headers.get("DPoP-Nonce", "")
            if proof and asked and not nonce and error.error == "use_dpop_nonce":
                return await self._post(url, form, wait, proof, asked)
            raise named(error) from error

    async def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        wait: int = 0,
    ) -> Answer:
        async with self._http.request(
            method,
            url,
            data=form,
            headers={"Accept": "application/json", **(headers or {})},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT + wait),
        ) as response:
            return await read_answer(response)
