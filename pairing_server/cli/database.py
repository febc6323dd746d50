"""`pairing-server db`."""

import asyncio

import click

from pairing_server.cli.running import run, with_settings
from pairing_server.registry import migrate
from pairing_server.settings import Settings


@click.group()
def db() -> None:
    """The registry's schema."""


@db.command("upgrade")
@with_settings
def db_upgrade(settings: Settings) -> None:
    """Bring the schema to this version's; safe to run twice and from two places at once."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    run(lambda: asyncio.to_thread(migrate.upgrade, settings.registry_url))
    click.echo(f"The schema is at {migrate.head()}.")
