"""Every answer of "no" that a caller is told.

    Refusal                     `code`, `status`, `description` are public, arguments private
    ├── InvalidRequest          400 invalid_request        RFC 6749 section 5.2
    │   ├── UnsupportedMediaType 415 invalid_request
    │   ├── BodyTooSlow         408 invalid_request
    │   └── BodyTooLarge        413 invalid_request
    ├── WrongHost               421 wrong_host
    ├── CrossSite               403 cross_site
    ├── Unauthenticated         401 invalid_token          RFC 6750 section 3.1
    ├── NotFound                404 not_found              unknown, foreign and used are one answer
    ├── MethodNotAllowed        405 method_not_allowed
    ├── Conflict                409 conflict
    ├── Expired                 410 expired
    ├── TooManyRequests         429 too_many_requests
    └── Unavailable             503 temporarily_unavailable

What only one part can refuse is defined in that part: `uzi.refusals`, `qr.refusals`,
`approvals.refusals`, `oidc.refusals`, `keys.refusals`, `phones.refusals`, `xis.refusals`,
`admin.refusals`, `signals.refusals`.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar


class Refusal(Exception):  # noqa: N818  (an answer, not an error)
    """An answer of "no" that is the caller's to know.

    Constructor arguments are the private detail: they go to the log with the request id and are
    never sent.  They hold no secret and no personal datum.

    Attributes:
        code: The `error` member, from the standard where there is one.
        status: The HTTP status.
        description: The `error_description` member: what happened and what to do next.
        members: Further members of the answer.
        headers: Further fields of it.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    description: str
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, *detail: object, **members: Any) -> None:
        super().__init__(*detail)
        self.members = members


class InvalidRequest(Refusal):
    """A parameter is missing, repeated, unknown in form or out of range (RFC 6749 section 5.2)."""

    code = "invalid_request"
    status = 400
    description = "The request is not well formed."

    def __init__(self, description: str | None = None, *detail: object, **members: Any) -> None:
        super().__init__(*detail, **members)
        if description is not None:
            self.description = description


class UnsupportedMediaType(InvalidRequest):
    """The body is of another type than the call takes (RFC 9110 section 15.5.16)."""

    status = 415


class BodyTooLarge(InvalidRequest):
    """The body is over the limit (RFC 9110 section 15.5.14)."""

    status = 413
    description = "The body is larger than 64 KiB."


class BodyTooSlow(InvalidRequest):
    """The body did not arrive in time (RFC 9110 section 15.5.9)."""

    status = 408
    description = "The body did not arrive in time: send it again."


class WrongHost(Refusal):
    """The request was sent to another name than the server's own (RFC 9110 section 15.5.20)."""

    code = "wrong_host"
    status = 421
    description = "This server answers under its base URL only."


class CrossSite(Refusal):
    """A request that rides on a cookie came from another site, or does not say whence."""

    code = "cross_site"
    status = 403
    description = "This call is for this server's own pages: send Origin or Sec-Fetch-Site."


class Unauthenticated(Refusal):
    """No credentials, or none that open this (RFC 6750 section 3.1)."""

    code = "invalid_token"
    status = 401
    description = "Log in first, or send the device token that this phone was bound with."

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` field (RFC 9110 section 11.6.1)."""
        return f'Bearer error="{self.code}"'


class NotFound(Refusal):
    """There is no such thing for this caller: unknown, foreign and used are one answer."""

    code = "not_found"
    status = 404
    description = "There is nothing here, or nothing for you, or it has been used: start again."


class MethodNotAllowed(Refusal):
    """The path takes other methods (RFC 9110 section 15.5.6)."""

    code = "method_not_allowed"
    status = 405
    description = "This path takes another method; see the Allow header."


class Conflict(Refusal):
    """The thing is no longer in the state that the call needs."""

    code = "conflict"
    status = 409
    description = "This has been settled already."


class Expired(Refusal):
    """The time for this is over."""

    code = "expired"
    status = 410
    description = "The time for this is over: start again."


class TooManyRequests(Refusal):
    """The caller is over a limit (RFC 6585 section 4)."""

    code = "too_many_requests"
    status = 429
    description = "Too many requests: wait, then try again."
    retry_after = timedelta(seconds=2)


class Unavailable(Refusal):
    """A store is away; nothing was changed, or nothing that a repetition would not complete."""

    code = "temporarily_unavailable"
    status = 503
    description = "The server cannot answer just now: try again in a few seconds."
    retry_after = timedelta(seconds=2)
