"""A country of organisations and their people, the same each time: who works where, by number."""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random

from bench.dutch_names import drawn

SEED = 7513
ORGANISATIONS = 2_000
#: How much smaller each organisation is than the ones before it: of 2,000, the largest has a
#: fiftieth of all people, which of a million are 20,000, and the smallest a hundredth of that.
_SKEW = 0.605
#: When the log ends, and what goes before it.
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PERIOD = timedelta(days=5 * 365)
#: Far from any factor of a round number of people.
_STRIDE = 611_953


@dataclass(frozen=True)
class Country:
    """So many people at so many organisations."""

    people: int
    organisations: int = ORGANISATIONS

    @cached_property
    def _ends(self) -> list[int]:
        weights = list(accumulate((place + 1) ** -_SKEW for place in range(self.organisations)))
        return [round(self.people * each / weights[-1]) for each in weights]

    def place(self, person: int) -> int:
        """Return the organisation of a person, both by number."""
        return bisect(self._ends, person)

    def members(self, organisation: int) -> range:
        """Return the people of an organisation, by number."""
        return range(self._ends[organisation - 1] if organisation else 0, self._ends[organisation])

    def person_of_rank(self, rank: int) -> int:
        """Return who comes after so many, in an order in which colleagues are far apart.

        Number 0, who is the first at the largest organisation, is the first of all.
        """
        return rank * _STRIDE % self.people

    def shuffled(self) -> Iterator[int]:
        """Return everybody in that order."""
        return map(self.person_of_rank, range(self.people))


def ura_of(organisation: int) -> str:
    """Return an organisation's number."""
    return f"{90_000_000 + organisation}"


def uzi_number_of(person: int) -> str:
    """Return the number on a person's card."""
    return f"{100_000_000 + person}"


def person_id_of(person: int) -> str:
    """Return by what the registry knows a person."""
    return f"person-{person}"


def phone_of(person: int) -> str:
    """Return the key of a person's first phone."""
    return f"credential-{person}"


def workstation_of(person: int) -> str:
    """Return where a person logs in."""
    return f"Balie {person % 40}"


def name_of(person: int) -> tuple[str, str]:
    """Return first names and last name."""
    return drawn(Random(SEED + person))  # noqa: S311  (the same name each time)
