"""`pairing-server person`."""

import click

from pairing_server.cli.running import changing, operator, run, with_settings
from pairing_server.registry import Transaction, mail_outbox, people
from pairing_server.settings import Settings


@click.group()
def person() -> None:
    """People, by their user name."""


@person.command("mail")
@click.argument("user_name")
@click.argument("address", required=False)
@with_settings
def person_mail(settings: Settings, user_name: str, address: str | None) -> None:
    """Say where a person is mailed about their phones; nowhere without an address."""
    if address is not None and not mail_outbox.is_address(address):
        raise click.BadParameter("this is no address", param_hint="'ADDRESS'")

    def change(tx: Transaction) -> bool:
        found = people.by_user_name(tx, user_name)
        return found is not None and mail_outbox.set_address(
            tx, found.id, address, actor=operator()
        )

    async def job() -> bool:
        async with changing(settings) as registry:
            return await registry.commit(change)

    if not run(job):
        raise click.ClickException(f"Nobody has the user name {user_name}.")
    click.echo("Set." if address else "Taken away.")
