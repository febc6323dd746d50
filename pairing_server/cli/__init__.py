"""The operator's commands."""

from importlib import import_module

import click

#: Where each command is.  A command is imported when it is run: blocking a phone does not wait
#: until everything that a server is made of has been loaded.
COMMANDS = {
    "serve": "pairing_server.cli.serve:serve",
    "check": "pairing_server.cli.check:check",
    "demo": "pairing_server.cli.demo:demo",
    "db": "pairing_server.cli.database:db",
    "organisation": "pairing_server.cli.parties:organisation",
    "person": "pairing_server.cli.people:person",
    "client": "pairing_server.cli.clients:client",
    "phone": "pairing_server.cli.phones:phone",
    "push": "pairing_server.cli.push:push",
    "keys": "pairing_server.cli.keys:keys",
    "audit": "pairing_server.cli.audit:audit",
    "uzi": "pairing_server.cli.uzi:uzi",
}


class Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in the order in which an operator meets them."""
        _ = ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        _ = ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pairing-server")
def main() -> None:
    """Turn a health professional's phone into their login key.

    Settings come from the environment (PAIRING_...) and from a TOML file (--config, or
    PAIRING_CONFIG); `pairing-server check` lists them and says what is wrong with yours.
    """
