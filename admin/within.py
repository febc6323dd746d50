"""What else has to be so, or is kept, in the commit of an act: what a flow is handed by who calls.

The pages hand nothing; a program names what it changes, and the act that it does once.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from pairing_server.registry import Transaction

T = TypeVar("T")


class Within(Protocol):
    """Runs a change in its transaction, and whatever it raises undoes both."""

    def __call__(self, tx: Transaction, change: Callable[[Transaction], T], /) -> T:
        """Return what the change returns."""


def alone(tx: Transaction, change: Callable[[Transaction], T], /) -> T:
    """Run the change and nothing else."""
    return change(tx)
