"""`python -m pairing_server`."""

from pairing_server.cli import main

main()
