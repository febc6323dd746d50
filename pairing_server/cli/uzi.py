"""`pairing-server uzi`: what a card says and whether it is believed, without a server.

Nothing here reads settings, a database or the network: it works where nothing is installed but
the package, and says the same tomorrow.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from pairing_server.clock import utc_now, wire_time
from pairing_server.uzi.certificate import UNREADABLE
from pairing_server.uzi.description import common_name, describe, sha_256
from pairing_server.uzi.hierarchy import (
    Hierarchy,
    HierarchyError,
    load_hierarchy,
    load_hierarchy_file,
)
from pairing_server.uzi.path import MAX_CHAIN, CardVerifier, VerifiedCard, load_certificate
from pairing_server.uzi.refusals import (
    AuthorityRevoked,
    CardRefused,
    CardRevoked,
    MalformedCertificate,
    RevocationUnknown,
    WeakKey,
)
from pairing_server.uzi.revocation import (
    RevocationList,
    check_revocation,
    read_revocation_list,
)
from pairing_server.uzi.trust import AnchorError, trust_anchors

ACCEPTED = "accepted"
ENVIRONMENTS = ("production", "acceptance", "test")

#: A certificate has some 2,000 bytes, a bundle of a hierarchy some 20,000.
_MAX_CERTIFICATE_FILE = 1 << 20
#: A list of 500,000 entries has some 20 MB.
_MAX_LIST_FILE = 1 << 28
#: Before it there is no UTCTime (RFC 5280 section 4.1.2.5.1); after it, no day more to add.
_FIRST_YEAR, _LAST_YEAR = 1950, 9998

_PEM = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END (?:X509 |TRUSTED )?CERT",
    re.DOTALL,
)
#: A SEQUENCE with a length in the long form, which the shortest certificate needs.
_DER = re.compile(rb"\x30[\x80-\xff]")


class Moment(click.ParamType[datetime]):
    """A point in time with its offset from UTC."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read RFC 3339, as `2018-06-26T00:00:00Z`."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("is not a time as 2018-06-26T00:00:00Z.", param, ctx)
        if moment.tzinfo is None:
            self.fail(
                "has no offset: end it with Z for UTC, or with +02:00 for summer in Amsterdam.",
                param,
                ctx,
            )
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            self.fail(f"must be in the years {_FIRST_YEAR} to {_LAST_YEAR}.", param, ctx)
        return moment.astimezone(UTC)


FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def uzi() -> None:
    """UZI cards, without a server."""


@uzi.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option("--chain", type=FILE, multiple=True, help="Authorities, in any order.")
@click.option("--crl", type=FILE, multiple=True, help="A revocation list.")
@click.option("--at", type=Moment(), help="2018-06-26T00:00:00Z.  [default: now]")
@click.option(
    "--environment",
    type=click.Choice(ENVIRONMENTS),
    help="Whose cards.  [default: production, or that of --hierarchy]",
)
@click.option("--anchor", type=click.Path(path_type=Path), multiple=True, help="One root more.")
@click.option("--hierarchy", type=FILE, help="A hierarchy of your own instead.")
def verify(  # noqa: PLR0913  (each is an option)
    *,
    certificate: Path,
    chain: tuple[Path, ...],
    crl: tuple[Path, ...],
    at: datetime | None,
    environment: str | None,
    anchor: tuple[Path, ...],
    hierarchy: Path | None,
) -> None:
    """Say as JSON what a card says, and whether it is believed: exit status 0, or 1.

    CERTIFICATE is the card's authentication certificate, in PEM or DER.  The verdict is
    `accepted`, or the code of the first rule that the card fails.  Without --crl, revocation is
    not looked at; a login never does without.
    """
    of = _hierarchy(environment, hierarchy)
    try:
        verifier = CardVerifier(trust_anchors(of, anchor), of)
    except AnchorError as error:
        raise click.UsageError(f"--anchor: {error}") from error
    question = _Question(
        of,
        verifier,
        at or utc_now(),
        [der for file in chain for der in _authorities(file)],
        [_list(file) for file in crl],
    )
    told = question.verdict(certificate)
    # In bytes, which are UTF-8 whatever the terminal's encoding (RFC 8259 section 8.1).
    click.echo(_json(told).encode())
    if told["verdict"] != ACCEPTED:
        raise SystemExit(1)


@dataclass(frozen=True, slots=True)
class _Question:
    """Everything but the card."""

    hierarchy: Hierarchy
    verifier: CardVerifier
    at: datetime
    chain: Sequence[bytes]
    lists: Sequence[RevocationList]

    def verdict(self, file: Path) -> dict[str, Any]:
        """Answer for the card in this file."""
        told: dict[str, Any] = {
            "verdict": ACCEPTED,
            "description": "The card is believed.",
            "detail": None,
            "environment": self.hierarchy.environment,
            "hierarchy": self.hierarchy.name,
            "at": wire_time(self.at),
            "revocation": "not_checked",
            "card": None,
            "path": [],
        }
        try:
            self._judge(file, told)
        except CardRefused as refusal:
            told["verdict"] = refusal.code
            told["description"] = refusal.description
            told["detail"] = " ".join(str(part) for part in refusal.args) or None
        return told

    def _judge(self, file: Path, told: dict[str, Any]) -> None:
        leaf, *others = _card(file)
        told["card"] = _described(leaf, self.hierarchy)
        chain = _presented(leaf, [*others, *self.chain])
        verified = self.verifier.verify(leaf, chain, self.at)
        told["path"] = [
            {"subject": common_name(one), "sha256": sha_256(one)} for one in verified.path
        ]
        if self.lists:
            self._check(verified, told)

    def _check(self, verified: VerifiedCard, told: dict[str, Any]) -> None:
        path, max_age = verified.path, self.hierarchy.revocation.crl_max_age
        try:
            _require_authorities(path, self.lists)
            check_revocation(path[0], path[1], self.lists, self.at, max_age)
        except (CardRevoked, AuthorityRevoked):
            told["revocation"] = "revoked"
            raise
        except RevocationUnknown:
            told["revocation"] = "unknown"
            raise
        told["revocation"] = "good"


def _require_authorities(
    path: Sequence[x509.Certificate], lists: Sequence[RevocationList]
) -> None:
    """Refuse an authority that a list of its issuer names, even a stale one.

    Whether there is a list of each is for a server to demand; a help desk has what it has.
    """
    for authority, issuer in pairwise(path[1:]):
        serial = authority.serial_number
        if any(serial in one.serials and one.is_from(issuer) for one in lists):
            raise AuthorityRevoked


def _hierarchy(environment: str | None, file: Path | None) -> Hierarchy:
    if file is None:
        return load_hierarchy(environment or ENVIRONMENTS[0])
    try:
        hierarchy = load_hierarchy_file(file)
    except HierarchyError as error:
        raise click.UsageError(f"--hierarchy {file}: {error}") from error
    if environment not in (None, hierarchy.environment):
        raise click.UsageError(
            f"--hierarchy {file} is for {hierarchy.environment}, not for {environment}."
        )
    return hierarchy


def _card(file: Path) -> list[bytes]:
    """Return the card's certificate and what else the file holds.

    Raises:
        MalformedCertificate: There is none, or no file.
    """
    try:
        return _certificates(_content(file, _MAX_CERTIFICATE_FILE))
    except OSError as error:
        raise MalformedCertificate(error.strerror or "unreadable") from error
    except ValueError as error:
        raise MalformedCertificate(str(error)) from error


def _described(der: bytes, hierarchy: Hierarchy) -> dict[str, Any] | None:
    try:
        return describe(x509.load_der_x509_certificate(der), hierarchy)
    except UNREADABLE:
        return None


def _authorities(file: Path) -> list[bytes]:
    """Return the certificates of a `--chain` file, which are all readable."""
    try:
        ders = _certificates(_content(file, _MAX_CERTIFICATE_FILE))
        for der in ders:
            _require_readable(der)
    except (OSError, ValueError, MalformedCertificate) as error:
        raise click.UsageError(f"--chain {file} holds no certificate that can be read.") from error
    return ders


def _require_readable(der: bytes) -> None:
    try:
        load_certificate(der)
    except WeakKey:
        return  # Read, and for the verifier to refuse.


def _list(file: Path) -> RevocationList:
    try:
        return read_revocation_list(_content(file, _MAX_LIST_FILE))
    except (OSError, ValueError) as error:  # No list, or too large.
        raise click.UsageError(
            f"--crl {file} is no revocation list that can be used ({error})."
        ) from error


def _content(file: Path, limit: int) -> bytes:
    """Read a file, which may be an endless one.

    Raises:
        OSError: It cannot be read.
        ValueError: It is too large.
    """
    with file.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise ValueError("too large")
    return data


def _certificates(data: bytes) -> list[bytes]:
    """Return the DER in a file: its PEM blocks, or all of it.

    Raises:
        ValueError: A PEM block is none.
    """
    blocks = [] if _DER.match(data) else _PEM.findall(data)
    if not blocks:
        return [data]
    try:
        return [base64.b64decode(b"".join(block.split()), validate=True) for block in blocks]
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _presented(leaf: bytes, chain: Iterable[bytes]) -> list[bytes]:
    """Return the chain as a card presents it, which holds no more than its own.

    A help desk has all authorities in one file: of those, the ones that lead on from the card.
    """
    ders = [der for der in dict.fromkeys(chain) if der != leaf]
    if len(ders) <= MAX_CHAIN:
        return ders
    try:
        names = [x509.load_der_x509_certificate(leaf).issuer]
    except UNREADABLE:
        return []
    left = {der: load_certificate(der) for der in ders}
    presented: list[bytes] = []
    for name in names:
        found = [der for der, one in left.items() if one.subject == name]
        presented += found
        names += [left.pop(der).issuer for der in found]
    return presented[:MAX_CHAIN]


def _json(told: dict[str, Any]) -> str:
    """Write JSON in which what a terminal would act on, or not show, is escaped."""
    text = json.dumps(told, indent=2, ensure_ascii=False)
    return "".join(
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
    )
