"""The refusals of the token and authentication endpoints, by the names that the standards give."""

from clients.wire import WireError


class AccessDenied(WireError):  # noqa: N818 - as the standard names it; so are those below.
    """The person, or the server on their behalf, said no."""

    @property
    def reason(self) -> str:
        """One of denied, not_me, wrong_code, superseded, revoked."""
        return str(self.body.get("reason", ""))


class ExpiredToken(WireError):  # noqa: N818
    """Nobody answered in time."""


class InvalidGrant(WireError):  # noqa: N818
    """The request is unknown here, or was redeemed already."""


class UnknownUser(WireError):  # noqa: N818
    """Nobody by that hint, or without an active phone (`unknown_user_id`)."""


_NAMED: dict[str, type[WireError]] = {
    "access_denied": AccessDenied,
    "expired_token": ExpiredToken,
    "invalid_grant": InvalidGrant,
    "unknown_user_id": UnknownUser,
}


def named(error: WireError) -> WireError:
    """Return the refusal as the class that its `error` member names, if there is one."""
    return _NAMED.get(error.error, WireError)(error.status, error.body)
