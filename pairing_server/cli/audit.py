"""`pairing-server audit`."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import click

from pairing_server.audit.checkpoint import Verify, verifier
from pairing_server.audit.events import AuditExported
from pairing_server.audit.export import export, verify_export
from pairing_server.audit.verify import verify
from pairing_server.audit.walk import Finding
from pairing_server.cli.keys import signing_keys
from pairing_server.cli.running import operator, registry_only, run, with_settings
from pairing_server.settings import Settings


@click.group()
def audit() -> None:
    """The audit log: append-only, hash-chained, with signed checkpoints."""


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
@with_settings
def audit_verify(settings: Settings, export_file: Path | None, keys_file: Path | None) -> None:
    """Find what was changed, removed or reordered, and say which event it is.

    Exits with 1 when anything is found.
    """
    if export_file is not None:
        if keys_file is None:
            raise click.UsageError("--export needs --keys: an export does not vouch for itself.")
        with export_file.open(encoding="utf-8") as lines:
            findings = verify_export(lines, _keys_of(keys_file))
    else:
        findings = run(lambda: _verify(settings, keys_file))
    _tell(findings)


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


async def _verify(settings: Settings, keys_file: Path | None) -> list[Finding]:
    async with registry_only(settings) as registry:
        if keys_file is not None:
            return await verify(registry, _keys_of(keys_file))
        # Whoever holds the database can put a key into it, but cannot seal one.
        signing = await signing_keys(settings, registry)
        keys = await signing.authentic_jwks()
        return await verify(registry, verifier(keys))


def _keys_of(file: Path) -> Verify:
    try:
        return verifier(json.loads(file.read_text())["keys"])
    except (ValueError, KeyError, TypeError) as error:
        raise click.BadParameter(f"{file} is not a JSON Web Key Set") from error


def _tell(findings: Iterable[Finding]) -> None:
    found = list(findings)
    for finding in found:
        where = f"chain {finding.chain}, event" if finding.chain else "checkpoint or line"
        which = f" ({finding.id})" if finding.id else ""
        click.echo(f"{finding.fault}: {where} {finding.sequence}{which}: {finding.detail}")
    if found:
        raise SystemExit(1)
    click.echo("The audit log is whole.")
