"""What `zorgid-login` says, in Dutch and English, and how each end is told to a program."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import aiohttp

from clients.card_certificates import showable
from clients.client_key import NoKey
from clients.id_token import UntrustedToken
from clients.oauth_error import AccessDenied, ExpiredToken, InvalidGrant, UnknownUser
from clients.wire import MalformedAnswer, WireError

#: Whatever may go wrong without being a fault of this program.
TROUBLES = (
    WireError,
    MalformedAnswer,
    UntrustedToken,
    NoKey,
    aiohttp.ClientError,
    TimeoutError,
)
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class End:
    """How a login ended without a yes.

    Attributes:
        code: Of the sentence, in `login_words.toml` under `end`.
        facts: What the sentence names.
    """

    code: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """What the program exits with."""
        return int(_table()["end"][self.code]["exit"])


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    language: str

    def word(self, name: str, **facts: str) -> str:
        """Return a sentence.

        Raises:
            KeyError: there is no such one.
        """
        return str(_table()["word"][name][self.language]).format(**facts)

    def end(self, end: End) -> str:
        """Say what happened and what to do next."""
        return str(_table()["end"][end.code][self.language]).format(**end.facts)

    def knows(self, name: str) -> bool:
        """Tell whether there is a sentence for what a server may say some day."""
        return name in _table()["word"]


def end_of(error: Exception) -> End:
    """Name how it ended."""
    for kinds, named in _ENDS:
        if isinstance(error, kinds):
            return named(error)
    return End("unreachable")


def _denied(error: AccessDenied) -> End:
    return End(error.reason if error.reason in _table()["end"] else "denied")


def _refused(error: WireError) -> End:
    if error.error == "invalid_client":
        return End("invalid_client")
    if error.status >= _SERVER_ERROR:
        return End("trouble", {"status": str(error.status)})
    said = showable(error.description) or f"{error.status} {showable(error.error)}".strip()
    return End("refused", {"said": said})


#: The narrower before the wider.
_ENDS: tuple[tuple[tuple[type[Exception], ...], Callable[[Any], End]], ...] = (
    ((AccessDenied,), _denied),
    ((ExpiredToken,), lambda _error: End("expired")),
    ((InvalidGrant,), lambda _error: End("invalid_grant")),
    ((UnknownUser,), lambda _error: End("unknown_user")),
    ((WireError,), _refused),
    ((MalformedAnswer,), lambda _error: End("malformed")),
    ((UntrustedToken,), lambda error: End("untrusted", {"said": showable(str(error))})),
    ((NoKey,), lambda error: End("no_key", {"said": showable(str(error))})),
    (
        (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError),
        lambda _error: End("certificate"),
    ),
)


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(files("clients").joinpath("login_words.toml").read_text("utf-8"))
