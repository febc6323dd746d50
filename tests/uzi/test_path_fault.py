"""The rule that a refused path breaks, in the words of a help desk."""

import pytest

from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.path_fault import broken_rule, is_signed_by
from pairing_server.uzi.refusals import (
    AuthorityNotValid,
    NameNotPermitted,
    NotAnAuthority,
    PathTooLong,
    PolicyNotAllowed,
    PurposeNotAllowed,
    UnknownCriticalExtension,
    UntrustedIssuer,
)
from tests.uzi.chains import AUTHENTICATION, LEVELS, Mill

POLICIES = frozenset((AUTHENTICATION,))


@pytest.fixture(scope="module")
def mill(at, key_ring):
    return Mill(at, key_ring)


@pytest.fixture
def path(mill):
    def path(**edits):
        chain = mill.chain("P-256", {level: (edit,) for level, edit in edits.items()})
        return [load_certificate(chain.ders[level]) for level in LEVELS]

    return path


def test_a_good_path_breaks_none(path, at):
    assert broken_rule(path(), POLICIES, at) is None


@pytest.mark.parametrize(
    ("level", "edit", "refusal"),
    [
        ("leaf", "another signature", UntrustedIssuer),
        ("issuing", "another signature", UntrustedIssuer),
        ("leaf", "issuer in capitals", UntrustedIssuer),
        ("issuing", "expired", AuthorityNotValid),
        ("root", "not yet valid", AuthorityNotValid),
        ("issuing", "no basicConstraints", NotAnAuthority),
        ("level_2", "no authority", NotAnAuthority),
        ("root", "no keyUsage", NotAnAuthority),
        ("issuing", "keyUsage cRLSign", NotAnAuthority),
        ("level_2", "pathLen 0", PathTooLong),
        ("root", "pathLen 1", PathTooLong),
        ("leaf", "unknown extension, critical", UnknownCriticalExtension),
        ("level_2", "mapping in, critical", UnknownCriticalExtension),
        ("issuing", "extendedKeyUsage serverAuth", PurposeNotAllowed),
        ("level_2", "policy signature", PolicyNotAllowed),
        ("issuing", "no policies", PolicyNotAllowed),
        ("issuing", "names in BE", NameNotPermitted),
    ],
)
def test_each_rule_has_its_refusal(path, at, level, edit, refusal):
    assert broken_rule(path(**{level: edit}), POLICIES, at) is refusal


@pytest.mark.parametrize(
    ("level", "edit"),
    [
        ("leaf", "unknown extension"),
        ("leaf", "expired"),
        ("issuing", "extendedKeyUsage any"),
        ("issuing", "no extendedKeyUsage"),
        ("level_2", "pathLen 1"),
        ("root", "pathLen 2"),
        ("root", "no policies"),
    ],
)
def test_what_breaks_none_is_not_blamed(path, at, level, edit):
    assert broken_rule(path(**{level: edit}), POLICIES, at) is None


def test_the_signature_comes_first_for_what_nobody_signed_anybody_wrote(path, at):
    leaf, issuing, level_2, root = path(issuing="expired")

    assert broken_rule([leaf, issuing, level_2, root], POLICIES, at) is AuthorityNotValid
    assert broken_rule([leaf, issuing, root, level_2], POLICIES, at) is UntrustedIssuer


def test_a_path_with_five_authorities_is_too_long(path, at):
    leaf, issuing, level_2, root = path()

    assert broken_rule([leaf, issuing, level_2, root, root], POLICIES, at) is PolicyNotAllowed
    assert broken_rule([leaf, issuing, level_2, root, root, root], POLICIES, at) is PathTooLong


def test_a_certificate_is_signed_by_its_issuer_alone(path):
    leaf, issuing, level_2, root = path()

    assert is_signed_by(leaf, issuing)
    assert is_signed_by(root, root)
    assert not is_signed_by(leaf, level_2)
    assert not is_signed_by(issuing, leaf)
    assert not is_signed_by(path(leaf="another signature")[0], issuing)


def test_a_signature_that_the_library_does_not_know_is_none(mill):
    chain = mill.chain("ECDSA with SHA-3", {"leaf": ("another algorithm outside",)})
    leaf, issuing = (load_certificate(chain.ders[level]) for level in ("leaf", "issuing"))

    assert not is_signed_by(leaf, issuing)
