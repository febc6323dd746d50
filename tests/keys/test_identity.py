"""Whom a key will belong to."""

import msgspec

from pairing_server.keys.identity import Identity
from pairing_server.languages import Language

JAN = Identity("Jan Jansen", "900001234", "01.015", "De Linde", "90000001")


def test_it_is_told_as_it_is_with_the_role_in_the_language_that_is_read():
    told = msgspec.to_builtins(JAN.told(Language.EN))

    assert told == {
        "name": "Jan Jansen",
        "uzi_number": "900001234",
        "role": "physician, general practitioner",
        "organisation": "De Linde",
        "ura": "90000001",
    }
    assert JAN.told(Language.NL).role == JAN.told(None).role == "arts, huisarts"


def test_who_has_no_role_any_more_is_told_without():
    assert Identity("Jan Jansen", "", "", "", "").told(Language.EN).role == ""
