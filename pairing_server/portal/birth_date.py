"""Dates of birth: compared, and kept as a digest that says nothing without the server's key."""

import hashlib
import hmac
from datetime import date

from pairing_server.registry.people import Person
from pairing_server.tokens import b64url

#: The name of the server's secret that keys the digests.
KEY_NAME = "date-of-birth"
#: The youngest and the oldest that a person with a UZI card can plausibly be: against slips.
MIN_AGE_YEARS = 14
MAX_AGE_YEARS = 110

_CONTEXT = "pairing_server/date-of-birth/v1"


class BirthDates:
    """Makes the digests.

    There are some 40,000 dates on which somebody who works can be born, so a digest without a key
    would be a date to whoever tries them all.  The person is in it, so that equal dates of two
    people do not show.
    """

    def __init__(self, key: bytes) -> None:
        """Take the key, 32 bytes."""
        self._key = key

    def digest(self, person_id: str, born: date) -> str:
        """Return the HMAC-SHA-256 of a person's date of birth, in base64url."""
        message = f"{_CONTEXT}\n{person_id}\n{born.isoformat()}".encode()
        return b64url(hmac.digest(self._key, message, hashlib.sha256))

    def is_of(self, person: Person, born: date) -> bool:
        """Tell whether the person was born that day; nobody whose date is not known was."""
        known = person.birth_digest
        return known is not None and hmac.compare_digest(known, self.digest(person.id, born))


def is_plausible(born: date, today: date) -> bool:
    """Tell whether somebody who works can be born on that day."""
    return MIN_AGE_YEARS <= today.year - born.year <= MAX_AGE_YEARS
