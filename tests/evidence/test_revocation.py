"""What was kept of a revocation check, checked again."""

import base64
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clients.card_profile import Holder
from clients.test_ca import KeyKind, Style, UziTestCa
from clients.test_responder import Manner, OcspResponder, Status, responder_profile
from pairing_server.evidence.revocation import LONGEST, check_kept
from pairing_server.uzi.ocsp import NONCE_OCTETS, Question

NOW = datetime.now(UTC)


def now():
    """Return when a response is made: producedAt is the machine's time, and NOW is long ago."""
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(NOW, Style(KeyKind.P_256))


@pytest.fixture(scope="module")
def path(ca):
    card = ca.issue(Holder(), NOW, KeyKind.P_256).authentication
    return (card.certificate, *card.chain)


@pytest.fixture(scope="module")
def authorities(path):
    """Name the list that cleared each authority."""
    return [named(issuer) for issuer in path[2:]]


def named(issuer, at=NOW, **changed):
    return {
        "issuer": issuer.subject.rfc4514_string(),
        "number": "1",
        "this_update": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sha256": "ab" * 32,
        **changed,
    }


@pytest.fixture
def by_list(path, authorities):
    return {"source": "crl", "authorities": authorities, "crl": named(path[1])}


@pytest.fixture
def heard(ca, path, authorities):
    """Keep a response, as `uzi.card_status` does."""

    def make(manner=None, status=Status.GOOD, edit=lambda profile: profile, about=path[0]):
        issuing = ca.issuing("Z")
        statuses = {about.serial_number: status}
        profile = edit(responder_profile(issuing.certificate, NOW))
        responder = OcspResponder.delegated(issuing, NOW, profile=profile, statuses=statuses)
        question = Question(about, path[1], os.urandom(NONCE_OCTETS)).encoded()
        response = base64.b64encode(responder.answer(question, about, now(), manner)).decode()
        return {"source": "ocsp", "authorities": authorities, "ocsp": {"response": response}}

    return make


def test_a_response_that_says_good_holds(heard, path):
    assert check_kept(heard(), path, now()).holds


def test_a_response_that_was_made_ahead_holds(heard, path):
    assert check_kept(heard(Manner(nonce=False)), path, now() + LONGEST).holds


@pytest.mark.parametrize("status", [Status.REVOKED, Status.UNKNOWN])
def test_a_response_that_says_otherwise_does_not(heard, path, status):
    check = check_kept(heard(status=status), path, now())

    assert (check.holds, check.detail) == (False, status.name.lower())


def test_a_response_about_another_card_does_not(heard, ca, path):
    other = ca.issue(Holder(), NOW, KeyKind.P_256).authentication.certificate

    check = check_kept(heard(about=other), path, now())

    assert (check.holds, check.detail) == (False, "other_certificate")


def test_a_response_that_was_changed_does_not(heard, path):
    kept = heard()
    der = bytearray(base64.b64decode(kept["ocsp"]["response"]))
    der[-1] ^= 1
    kept["ocsp"]["response"] = base64.b64encode(bytes(der)).decode()

    assert check_kept(kept, path, now()).holds is False


@pytest.mark.parametrize("manner", [Manner(), Manner(nonce=False)], ids=["nonce", "ahead"])
@pytest.mark.parametrize("away", [timedelta(days=-1), timedelta(days=3)], ids=["early", "late"])
def test_a_response_of_another_time_does_not(heard, path, manner, away):
    check = check_kept(heard(manner), path, now() + away)

    assert (check.holds, check.detail) == (False, "the response is of another time")


def test_a_response_holds_as_long_as_a_session_after_it_can_last(heard, path):
    assert check_kept(heard(), path, now() + LONGEST).holds


def test_a_responder_that_nothing_clears_is_not_told(heard, path):
    def without_no_check(profile):
        return replace(profile, extensions=profile.extensions[:-1])

    assert check_kept(heard(edit=without_no_check), path, now()).holds is None


@pytest.mark.parametrize("text", ["", "AAAA", "not base64"])
def test_what_is_no_response_does_not_hold(heard, path, text):
    assert check_kept({**heard(), "ocsp": {"response": text}}, path, now()).holds is False


def test_a_list_is_named_and_not_kept(by_list, path):
    check = check_kept(by_list, path, now())

    assert check.holds is None
    assert "ab" * 32 in check.detail


@pytest.mark.parametrize("days", [-3, 3])
def test_a_list_of_another_time_does_not_hold(by_list, path, days):
    other = {**by_list, "crl": named(path[1], NOW + timedelta(days=days))}

    check = check_kept(other, path, now())

    assert (check.holds, check.detail) == (False, "the list is of another time")


def test_a_list_of_another_issuer_does_not_hold(by_list, path):
    check = check_kept({**by_list, "crl": named(path[2])}, path, now())

    assert (check.holds, check.detail) == (False, "the list is of another issuer")


@pytest.mark.parametrize("left", [0, 1])
def test_every_authority_must_have_been_checked(by_list, heard, path, left):
    for kept in (by_list, heard()):
        check = check_kept({**kept, "authorities": kept["authorities"][:left]}, path, now())

        assert (check.holds, check.detail) == (False, "not every authority was checked")


def test_authorities_stand_in_their_order(by_list, path):
    turned = by_list["authorities"][::-1]

    assert check_kept({**by_list, "authorities": turned}, path, now()).holds is False


def test_where_nothing_was_kept_nothing_is_told(path):
    assert check_kept({}, path, now()).holds is None


@pytest.mark.parametrize(
    "kept",
    [{"source": 1}, {"x": 1}, {"source": "crl", "crl": "x"}],
    ids=["type", "no source", "form"],
)
def test_what_is_of_another_form_does_not_hold(path, kept):
    assert check_kept(kept, path, now()).holds is False


@pytest.mark.parametrize("source", ["ocsp", "crl", "else"])
def test_what_cleared_the_card_must_be_there(path, authorities, source):
    check = check_kept({"source": source, "authorities": authorities}, path, now())

    assert (check.holds, check.detail) == (False, "it does not say what cleared the card")
