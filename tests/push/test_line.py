"""A wake-up shows one line, the same for everybody, and nothing of whom or what it is about."""

from datetime import UTC, datetime

import pytest

from pairing_server.languages import Language
from pairing_server.push import Wakeup, WakeupKind
from pairing_server.push.line import line_of

LINES = {
    (WakeupKind.REQUEST, Language.NL): "Er is een inlogverzoek",
    (WakeupKind.REQUEST, Language.EN): "There is a login request",
    (WakeupKind.NOTICE, Language.NL): "Er is nieuws over uw telefoons",
    (WakeupKind.NOTICE, Language.EN): "There is news about your phones",
    (WakeupKind.WITHDRAWN, Language.NL): "Het inlogverzoek is voorbij",
    (WakeupKind.WITHDRAWN, Language.EN): "The login request is over",
}


@pytest.mark.parametrize(("kind", "language"), LINES)
def test_the_line_says_what_kind_of_thing_there_is_and_no_more(kind, language):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    wakeup = Wakeup("secret-id", at, tag="secret-tag", kind=kind, language=language)
    assert line_of(wakeup) == LINES[kind, language]
