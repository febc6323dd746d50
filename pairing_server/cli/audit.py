"""`pairing-server audit`."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import click

from pairing_server.audit.checkpoint import Checkpoint, Verify, verifier
from pairing_server.audit.csv_form import CSV_BEGINS, csv_lines
from pairing_server.audit.events import AuditExported
from pairing_server.audit.export import (
    Line,
    export_lines,
    json_line,
    read_last_checkpoint,
    verify_lines,
)
from pairing_server.audit.prune import YEAR, Pruned, prune
from pairing_server.audit.verify import verify
from pairing_server.audit.walk import Fault, Finding, Seen
from pairing_server.cli.evidence import evidence
from pairing_server.cli.running import (
    changing,
    operator,
    registry_only,
    run,
    sign_checkpoint,
    signing_keys,
    with_settings,
)
from pairing_server.clock import from_milliseconds, utc_now, wire_time
from pairing_server.keys.signing import signing_key_exists
from pairing_server.oidc.confirmation import thumbprint
from pairing_server.registry import Registry
from pairing_server.settings import Settings


@click.group()
def audit() -> None:
    """The audit log: append-only, hash-chained, with signed checkpoints."""


audit.add_command(evidence)


@audit.command("verify")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The server's public keys, as `pairing-server keys jwks` printed them.",
)
@click.option(
    "--since",
    "since_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An older export, or its last checkpoint: find what has been cut off the end since.",
)
@with_settings
def audit_verify(
    settings: Settings,
    file: Path | None,
    keys_file: Path | None,
    since_file: Path | None,
) -> None:
    """Find what was changed, removed or reordered, and say which event it is.

    Of FILE, an export as JSON Lines or CSV, away from the server; without it, of the log itself.
    Without --keys an export is verified by the keys in it: compare those that are named with the
    server's, for whoever made up an export made up its keys.

    Exits with 1 when anything is found, or when there is nothing to verify.
    """
    since = None if since_file is None else _last_checkpoint(since_file)
    seen = Seen()
    if file is not None:
        findings = _verify_file(file, keys_file, since, seen)
    else:
        findings = run(lambda: _verify(settings, keys_file, since, seen))
    _tell(findings, seen)


def _verify_file(
    file: Path, keys_file: Path | None, since: Checkpoint | None, seen: Seen
) -> list[Finding]:
    keys = _own_keys_of(file) if keys_file is None else _keys_of(keys_file)
    with file.open(encoding="utf-8", newline="") as stream:
        return verify_lines(_lines_of(stream), keys, since=since, seen=seen)


def _lines_of(stream: TextIO) -> Iterator[Line]:
    """Read an export in either of its forms."""
    if stream.read(len(CSV_BEGINS)) == CSV_BEGINS:
        stream.seek(0)
        return csv_lines(stream)
    stream.seek(0)
    return map(json.loads, stream)


def _own_keys_of(file: Path) -> Verify:
    """Read the keys that an export brings, and name them."""
    with file.open(encoding="utf-8", newline="") as stream:
        try:
            first = next(_lines_of(stream), {})
            keys = first["keys"] if first["type"] == "keys" else []
            named = ", ".join(sorted(f"{jwk['kid']} {thumbprint(jwk)}" for jwk in keys))
            check = verifier(keys)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise click.BadParameter(f"{file} brings no keys: name them by --keys.") from error
    if not keys:
        raise click.BadParameter(f"{file} brings no keys: name them by --keys.")
    click.echo(f"By the keys in the file itself; the server has to know them: {named}.", err=True)
    return check


@audit.command("prune")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def audit_prune(settings: Settings, yes: bool) -> None:  # noqa: FBT001  (as click has it)
    """Delete what is older than PAIRING_AUDIT_RETENTION_YEARS says; that is an event itself.

    The log is verified first, and not touched when anything is wrong with it.  Broken off, the
    command is given again.
    """
    years = settings.audit_retention_years
    if not yes:
        click.confirm(f"Delete all events that are older than {years} years?", abort=True)
    findings: list[Finding] = []
    pruned = run(lambda: _prune(settings, findings))
    if pruned is None:
        _tell(findings, Seen())
    elif pruned.before is None:
        click.echo(f"Nothing is older than {years} years.")
    else:
        count = sum(pruned.events.values())
        click.echo(f"Deleted {count} events from before {wire_time(pruned.before)}.")


async def _prune(settings: Settings, findings: list[Finding]) -> Pruned | None:
    kept = settings.audit_retention_years * YEAR
    async with changing(settings) as registry:
        check = await _own_keys(settings, registry)
        findings += await verify(registry, check)
        if findings:
            return None
        return await prune(registry, check, operator(), utc_now(), kept)


@audit.command("export")
@click.option(
    "--output",
    type=click.Path(exists=False, dir_okay=False, path_type=Path),
    help="A new file, for its owner alone; by default standard output.",
)
@with_settings
def audit_export(settings: Settings, output: Path | None) -> None:
    """Write the whole log as JSON Lines; that it was read out is an event itself."""

    async def write(stream: TextIO) -> None:
        async with registry_only(settings) as registry:
            event = AuditExported(actor=operator(), object="audit-log")
            await registry.commit(lambda tx: tx.record(event))
            # So that the export names, to `verify --since`, all that is in it.
            await sign_checkpoint(settings, registry)
            keys = await (await signing_keys(settings, registry)).authentic_jwks()
            async for line in export_lines(registry, public_jwks=keys):
                stream.write(json_line(line) + "\n")

    if output is None:
        run(lambda: write(sys.stdout))
        return
    try:
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise click.ClickException(f"{output} is there already.") from error
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        run(lambda: write(stream))


async def _verify(
    settings: Settings, keys_file: Path | None, since: Checkpoint | None, seen: Seen
) -> list[Finding]:
    async with registry_only(settings) as registry:
        keys = await _own_keys(settings, registry) if keys_file is None else _keys_of(keys_file)
        return await verify(registry, keys, since=since, seen=seen)


async def _own_keys(settings: Settings, registry: Registry) -> Verify:
    if not await registry.read(signing_key_exists):
        return verifier([])
    # Whoever holds the database can put a key into it, but cannot seal one.
    signing = await signing_keys(settings, registry)
    return verifier(await signing.authentic_jwks())


def _keys_of(file: Path) -> Verify:
    try:
        return verifier(json.loads(file.read_text())["keys"])
    except (ValueError, KeyError, TypeError) as error:
        raise click.BadParameter(f"{file} is not a JSON Web Key Set") from error


def _last_checkpoint(file: Path) -> Checkpoint:
    try:
        with file.open(encoding="utf-8") as lines:
            return read_last_checkpoint(lines)
    except ValueError as error:
        raise click.BadParameter(f"{file} is not an export with a checkpoint") from error


def _tell(findings: Iterable[Finding], seen: Seen) -> None:
    found = list(findings)
    for finding in found:
        where = f"chain {finding.chain}, event" if finding.chain else "checkpoint"
        where = "line" if finding.fault is Fault.MALFORMED else where
        which = f" ({finding.id})" if finding.id else ""
        click.echo(f"{finding.fault}: {where} {finding.sequence}{which}: {finding.detail}")
    if found:
        raise SystemExit(1)
    if not seen.events:
        raise click.ClickException("The audit log has no event: there is nothing to verify.")
    if not seen.checkpoints:
        raise click.ClickException("The audit log has no checkpoint: nothing vouches for it.")
    click.echo(f"The audit log is whole: {_told(seen)}.")


def _told(seen: Seen) -> str:
    counts = {
        "chain": len(seen.chains), "event": seen.events, "checkpoint": seen.checkpoints
    }  # fmt: skip
    left_out = f" ({seen.left_out} left out)" if seen.left_out else ""
    counted = ", ".join(
        f"{number} {noun}{'' if number == 1 else 's'}" for noun, number in counts.items()
    )
    first, last = (wire_time(from_milliseconds(time or 0)) for time in (seen.first, seen.last))
    return f"{counted}{left_out}, from {first} to {last}"
