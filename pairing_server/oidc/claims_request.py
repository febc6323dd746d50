"""Rules of the `claims` parameter: single claims, and what has to be true of them.

OpenID Connect Core section 5.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.metadata import PERSONAL_CLAIMS
from pairing_server.settings import AssuranceLevel

MAX_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class WantedClaims:
    """What a client asks beside its scopes.

    Attributes:
        id_token, userinfo: Names of claims of the person, for either.
        acr: Levels of which one has to be reached, else there is no login.
        sub: Who it has to be.
    """

    id_token: tuple[str, ...] = ()
    userinfo: tuple[str, ...] = ()
    acr: tuple[str, ...] = ()
    sub: str = ""


NO_CLAIMS = WantedClaims()


class _Wish(msgspec.Struct):
    """How a claim is wanted; `value` and `values` are compared with nothing but texts."""

    essential: bool = False
    value: Any = None
    values: list[Any] = msgspec.field(default_factory=list)

    def texts(self) -> tuple[str, ...]:
        return tuple(each for each in (self.value, *self.values) if isinstance(each, str))


class _Claims(msgspec.Struct):
    id_token: dict[str, _Wish | None] = msgspec.field(default_factory=dict)
    userinfo: dict[str, _Wish | None] = msgspec.field(default_factory=dict)


def read_claims(text: str | None) -> WantedClaims:
    """Read the parameter; claims that are not known here are given to nobody, without a word.

    Raises:
        InvalidRequest: it is not what the standard describes.
    """
    if text is None:
        return NO_CLAIMS
    if len(text) > MAX_CHARACTERS:
        raise InvalidRequest("claims is too long.")
    try:
        claims = msgspec.json.decode(text, type=_Claims)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest("claims is a JSON object of id_token and userinfo.") from error
    acr = claims.id_token.get("acr")
    return WantedClaims(
        id_token=_known(claims.id_token),
        userinfo=_known(claims.userinfo),
        acr=acr.texts() if acr is not None and acr.essential else (),
        sub=_subject(claims),
    )


def reaches(earned: AssuranceLevel, wanted: tuple[str, ...]) -> bool:
    """Tell whether a level is one of the wanted ones, or above one of them."""
    levels = [*AssuranceLevel]
    below = {str(level) for level in levels[: levels.index(earned) + 1]}
    return not wanted or not below.isdisjoint(wanted)


def _known(wishes: Mapping[str, _Wish | None]) -> tuple[str, ...]:
    return tuple(name for name in PERSONAL_CLAIMS if name in wishes)


def _subject(claims: _Claims) -> str:
    named = {
        text
        for wishes in (claims.id_token, claims.userinfo)
        for text in ((wishes.get("sub") or _Wish()).texts())
    }
    if len(named) > 1:
        raise InvalidRequest("claims names more than one sub.")
    return named.pop() if named else ""
