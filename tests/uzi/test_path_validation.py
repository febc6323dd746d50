"""The authority on paths, alone: what it refuses without the second opinion."""

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.path_validation import MAX_PATHS, _finish, candidates, refuses
from pairing_server.uzi.refusals import MalformedCertificate
from tests.uzi.chains import AUTHENTICATION, BASES, LEVELS, SECOND, SIGNATURE, Mill

POLICIES = frozenset((AUTHENTICATION,))
AUTHORITIES = LEVELS[1:]


@pytest.fixture(scope="module")
def mill(at, key_ring):
    return Mill(at, key_ring)


def suggested(chain):
    leaf, *authorities, root = (chain.ders[level] for level in LEVELS)
    return list(candidates(leaf, authorities, [root]))


@pytest.fixture
def verdict(mill, at):
    """Say why a chain with these edits is refused, or nothing."""

    def verdict(base="P-256", **edits):
        chain = mill.chain(base, {level: (edit,) for level, edit in edits.items()})
        return refuses(suggested(chain)[0], POLICIES, at)

    return verdict


def test_a_good_path_is_accepted(verdict):
    assert verdict() is None


def test_a_path_is_suggested_from_the_card_to_the_anchor(mill):
    chain = mill.chain("P-256", {})

    assert [one.ders for one in suggested(chain)] == [tuple(chain.ders[one] for one in LEVELS)]


def test_names_alone_suggest_a_path(mill, at):
    chain = mill.chain("P-256", {"issuing": ("another signature",)})

    assert refuses(suggested(chain)[0], POLICIES, at) == "PathValidationError"


@pytest.mark.parametrize("missing", AUTHORITIES)
def test_without_an_authority_no_path_is_suggested(mill, missing):
    ders = mill.chain("P-256", {}).ders
    chain = [ders[one] for one in ("issuing", "level_2") if one != missing]

    assert list(candidates(ders["leaf"], chain, [ders["root"]] * (missing != "root"))) == []


def test_a_card_is_no_anchor_of_itself(mill):
    leaf = mill.chain("P-256", {}).ders["leaf"]

    assert list(candidates(leaf, [leaf], [leaf])) == []


def test_a_path_ends_at_the_anchor_that_was_configured_and_not_at_its_twin(mill):
    """Both certificates of a re-signed authority have its name and its key."""
    ders = mill.chain("P-256", {}).ders
    twin = mill.chain("P-256", {"issuing": ("no policies",)}).ders["issuing"]
    anchors = [twin, ders["issuing"]]

    found = [one.ders for one in candidates(ders["leaf"], [], anchors)]

    assert found == [(ders["leaf"], twin), (ders["leaf"], ders["issuing"])]


def test_the_twin_of_an_anchor_may_lead_to_another_anchor(mill):
    ders = mill.chain("P-256", {}).ders
    old = mill.chain("P-256", {"issuing": ("expired",)}).ders["issuing"]
    chain, anchors = [ders["issuing"], ders["level_2"]], [old, ders["root"]]

    found = [one.ders for one in candidates(ders["leaf"], chain, anchors)]

    assert found == [(ders["leaf"], old), (ders["leaf"], *chain, ders["root"])]


def test_few_paths_are_suggested_however_many_there_are(mill):
    ders = mill.chain("P-256", {}).ders
    edits = [f"{edit}{how}" for edit in ("policy any", "pathLen 1") for how in ("", ", critical")]
    edits += [f"no {part}" for part in ("policies", "keyUsage", "extendedKeyUsage")]
    edits += ["expired", "not yet valid", "serial number 0"]
    anchors = [mill.chain("P-256", {"issuing": (edit,)}).ders["issuing"] for edit in edits]

    assert len(set(anchors)) == 10
    assert len(list(candidates(ders["leaf"], [], anchors))) == MAX_PATHS == 8


@pytest.mark.parametrize(
    "edit",
    [
        "no basicConstraints",
        "no authority",
        "no keyUsage",
        "keyUsage cRLSign",
        "extendedKeyUsage serverAuth",
        "unknown extension, critical",
        "names in BE",
        "no names in NL",
        "card names, critical",
        "expired",
        "not yet valid",
    ],
)
@pytest.mark.parametrize("level", AUTHORITIES)
def test_an_authority_that_is_wrong_in_one_thing_is_refused(verdict, level, edit):
    assert verdict(**{level: edit}) is not None


@pytest.mark.parametrize(
    "edit", ["no policies", "policy signature", "pathLen 0", "mapping away", "another signature"]
)
def test_an_authority_below_the_anchor_is_bound_by_more(verdict, edit):
    assert verdict(level_2=edit) is not None


@pytest.mark.parametrize("edit", ["no policies", "policy signature", "mapping away"])
def test_an_anchor_allows_what_it_is_trusted_for(verdict, edit):
    assert verdict(root=edit) is None


def test_an_anchor_limits_the_length_of_paths(verdict):
    assert verdict(root="pathLen 1") is not None
    assert verdict(root="pathLen 2") is None


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
        "unknown extension, critical",
        "expired",
        "not yet valid",
        "another signature",
    ],
)
def test_a_card_that_is_wrong_in_one_thing_is_refused(verdict, edit):
    assert verdict(leaf=edit) is not None


@pytest.mark.parametrize("edit", ["policy any", "names in NL, critical", "no names in BE"])
@pytest.mark.parametrize("level", ["issuing", "level_2"])
def test_what_allows_the_card_is_heeded(verdict, level, edit):
    assert verdict(**{level: edit}) is None


def test_no_other_policy_is_mapped_to_the_cards(verdict):
    assert verdict(issuing="mapping away", leaf="policy signature") is not None


def test_any_policy_counts_as_long_as_it_may(mill, at):
    def verdict(skip):
        edits = {"level_2": (f"inhibitAnyPolicy {skip}",), "issuing": ("policy any",)}
        return refuses(suggested(mill.chain("P-256", edits))[0], POLICIES, at)

    assert verdict(0) is not None
    assert verdict(1) is None


def test_another_policy_is_another_thing(mill, at):
    found = suggested(mill.chain("P-256", {}))[0]

    assert refuses(found, frozenset((SIGNATURE,)), at) is not None
    assert refuses(found, frozenset(), at) is not None


@pytest.mark.parametrize("base", BASES)
def test_the_algorithms_are_those_that_the_cards_have(verdict, base):
    refused = {
        "RSA of 1024 bits",
        "RSASSA-PSS of 1024 bits",
        "RSASSA-PSS with another salt",
        "RSASSA-PSS with another mask",
        "keys for another RSASSA-PSS alone",
        "SHA-1",
        "SHA-224",
        "ECDSA with SHA-1",
        "ECDSA with SHA-3",
    }

    assert (verdict(base) is not None) == (base in refused)


@pytest.mark.parametrize(
    ("key", "refused"),
    [
        (ec.generate_private_key(ec.SECP256R1()), False),
        (ec.generate_private_key(ec.SECP256K1()), True),
        (ec.generate_private_key(ec.BrainpoolP256R1()), True),
        (ed25519.Ed25519PrivateKey.generate(), True),
    ],
    ids=["P-256", "secp256k1", "brainpoolP256r1", "Ed25519"],
)
def test_an_authority_has_a_key_on_a_known_curve(mill, at, key, refused):
    issuing, leaf = (mill.draft("P-256", level) for level in ("issuing", "leaf"))
    issuing.subject_key = leaf.signer = key
    leaf.authority_identifier = None
    found = next(candidates(leaf.sign(), [], [issuing.sign()]))

    reason = refuses(found, POLICIES, at)

    assert reason == ("DisallowedAlgorithmError" if refused else None)


def test_nothing_is_logged_for_what_it_would_log_names_the_card(verdict, caplog):
    assert verdict(leaf="with a URI without a host", issuing="URI names") is not None
    assert caplog.records == []


@pytest.mark.parametrize(
    ("edit", "level"), [("names in BE", "issuing"), ("expired", "leaf"), ("card names", "root")]
)
def test_why_a_path_is_refused_names_nobody(verdict, edit, level):
    reason = verdict(**{level: edit})

    assert reason.isidentifier()
    assert "Jansen" not in reason


def test_what_would_wait_is_not_waited_for():
    async def fetch():
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError):
        _finish(fetch())


def test_no_loop_is_needed_and_none_is_disturbed(verdict):
    async def within():
        return verdict()

    assert asyncio.run(within()) is None


def test_a_card_is_valid_to_the_last_second(mill):
    chain = mill.chain("P-256", {})
    leaf, found = load_certificate(chain.ders["leaf"]), suggested(chain)[0]
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc

    assert [refuses(found, POLICIES, edge) for edge in (begin, end)] == [None, None]
    assert refuses(found, POLICIES, begin - SECOND) == "NotYetValidError"
    assert refuses(found, POLICIES, end + SECOND) == "ExpiredError"


def test_bytes_after_a_certificate_are_refused(mill):
    ders = mill.chain("P-256", {}).ders

    with pytest.raises(MalformedCertificate):
        list(candidates(ders["leaf"] + b"\0", [ders["issuing"]], [ders["root"]]))


@pytest.mark.parametrize(
    "der", [b"", b"\x30", b"\x30\x00", b"\x30\x03\x02\x01\x00", b"\x30\x80\x00\x00"]
)
def test_what_the_library_stumbles_over_is_a_refusal(mill, der):
    ders = mill.chain("P-256", {}).ders

    for leaf, chain, anchors in (
        (der, [ders["issuing"]], [ders["root"]]),
        (ders["leaf"], [der], [ders["root"]]),
        (ders["leaf"], [ders["issuing"]], [der]),
    ):
        with pytest.raises(MalformedCertificate):
            list(candidates(leaf, chain, anchors))
