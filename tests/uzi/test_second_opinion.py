"""The second opinion on paths, alone: what it refuses without the authority."""

import pytest

from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.second_opinion import allowed_policies, cannot_judge, refuses
from tests.uzi.chains import AUTHENTICATION, BASES, LEVELS, SECOND, SIGNATURE, Mill

POLICIES = frozenset((AUTHENTICATION,))
AUTHORITIES = LEVELS[1:]


@pytest.fixture(scope="module")
def mill(at, key_ring):
    return Mill(at, key_ring)


@pytest.fixture
def path(mill):
    """Make a path with these edits."""

    def path(base="P-256", **edits):
        chosen = {
            level: (edit,) if isinstance(edit, str) else edit for level, edit in edits.items()
        }
        chain = mill.chain(base, chosen)
        return [load_certificate(chain.ders[level]) for level in LEVELS]

    return path


@pytest.fixture
def verdict(path, at):
    return lambda *base, **edits: refuses(path(*base, **edits), POLICIES, at)


def test_a_good_path_is_accepted(verdict, path):
    assert verdict() is None
    assert cannot_judge(path()) is None


@pytest.mark.parametrize(
    "edit",
    [
        "no basicConstraints",
        "no authority",
        "no keyUsage",
        "keyUsage cRLSign",
        "extendedKeyUsage serverAuth",
        "unknown extension, critical",
        "card names, critical",
        "version 1",
        "negative serial number",
        "expired",
        "not yet valid",
    ],
)
@pytest.mark.parametrize("level", AUTHORITIES)
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_an_authority_that_is_wrong_in_one_thing_is_refused(verdict, level, edit):
    assert verdict(**{level: edit}) is not None


@pytest.mark.parametrize("edit", ["no policies", "policy signature", "pathLen 0"])
def test_an_authority_below_the_anchor_is_bound_by_more(verdict, edit):
    assert verdict(level_2=edit) is not None


@pytest.mark.parametrize("edit", ["no policies", "policy signature"])
def test_an_anchor_allows_what_it_is_trusted_for(verdict, edit):
    assert verdict(root=edit) is None


@pytest.mark.parametrize(
    "edit",
    [
        "no keyUsage",
        "keyUsage nonRepudiation",
        "no extendedKeyUsage",
        "extendedKeyUsage any",
        "extendedKeyUsage serverAuth",
        "no policies",
        "policy signature",
        "policy any",
        "unknown extension, critical",
        "expired",
        "not yet valid",
        "another signature",
        "issuer in capitals",
    ],
)
def test_a_card_that_is_wrong_in_one_thing_is_refused(verdict, edit):
    assert verdict(leaf=edit) is not None


@pytest.mark.parametrize(
    "edit",
    [
        "extendedKeyUsage any",
        "no extendedKeyUsage",
        "extendedKeyUsage clientAuth, critical",
        "policy any",
        "policy any, critical",
        "authority",
        "keyUsage keyCertSign",
        "explicit policy 0, critical",
        "inhibitAnyPolicy 0, critical",
        "unknown extension",
        "no DNS names, critical",
    ],
)
@pytest.mark.parametrize("level", ["issuing", "level_2"])
def test_an_authority_may_differ_where_it_does_no_harm(verdict, level, edit):
    assert verdict(**{level: edit}) is None


@pytest.mark.parametrize(
    "edit",
    [
        "alternative name, critical",
        "policy authentication, critical",
        "extendedKeyUsage clientAuth, critical",
        "keyUsage digitalSignature",
        "unknown extension",
    ],
)
def test_a_card_may_differ_where_it_does_no_harm(verdict, edit):
    assert verdict(leaf=edit) is None


def test_a_path_is_valid_at_the_time_that_is_asked_about(path, at):
    leaf = path()[0]

    assert refuses(path(), POLICIES, leaf.not_valid_before_utc) is None
    assert refuses(path(), POLICIES, leaf.not_valid_after_utc) is None
    assert refuses(path(), POLICIES, leaf.not_valid_before_utc - SECOND) is not None
    assert refuses(path(), POLICIES, leaf.not_valid_after_utc + SECOND) is not None


def test_another_path_than_the_one_that_was_asked_about_is_none(path, at):
    """Both certificates of a re-signed authority fit; the first verifier accepted one."""
    leaf, issuing, level_2, root = path()

    assert refuses([leaf, level_2, issuing, root], POLICIES, at) == "another path"


@pytest.mark.parametrize(
    ("edits", "allowed"),
    [
        ({}, {AUTHENTICATION}),
        ({"leaf": "policy any and signature"}, {SIGNATURE}),
        ({"issuing": "policy any"}, {AUTHENTICATION}),
        ({"level_2": "policy any"}, {AUTHENTICATION}),
        ({"issuing": "policy any", "level_2": "inhibitAnyPolicy 0"}, set()),
        ({"issuing": "policy any", "level_2": "inhibitAnyPolicy 1"}, {AUTHENTICATION}),
        ({"issuing": ("policy any", "inhibitAnyPolicy 0")}, {AUTHENTICATION}),
        ({"level_2": "policy signature"}, set()),
        ({"level_2": "policy signature", "root": "policy any"}, set()),
    ],
)
def test_a_policy_is_allowed_by_all_authorities(path, edits, allowed):
    assert allowed_policies(path(**edits)) == allowed


def test_any_policy_counts_for_as_many_as_are_skipped(path):
    leaf, issuing, level_2, root = path(issuing="policy any", level_2="inhibitAnyPolicy 1")

    assert allowed_policies([leaf, issuing, level_2, root]) == POLICIES
    assert allowed_policies([leaf, issuing, issuing, level_2, root]) == set()


def test_who_issued_himself_does_not_count(path):
    leaf, _, level_2, root = path(level_2="inhibitAnyPolicy 0", root="policy any")

    assert allowed_policies([leaf, root, level_2, root]) == POLICIES


@pytest.mark.parametrize("level", AUTHORITIES)
@pytest.mark.parametrize(
    "edit", ["names in NL, critical", "no names in BE, critical", "all names, critical"]
)
def test_it_cannot_judge_what_the_library_has_not(path, verdict, level, edit):
    assert cannot_judge(path(**{level: edit})) == "nameConstraints on directoryName"
    assert verdict(**{level: edit}) is not None


@pytest.mark.parametrize("level", AUTHORITIES)
@pytest.mark.parametrize(
    "edit", ["names in NL", "DNS names, critical", "card names, critical", "unknown extension"]
)
def test_it_judges_all_else(path, level, edit):
    assert cannot_judge(path(**{level: edit})) is None


def test_what_the_card_has_is_no_reason_not_to_judge(path):
    assert cannot_judge(path(leaf="names in NL, critical")) is None


@pytest.mark.parametrize("base", BASES)
def test_it_cannot_judge_keys_for_pss_alone(path, verdict, base):
    alone = base.startswith("keys for")

    assert (cannot_judge(path(base)) == "a key for RSASSA-PSS alone") == alone
    assert (verdict(base) is not None) >= alone


def test_why_a_path_is_refused_names_nobody(verdict):
    assert verdict(leaf="unknown extension, critical") == "VerificationError"
