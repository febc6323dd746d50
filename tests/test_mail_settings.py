"""What can be said of a mail server, and that a mistake is told without its value."""

import pytest

from pairing_server.mail_settings import relay_of
from pairing_server.settings import SettingsError, load

FROM = {"mail_from": "login@example.nl"}


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtps://mail.example.nl", ("smtps", "mail.example.nl", 465, None)),
        ("smtp+starttls://mail", ("smtp+starttls", "mail", 587, None)),
        ("smtp+starttls://mail.example.nl:25/", ("smtp+starttls", "mail.example.nl", 25, None)),
    ],
)
def test_a_mail_server_is_named_by_a_url(url, relay):
    assert relay_of(load({}, **FROM, smtp_url=url).smtp_url) == relay


def test_a_user_may_be_an_address(tmp_path):
    url = "smtps://login%40example.nl@mail.example.nl"
    settings = load({}, **FROM, smtp_url=url, smtp_password_file=tmp_path / "password")

    assert relay_of(settings.smtp_url) == ("smtps", "mail.example.nl", 465, "login@example.nl")


@pytest.mark.parametrize(
    "wrong",
    [
        FROM | {"smtp_url": "smtp://mail.example.nl"},
        FROM | {"smtp_url": "smtps://user:geheim@mail.example.nl"},
        FROM | {"smtp_url": "smtps://user@mail.example.nl"},
        FROM | {"smtp_url": "smtps://mail.example.nl:99999"},
        FROM | {"smtp_url": "smtps://mail.example.nl", "smtp_password_file": "x"},
        FROM | {"smtp_url": "smtps://mail.example.nl/path"},
        {"smtp_url": "smtps://mail.example.nl"},
        FROM,
        {"mail_from": "Iemand <a@b.nl>", "smtp_url": "smtps://mail.example.nl"},
    ],
)
def test_what_cannot_work_is_refused(wrong):
    with pytest.raises(SettingsError) as caught:
        load({}, **wrong)
    assert "geheim" not in str(caught.value)
