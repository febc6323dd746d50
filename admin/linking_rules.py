"""Rules of who comes to work for an organisation."""

from dataclasses import dataclass
from datetime import date

from pairing_server.portal.birth_date import BirthDates
from pairing_server.portal.registration import plain

#: Behind the name of who has no UZI number; fewer digits than one, so that none is taken for one.
ENDING_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What is drawn for a new record, and what is known of its person.

    Attributes:
        ending: Digits that tell people of one name apart in their user names.
        births: Compares dates of birth.
    """

    person_id: str
    ending: str
    born: date
    births: BirthDates

    @property
    def birth_digest(self) -> str:
        """What is kept of the date of birth."""
        return self.births.digest(self.person_id, self.born)


def user_name(first_names: str, last_name: str, ending: str) -> str:
    """Compose the user name of who has shown no card; it stays, whatever they are called later."""
    parts = [plain(first_names), plain(last_name), ending]
    return ".".join(part for part in parts if part)
