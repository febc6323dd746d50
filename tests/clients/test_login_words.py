"""Every end of a login is said in words, and told to programs by a number."""

import tomllib
from importlib.resources import files

import aiohttp
import pytest

from clients.client_key import NoKey
from clients.id_token import UntrustedToken
from clients.login_words import TROUBLES, End, Words, end_of
from clients.oauth_error import AccessDenied, ExpiredToken, InvalidGrant, UnknownUser
from clients.wire import MalformedAnswer, WireError
from pairing_server.oidc.polling import _DENIED

TABLE = tomllib.loads(files("clients").joinpath("login_words.toml").read_text("utf-8"))


def denied(reason):
    return AccessDenied(400, {"error": "access_denied", "reason": reason})


@pytest.mark.parametrize("kind", ["word", "end"])
def test_all_is_said_in_both_languages(kind):
    for entry in TABLE[kind].values():
        assert set(entry) - {"exit"} == {"nl", "en"}
        assert entry["nl"] != entry["en"]


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (denied("not_me"), "not_me", 3),
        (denied("superseded"), "superseded", 3),
        (denied("of a later version"), "denied", 3),
        (ExpiredToken(400, {}), "expired", 4),
        (InvalidGrant(400, {}), "invalid_grant", 1),
        (UnknownUser(400, {}), "unknown_user", 1),
        (WireError(401, {"error": "invalid_client"}), "invalid_client", 1),
        (WireError(503, {"error": "temporarily_unavailable"}), "trouble", 1),
        (MalformedAnswer("x"), "malformed", 1),
        (UntrustedToken("another nonce"), "untrusted", 1),
        (NoKey("key.pem: not a P-256 key"), "no_key", 1),
        (aiohttp.ClientConnectionError(), "unreachable", 1),
        (TimeoutError(), "unreachable", 1),
    ],
    ids=str,
)
def test_each_trouble_has_a_name_and_a_number(error, code, status):
    assert isinstance(error, TROUBLES)
    end = end_of(error)
    assert (end.code, end.exit_code) == (code, status)
    assert Words("nl").end(end) != Words("en").end(end)


def test_what_a_server_refuses_is_said_on_one_line():
    said = "Too\nlong \u202e: shorten it."
    end = end_of(WireError(400, {"error": "invalid_binding_message", "error_description": said}))
    assert Words("en").end(end) == "The server refuses: Too long : shorten it."
    assert Words("en").end(end_of(WireError(418, {}))) == "The server refuses: 418"


def test_a_hint_of_a_later_version_has_no_words():
    assert Words("en").knows("open_the_app")
    assert not Words("en").knows("of_a_later_version")


@pytest.mark.parametrize("reason", ["superseded", "revoked", "denied", *_DENIED.values()])
def test_every_reason_that_the_server_gives_has_a_sentence(reason):
    assert end_of(denied(reason)) == End(reason)
    assert End(reason).exit_code == 3
