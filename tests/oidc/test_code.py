"""A code: once, in a minute, for its own client, page and verifier; a second use is noticed."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.errors import InvalidRequest
from pairing_server.oidc import code as rules
from pairing_server.oidc.authorize import AuthorizationRequest
from pairing_server.oidc.code import AuthorizationCode, Exchange, Given, read_exchange
from pairing_server.oidc.refusals import InvalidGrant
from pairing_server.tokens import b64url

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
VERIFIER = "v" * 43
PAGE = "https://his.example/cb"
REQUEST = AuthorizationRequest(
    client_id="his",
    redirect_uri=PAGE,
    scope="openid",
    state="s",
    nonce="n",
    code_challenge=b64url(hashlib.sha256(VERIFIER.encode()).digest()),
    ura="90000001",
)
CODE = AuthorizationCode(request=REQUEST, auth_req_id="a", expires_at=NOW + rules.LIFETIME)
EXCHANGE = Exchange("c", PAGE, VERIFIER)
GIVEN = Given("t", "i", "sid")


def test_a_code_lives_for_a_minute():
    assert timedelta(seconds=60) == rules.LIFETIME
    assert rules.use(CODE, EXCHANGE, "his", NOW + timedelta(seconds=59)).is_used
    with pytest.raises(InvalidGrant):
        rules.use(CODE, EXCHANGE, "his", NOW + rules.LIFETIME)


@pytest.mark.parametrize(
    ("exchange", "client_id"),
    [
        (EXCHANGE, "other"),
        (replace(EXCHANGE, redirect_uri=f"{PAGE}/"), "his"),
        (replace(EXCHANGE, verifier="w" * 43), "his"),
    ],
)
def test_what_belongs_to_another_exchange_neither_uses_it_up_nor_takes_anything_back(
    exchange, client_id
):
    for code in (CODE, replace(CODE, is_used=True, given=GIVEN)):
        with pytest.raises(InvalidGrant):
            rules.use(code, exchange, client_id, NOW)


def test_a_second_use_is_noticed_however_late():
    used = rules.use(CODE, EXCHANGE, "his", NOW)
    again = rules.use(used, EXCHANGE, "his", NOW + timedelta(hours=1))

    assert (used.is_used, used.is_reused) == (True, False)
    assert again.is_reused


def test_what_it_gave_is_noted():
    assert rules.give(CODE, GIVEN).given == GIVEN


def test_after_a_fault_of_ours_it_can_be_used_unless_it_gave_something_or_was_shown_twice():
    used = replace(CODE, is_used=True)

    assert rules.release(used) == CODE
    for code in (replace(used, given=GIVEN), replace(used, is_reused=True)):
        assert rules.release(code) == code


@pytest.mark.parametrize("missing", ["code", "redirect_uri", "code_verifier"])
def test_all_that_belongs_to_an_exchange_has_to_be_there(missing):
    form = {"code": "c", "redirect_uri": PAGE, "code_verifier": VERIFIER}
    assert read_exchange(form) == EXCHANGE
    with pytest.raises(InvalidRequest):
        read_exchange({name: value for name, value in form.items() if name != missing})


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "+", "v" * 43 + "\n"])
def test_a_verifier_is_43_to_128_unreserved_characters(verifier):
    form = {"code": "c", "redirect_uri": PAGE, "code_verifier": verifier}
    with pytest.raises(InvalidRequest):
        read_exchange(form)
