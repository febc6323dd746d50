"""`pairing-server audit`."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import click

from pairing_server.audit.checkpoint import Checkpoint, Verify, verifier
from pairing_server.audit.events import AuditExported
from pairing_server.audit.export import export, read_last_checkpoint, verify_export
from pairing_server.audit.verify import verify
from pairing_server.audit.walk import Fault, Finding, Seen
from pairing_server.cli.evidence import evidence
from pairing_server.cli.running import (
    operator,
    registry_only,
    run,
    sign_checkpoint,
    signing_keys,
    with_settings,
)
from pairing_server.clock import from_milliseconds, wire_time
from pairing_server.keys.signing import signing_key_exists
from pairing_server.registry import Registry
from pairing_server.settings import Settings


@click.group()
def audit() -> None:
    """The audit log: append-only, hash-chained, with signed checkpoints."""


audit.add_command(evidence)


@audit.command("verify")
@click.option(
    "--export",
    "export_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Verify this export instead, away from the server; needs --keys.",
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
    export_file: Path | None,
    keys_file: Path | None,
    since_file: Path | None,
) -> None:
    """Find what was changed, removed or reordered, and say which event it is.

    Exits with 1 when anything is found, or when there is nothing to verify.
    """
    since = None if since_file is None else _last_checkpoint(since_file)
    seen = Seen()
    if export_file is not None:
        if keys_file is None:
            raise click.UsageError("--export needs --keys: an export does not vouch for itself.")
        with export_file.open(encoding="utf-8") as lines:
            findings = verify_export(lines, _keys_of(keys_file), since=since, seen=seen)
    else:
        findings = run(lambda: _verify(settings, keys_file, since, seen))
    _tell(findings, seen)


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
            async for line in export(registry):
                stream.write(line + "\n")

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
    counted = ", ".join(
        f"{number} {noun}{'' if number == 1 else 's'}" for noun, number in counts.items()
    )
    first, last = (wire_time(from_milliseconds(time or 0)) for time in (seen.first, seen.last))
    return f"{counted}, from {first} to {last}"
