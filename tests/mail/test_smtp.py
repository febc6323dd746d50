"""Mail goes over TLS to a server that is believed, or it does not go."""

import ssl
from dataclasses import replace
from email.message import EmailMessage

import pytest

from clients.push_simulator.authority import LoopbackAuthority
from pairing_server.mail.postman import MailRefusedError
from pairing_server.mail.setup import make_postman, make_smtp
from pairing_server.settings import SettingsError, load
from tests.mail.conftest import PASSWORD, USER, listening

TO = "saskia@ziekenhuis.example"


def message():
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "login@example.nl", TO, "Dag \u00eb"
    made.set_content("Tekst")
    return made


def settings(server, authority_file, password_file, **changed):
    url = f"{server.scheme}://{USER}@localhost:{server.port}"
    given = {
        "mail_from": "login@example.nl",
        "smtp_url": url,
        "smtp_password_file": password_file,
        "smtp_ca_file": authority_file,
    }
    return load({}, **(given | changed))


@pytest.fixture
def smtp(mail_server, authority_file, password_file):
    return make_smtp(settings(mail_server, authority_file, password_file))


async def reason(smtp):
    with pytest.raises(MailRefusedError) as caught:
        await smtp.send(message())
    return caught.value.args[0], caught.value.is_final


async def test_a_mail_is_handed_over_after_a_login(mail_server, smtp):
    await smtp.send(message())

    ((sender, to, got),) = mail_server.got
    assert (sender, to, got["Subject"]) == ("login@example.nl", [TO], "Dag \u00eb")
    assert mail_server.logins == [(USER.encode(), PASSWORD.encode())]


async def test_a_server_that_is_not_believed_gets_nothing(mail_server, password_file, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(LoopbackAuthority.create().pem)
    smtp = make_smtp(settings(mail_server, other, password_file))

    await reason(smtp)
    assert (mail_server.got, mail_server.logins) == ([], [])


def test_a_server_has_to_have_the_name_that_it_is_called_by(smtp):
    assert smtp.trust.check_hostname
    assert smtp.trust.verify_mode is ssl.CERT_REQUIRED


async def test_a_server_without_tls_gets_nothing(authority_file, password_file):
    async with listening(is_tls=False, offers_tls=False) as server:
        server.scheme = "smtp+starttls"
        smtp = make_smtp(settings(server, authority_file, password_file))
        await reason(smtp)
        await reason(replace(smtp, user=None, password=None))

    assert (server.got, server.logins) == ([], [])


async def test_a_wrong_password_is_not_the_end_of_a_mail(mail_server, smtp):
    assert await reason(replace(smtp, password="wrong")) == ("status_535", False)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 5.1.1 <saskia@ziekenhuis.example> unknown", ("recipient", True)),
        ("450 4.2.1 <saskia@ziekenhuis.example> busy", ("recipient", False)),
    ],
)
async def test_who_is_unknown_there_is_not_tried_again(mail_server, smtp, answer, expected):
    mail_server.answers[:] = [answer]

    assert await reason(smtp) == expected


async def test_nobody_there_is_a_reason_that_names_nobody(smtp):
    said, is_final = await reason(replace(smtp, port=1))

    assert (said.isidentifier(), is_final) == (True, False)


def test_the_password_stands_nowhere(smtp):
    assert PASSWORD not in repr(smtp)


def test_without_a_mail_server_nobody_is_mailed():
    assert make_postman(None, load({})) is None


@pytest.mark.parametrize("name", ["smtp_ca_file", "smtp_password_file"])
def test_a_file_that_cannot_be_read_is_named(mail_server, authority_file, password_file, name):
    wrong = settings(mail_server, authority_file, password_file, **{name: authority_file.parent})

    with pytest.raises(SettingsError, match=name.upper()):
        make_smtp(wrong)
