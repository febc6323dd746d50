"""The operator's commands."""

import click

from pairing_server.cli.audit import audit
from pairing_server.cli.check import check
from pairing_server.cli.database import db
from pairing_server.cli.demo import demo
from pairing_server.cli.keys import keys
from pairing_server.cli.parties import client, organisation
from pairing_server.cli.phones import phone
from pairing_server.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pairing-server")
def main() -> None:
    """Turn a health professional's phone into their login key.

    Settings come from the environment (PAIRING_...) and from a TOML file (--config, or
    PAIRING_CONFIG); `pairing-server check` lists them and says what is wrong with yours.
    """


for command in (serve, check, demo, db, organisation, client, phone, keys, audit):
    main.add_command(command)
