"""Where the two verifiers differ, over many chains: each difference has its reason here.

`CHAINS=20000 pytest tests/uzi/test_differential.py` makes that many, and `CHAINS_SEED` others.
"""

import os
from dataclasses import dataclass

import pytest

from pairing_server.uzi import path_validation, second_opinion
from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.refusals import CardRefused
from tests.uzi.chains import (
    AUTHENTICATION,
    AUTHORITY_EDITS,
    BASES,
    LEAF_EDITS,
    LEVELS,
    Mill,
)

CHAINS = int(os.environ.get("CHAINS", "400"))
SEED = int(os.environ.get("CHAINS_SEED", "3"))
PARTS = 4

LEAF, *AUTHORITIES = LEVELS
BELOW_ROOT = LEVELS[:-1]
POLICIES = frozenset((AUTHENTICATION,))

pytestmark = [
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number:UserWarning"),
]


@dataclass(frozen=True)
class Difference:
    """A difference that is known.

    Attributes:
        edits: Each of them alone makes it, on each of the levels.
        together: These make it with others.
        bases: Each of them without any edit makes it.
        refuses: Who alone does not accept, or `neither` where the second is not asked.
        right: Who does as the standard says.
        outcome: What a card of such a chain meets.
    """

    levels: tuple[str, ...]
    edits: tuple[str, ...]
    refuses: str
    why: str
    right: str
    outcome: str
    together: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()

    def part_of(self, edits):
        """Return those edits that it is made by."""
        return [
            (level, edit)
            for level in self.levels
            for edit in edits.get(level, ())
            if edit in (*self.edits, *self.together)
        ]


def critical(*names):
    return tuple(f"{name}, critical" for name in names)


def either(*names):
    return (*names, *critical(*names))


_CONSTRAINTS = ("explicit policy 0", "explicit policy 2", "no mapping 0")
_INHIBITIONS = ("inhibitAnyPolicy 0", "inhibitAnyPolicy 1", "inhibitAnyPolicy 2")
_SUBTREES = ("names in NL", "names in BE", "no names in NL", "no names in BE", "all names")

DIFFERENCES = (
    Difference(
        (LEAF,),
        either("policy any", "policy any and signature"),
        "second",
        "anyPolicy on the card matches every policy (RFC 5280 section 6.1.5 (g)); ours asks for "
        "the authenticity policy by its name",
        "first",
        "refused: CPS table 8 names the policy, and read_card asks for it before",
    ),
    Difference(
        (LEAF,),
        critical(*_CONSTRAINTS, *_INHIBITIONS, "mapping away", "mapping in", *_SUBTREES),
        "second",
        "what binds authorities has no meaning on a card (RFC 5280 sections 4.2.1.5, 10, 11, 14); "
        "pyhanko knows it and passes by, cryptography refuses what it is not told of",
        "second",
        "refused",
    ),
    Difference(
        (LEAF,),
        either("card names"),
        "second",
        "cryptography applies a card's own nameConstraints, and cannot those on otherName",
        "first",
        "refused: no card has such constraints",
        together=either(
            *_SUBTREES, "DNS names", "no DNS names", "mail names", "URI names", "IP names"
        ),
    ),
    Difference(
        tuple(AUTHORITIES),
        (),
        "first",
        "pyhanko cannot read nameConstraints on otherName; cryptography stumbles over them only "
        "when the card has an otherName",
        "second",
        "refused: a card without otherName is refused before",
        together=either("card names"),
    ),
    Difference(
        tuple(AUTHORITIES),
        (),
        "first",
        "pyhanko compares no addresses; cryptography does",
        "second",
        "refused: cards have no addresses",
        together=either("IP names"),
    ),
    Difference(
        tuple(AUTHORITIES),
        (),
        "second",
        "cryptography compares DNS names that are some, pyhanko any, by the labels; and it "
        "applies constraints to whoever has them, too",
        "neither",
        "refused: neither cards nor their authorities have DNS names",
        together=either("DNS names", "no DNS names"),
    ),
    Difference(
        tuple(AUTHORITIES),
        (),
        "second",
        "cryptography compares no URIs; pyhanko does, by the host",
        "first",
        "refused: cards have no URIs as names",
        together=either("URI names"),
    ),
    Difference(
        LEVELS,
        critical("OCSP no check", "freshest CRL", "qcStatements"),
        "second",
        "pyhanko processes these, cryptography is told of none of them",
        "first",
        "refused: none of them may be critical (RFC 5280 section 4.2.1.15, RFC 6960 section "
        "4.2.2.2.1, EN 319 412-5 section 4.1)",
    ),
    Difference(
        BELOW_ROOT,
        ("other authorityKeyIdentifier", "issuer and serial in authorityKeyIdentifier"),
        "first",
        "pyhanko leaves out issuers whose identifiers differ, cryptography does not look",
        "neither",
        "refused: identifiers are hints (RFC 4158 section 3.5.12), but the UZI-register's agree",
    ),
    Difference(
        tuple(AUTHORITIES),
        ("other subjectKeyIdentifier",),
        "first",
        "as above, seen from the issuer",
        "neither",
        "refused",
    ),
    Difference(
        LEVELS,
        ("negative serial number",),
        "second",
        "a serial number is positive (RFC 5280 section 4.1.2.2); pyhanko does not look",
        "second",
        "refused",
    ),
    Difference(
        LEVELS,
        ("version 1",),
        "second",
        "extensions are of version 3 (RFC 5280 section 4.1.2.1); pyhanko does not look",
        "second",
        "refused",
    ),
    Difference(
        BELOW_ROOT,
        ("issuer in capitals", "issuer in printable strings"),
        "second",
        "pyhanko compares names letter by letter and by RFC 4518, cryptography byte by byte",
        "first",
        "refused: who issues names himself as in his own certificate (RFC 5280 section 4.1.2.4)",
    ),
    Difference(
        tuple(AUTHORITIES),
        ("subject in capitals", "subject in printable strings"),
        "second",
        "as above, seen from the issuer",
        "first",
        "refused",
    ),
    Difference(
        ("issuing", "level_2"),
        ("mapping away",),
        "first",
        "mappings are inhibited, which takes the mapped policy away (RFC 5280 section 6.1.4 (b)); "
        "cryptography knows no mappings",
        "first",
        "refused",
    ),
    Difference(
        ("issuing", "level_2"),
        critical("mapping in"),
        "second",
        "as above: cryptography refuses what is critical and unknown, pyhanko processes it, and "
        "it takes nothing away from the card's policy",
        "first",
        "refused: no authority of the UZI-register maps policies",
        together=critical("mapping away"),
    ),
    Difference(
        ("root",),
        critical("mapping away", "mapping in"),
        "second",
        "pyhanko takes an anchor as it is, but for what binds it (RFC 5937); cryptography checks "
        "its extensions",
        "either",
        "refused",
    ),
    Difference(
        ("root",),
        ("another algorithm outside",),
        "second",
        "as above: nobody checks an anchor's signature, cryptography its form",
        "either",
        "refused",
    ),
    Difference(
        tuple(AUTHORITIES),
        critical("names in NL", "no names in BE", "all names"),
        "neither",
        "cryptography has no critical nameConstraints on directoryName",
        "first",
        "accepted on the first's word: `second_opinion.cannot_judge`",
        # A card without subject has no name to be elsewhere.
        together=critical("names in BE", "no names in NL"),
    ),
    Difference(
        (),
        (),
        "neither",
        "cryptography's verifier allows no authority a key for RSASSA-PSS alone, though the "
        "library checks such signatures",
        "first",
        "accepted on the first's word: `second_opinion.cannot_judge`",
        bases=("keys for RSASSA-PSS alone", "keys for one RSASSA-PSS alone"),
    ),
    Difference(
        tuple(AUTHORITIES),
        ("names in BE", "no names in NL"),
        "first",
        "as above, but not critical: cryptography ignores it",
        "first",
        "refused",
    ),
)


@pytest.fixture(scope="module")
def mill(at, key_ring):
    return Mill(at, key_ring)


@dataclass(frozen=True)
class Verdicts:
    """What each says of a chain; `None` of the second where it cannot judge."""

    first: bool
    second: bool | None

    @property
    def difference(self):
        """Who alone does not accept."""
        match self.first, self.second:
            case True, None:
                return "neither"
            case True, False:
                return "second"
            case False, True:
                return "first"
            case _:
                return None


def verdicts(chain, at):
    leaf, *authorities = (chain.ders[level] for level in LEVELS)
    path = [load_certificate(der) for der in (leaf, *authorities)]
    found = list(path_validation.candidates(leaf, authorities[:-1], authorities[-1:]))
    return Verdicts(
        bool(found) and path_validation.refuses(found[0], POLICIES, at) is None,
        None
        if second_opinion.cannot_judge(path)
        else second_opinion.refuses(path, POLICIES, at) is None,
    )


def reasons(mill, base, edits, at):
    """Explain a chain's difference: without the edits of a known one, it is gone or another."""
    try:
        seen = verdicts(mill.chain(base, edits), at).difference
    except CardRefused:
        return []
    if seen is None:
        return []
    for known in DIFFERENCES:
        part = known.part_of(edits)
        if known.refuses == seen and base in known.bases:
            return [known, *reasons(mill, "RSASSA-PSS", edits, at)]
        if known.refuses == seen and part:
            rest = {
                level: tuple(edit for edit in chosen if (level, edit) not in part)
                for level, chosen in edits.items()
            }
            return [known, *reasons(mill, base, rest, at)]
    return pytest.fail(f"an unknown difference: {seen} refuses {base} {edits}")


def test_a_good_chain_is_accepted_by_both(mill, at):
    assert verdicts(mill.chain("P-256", {}), at) == Verdicts(first=True, second=True)


@pytest.mark.parametrize("base", BASES)
def test_each_base_is_judged_alike_or_the_difference_is_known(mill, at, base):
    known = [one for one in DIFFERENCES if base in one.bases]

    assert reasons(mill, base, {}, at) == known


@pytest.mark.parametrize("level", LEVELS)
def test_each_edit_is_judged_alike_or_the_difference_is_known(mill, at, level):
    for edit in LEAF_EDITS if level == LEAF else AUTHORITY_EDITS:
        known = [one for one in DIFFERENCES if level in one.levels and edit in one.edits]

        assert reasons(mill, "P-256", {level: (edit,)}, at) == known, edit


@pytest.mark.parametrize("part", range(PARTS))
def test_chains_are_judged_alike_or_the_difference_is_known(mill, at, part):
    for base, edits in mill.choices(CHAINS // PARTS, f"{SEED}.{part}"):
        reasons(mill, base, edits, at)


def test_a_chain_is_accepted_when_both_accept_it_or_one_cannot_judge(mill, trusting, at):
    for base, edits in mill.choices(CHAINS // PARTS, f"{SEED}.whole"):
        chain = mill.chain(base, edits)
        leaf, *authorities = (chain.ders[level] for level in LEVELS)
        try:
            verifier = trusting(load_certificate(authorities[-1]))
            verifier.verify(leaf, authorities, at)
        except CardRefused:
            continue
        seen = verdicts(chain, at)
        assert seen.first
        assert seen.second is not False
