"""What a mail says, in both languages, and what it never says."""

from datetime import UTC, datetime

import pytest

from pairing_server.mail.letter import Sender, letter
from pairing_server.registry.phone_notices import PhoneNotice, PhoneNoticeKind

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
SENDER = Sender("login@example.nl", "https://login.example.nl")
TO = "saskia@ziekenhuis.example"


def made(kind=PhoneNoticeKind.BLOCKED, phone="Pixel 9", **changed):
    facts = {
        "id": "notice-1",
        "person_id": "person-1",
        "credential_id": "credential-1",
        "kind": kind,
        "at": NOW,
    }
    return letter(PhoneNotice(**(facts | changed)), phone, TO, SENDER)


def texts(message):
    return [message.get_body((kind,)).get_content() for kind in ("plain", "html")]


def test_a_mail_says_what_happened_when_and_what_to_do_in_both_languages():
    message = made()

    assert message["Subject"] == "Een telefoon is geblokkeerd / A phone was blocked"
    plain, html = texts(message)
    assert plain.splitlines() == [
        "Pixel 9 geeft geen toegang tot hij is gedeblokkeerd.",
        "",
        "Dit gebeurde op 26 november 2026 12:30 UTC.",
        "",
        (
            "Was u dit niet? Blokkeer uw telefoons op https://login.example.nl of op een andere "
            "telefoon van u, en waarschuw uw beheerder."
        ),
        "",
        "Deze mail is automatisch verstuurd: een antwoord wordt niet gelezen.",
        "",
        "--",
        "",
        "Pixel 9 opens nothing until it is unblocked.",
        "",
        "This happened on 26 November 2026 12:30 UTC.",
        "",
        (
            "Was this not you? Block your phones at https://login.example.nl or on another phone "
            "of yours, and tell your administrator."
        ),
        "",
        "This mail was sent by itself: nobody reads an answer to it.",
    ]
    assert '<div lang="en"><p>Pixel 9 opens nothing until it is unblocked.</p>' in html


@pytest.mark.parametrize("kind", PhoneNoticeKind)
def test_each_notice_has_its_words_and_no_link_but_to_the_portal(kind):
    plain, html = texts(made(kind, detail="7"))

    assert "%(" not in plain + html
    assert [word for word in plain.split() if "://" in word and word != SENDER.portal] == []
    assert "href" not in html
    private = ("person-1", "credential-1", "notice-1")
    assert [word for word in private if word in plain + html] == []


@pytest.mark.parametrize("kind", PhoneNoticeKind)
def test_who_may_have_no_phone_left_is_invited_to_pair_one(kind):
    plain, _ = texts(made(kind, detail="7"))

    ends = kind in {PhoneNoticeKind.REVOKED, PhoneNoticeKind.EXPIRED}
    invited = f"To pair a phone again, open {SENDER.portal} with your UZI card."
    assert (invited in plain) is ends
    koppelen = f"Om weer een telefoon te koppelen opent u {SENDER.portal} met uw UZI-pas."
    assert (koppelen in plain) is ends


def test_a_phones_name_is_text_and_nothing_else():
    message = made(phone='<a href="https://evil.example">x</a>\r\nBcc: evil@example.nl')
    _, html = texts(message)

    assert "<a" not in html
    assert "Bcc" not in message
    assert "Bcc" not in str(message["Subject"])


def test_a_phone_without_a_name_is_yours():
    assert texts(made(phone=" "))[0].startswith("Uw telefoon geeft geen toegang")


def test_one_notice_is_one_message_however_often_it_is_sent():
    assert made()["Message-ID"] == made()["Message-ID"] != made(id="notice-2")["Message-ID"]
    assert made()["Auto-Submitted"] == "auto-generated"


def test_a_key_that_expires_is_told_how_long_it_works():
    plain, _ = texts(made(PhoneNoticeKind.EXPIRING, detail="30"))

    assert "stops working in 30 days" in plain
    assert "administrator" not in plain
