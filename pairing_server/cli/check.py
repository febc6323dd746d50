"""`pairing-server check`: everything that is wrong with an installation, in one go."""

import asyncio
import os
import secrets
from pathlib import Path

import click

from pairing_server.cli.check_apps import examine_apps
from pairing_server.cli.check_attestation import examine_attestation
from pairing_server.cli.check_cards import examine_cards
from pairing_server.cli.check_push import examine_push
from pairing_server.cli.check_uzi import examine_trust
from pairing_server.cli.running import CLI_CHAIN, live_store, run
from pairing_server.clock import utc_now
from pairing_server.keys.seal import Seal, SealError, read_seal_key
from pairing_server.keys.signing import SigningKeys
from pairing_server.registry import RegistryUnavailableError
from pairing_server.registry.database import open_registry
from pairing_server.settings import PREFIX, Settings, SettingsError, load
from pairing_server.store import StoreUnavailableError
from pairing_server.store.embedded import EmbeddedStoreError, find_binary
from pairing_server.uzi.revocation_setup import examine_revocation


@click.command()
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A TOML file with settings.",
)
@click.option("--list", "list_settings", is_flag=True, help="List the settings and stop.")
def check(config: Path | None, list_settings: bool) -> None:  # noqa: FBT001
    """Say everything that is wrong with the configuration, and what to do about it."""
    if list_settings:
        for name, field in Settings.model_fields.items():
            click.echo(f"{PREFIX}{name.upper()}\n    {field.description}")
        return
    try:
        settings = load(file=config)
    except SettingsError as error:
        _tell(error.mistakes, [])
        return
    mistakes, remarks = run(lambda: examine(settings))
    _tell(mistakes, remarks)


async def examine(settings: Settings) -> tuple[list[str], list[str]]:
    """Return what keeps the server from its work, and what its operator may want to know."""
    mistakes: list[str] = []
    remarks: list[str] = []
    for examination in (_data_dir, _store, _registry, _uzi, examine_push):
        await examination(settings, mistakes, remarks)
    examine_apps(settings, mistakes, remarks)
    await asyncio.to_thread(examine_attestation, settings, mistakes, remarks)
    if settings.base_url.startswith("http://"):
        remarks.append("The base URL is plain http: only this machine can log in.")
    return mistakes, remarks


async def _data_dir(settings: Settings, mistakes: list[str], _: list[str]) -> None:
    directory = settings.data_dir
    if not directory.exists():
        directory = directory.absolute().parent
    if not os.access(directory, os.W_OK | os.X_OK):
        mistakes.append(
            f"{PREFIX}DATA_DIR: {settings.data_dir} cannot be written: "
            "make it and give it to the user that the server runs as."
        )


async def _store(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    if settings.redis_url is None:
        try:
            binary = find_binary()
        except EmbeddedStoreError as error:
            mistakes.append(str(error))
        else:
            remarks.append(f"The Store is an own Valkey, started from {binary.name}.")
        return
    try:
        async with live_store(settings) as store:
            if store is not None:
                await store.ping()
    except (StoreUnavailableError, ValueError) as error:
        mistakes.append(
            f"{PREFIX}REDIS_URL: the Store does not answer ({_kind(error)}): "
            "start it, or name where it listens."
        )


async def _registry(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    if settings.database_url is None:
        file = settings.data_dir / "registry.sqlite3"
        remarks.append(f"The registry is SQLite in {file}.")
        if not file.exists():
            return
    try:
        registry = open_registry(settings.registry_url, chain=CLI_CHAIN, clock=utc_now)
    except ValueError as error:
        mistakes.append(f"{PREFIX}DATABASE_URL: {error}.")
        return
    try:
        await registry.ping()
        seal_key = settings.seal_key_file or settings.data_dir / "seal.key"
        if settings.seal_key_file is not None or seal_key.exists():
            seal = Seal(read_seal_key(seal_key), secrets.token_bytes)
            keys = SigningKeys(registry, seal, utc_now, secrets.token_bytes)
            if await keys.all():
                await keys.prepare()
    except RegistryUnavailableError as error:
        mistakes.append(
            f"{PREFIX}DATABASE_URL: {error}. Start it or name where it listens; "
            "where it is new, run `pairing-server db upgrade`."
        )
    except SealError as error:
        mistakes.append(
            f"{PREFIX}SEAL_KEY_FILE: {error}; `pairing-server keys new-seal-key` makes one."
        )
    finally:
        await registry.close()


async def _uzi(settings: Settings, mistakes: list[str], remarks: list[str]) -> None:
    await asyncio.to_thread(examine_trust, settings, mistakes, remarks)
    await asyncio.to_thread(examine_cards, settings, mistakes, remarks)
    told = await asyncio.to_thread(examine_revocation, settings, utc_now())
    mistakes += told[0]
    remarks += told[1]


def _kind(error: BaseException) -> str:
    """Tell an error without what it quotes, which may be a secret or a path of somebody's."""
    return error.strerror or "unreadable" if isinstance(error, OSError) else type(error).__name__


def _tell(mistakes: list[str], remarks: list[str]) -> None:
    for remark in remarks:
        click.echo(f"   {remark}")
    for mistake in mistakes:
        click.echo(f" ! {mistake}")
    if mistakes:
        raise SystemExit(1)
    click.echo("Nothing is wrong.")
