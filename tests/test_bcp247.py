"""`docs/bcp247.md` leaves out no mitigation of RFC 10027 and no attack that is played."""

import re

import pytest

from tests.documents import ROOT, read

DOCUMENT = read("docs/bcp247.md")
#: As the RFC names them.
MITIGATIONS = [
    "Establish proximity",
    "Short-lived codes",
    "One-time and limited-use codes",
    "Unique codes",
    "Content filtering",
    "Detect and remediate",
    "Trusted devices",
    "Trusted networks",
    "Limited scopes",
    "Short-lived tokens",
    "Rate limits",
    "Sender-constrained tokens",
    "User education",
    "User experience",
    "Authenticated flow",
    "Request initiation verification",
    "Request binding with out-of-band data",
]
PLAYED = ("tests/oidc/test_relay.py", "tests/approvals/test_rfc_10027.py")
#: There is none for it, and the row says why.
WITHOUT = {"Trusted networks"}


def rows(heading):
    section = DOCUMENT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def named_in(text):
    return re.findall(r"`(tests/[\w/]+\.py::\w+)`", text)


def test_every_mitigation_has_a_row_that_is_filled_in():
    found = rows("Its mitigations")
    assert [row[0] for row in found] == MITIGATIONS
    for name, done, test, remains in found:
        assert min(map(len, (done, remains))) > 10, name
        assert bool(named_in(test)) != (name in WITHOUT), name


def test_every_attack_has_a_test():
    found = rows("What each attack comes to")
    assert len(found) > 6
    assert [row[0] for row in found if not named_in(row[2])] == []


@pytest.mark.parametrize("file", PLAYED)
def test_every_attack_that_is_played_is_told(file):
    played = set(re.findall(r"def (test_\w+)\(", (ROOT / file).read_text()))
    told = {name.partition("::")[2] for name in named_in(DOCUMENT) if name.startswith(file)}
    assert played - told == set()
