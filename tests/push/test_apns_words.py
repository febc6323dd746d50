"""Every reason that an operator can do something about says what."""

import pytest

from pairing_server.push import PushService
from pairing_server.push.apns_answers import VERDICTS
from pairing_server.push.apns_words import APNS
from pairing_server.push.words import words
from pairing_server.settings import Settings

#: What we would have to have written wrongly.
OURS = {
    *("BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "BadPath"),
    *("DuplicateHeaders", "InvalidPushType", "MethodNotAllowed", "MissingDeviceToken"),
    *("PayloadEmpty", "PayloadTooLarge", "IdleTimeout", "BadCertificate"),
    "BadCertificateEnvironment",
}


def test_every_reason_but_our_own_mistakes_has_words():
    assert set(VERDICTS) - set(APNS) == OURS


@pytest.mark.parametrize("reason", APNS)
def test_words_are_a_sentence_about_apns(reason):
    said = words(PushService.APNS, reason)
    assert said.startswith("APNs ")
    assert said.endswith((".", "?."))


def test_a_mistake_of_ours_is_told_by_its_name():
    assert words(PushService.APNS, "BadPriority") == "APNs answered BadPriority."


def test_settings_that_are_named_exist():
    named = {
        word.strip(",.:?").removeprefix("PAIRING_").lower()
        for said in APNS.values()
        for word in said.split()
        if word.startswith("PAIRING_")
    }
    assert named - set(Settings.model_fields) == set()
