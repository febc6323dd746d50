"""How mail is wired, where a mail server is configured."""

import ssl

from pairing_server.mail.letter import Sender
from pairing_server.mail.postman import Post, Postman
from pairing_server.mail_settings import relay_of
from pairing_server.ports import Ports
from pairing_server.settings import PREFIX, Settings, SettingsError


def make_postman(ports: Ports, settings: Settings) -> Postman | None:
    """Make what mails, or nothing where there is no mail server.

    Raises:
        SettingsError: a file cannot be read.
    """
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return Postman(ports, make_smtp(settings), Sender(settings.mail_from, settings.base_url))


def make_smtp(settings: Settings) -> Post:
    """Make the way to the mail server.

    Raises:
        SettingsError: a file cannot be read.
    """
    # Who mails nobody loads nothing that speaks SMTP.
    from pairing_server.mail.smtp import Smtp  # noqa: PLC0415

    scheme, host, port, user = relay_of(settings.smtp_url or "")
    trust = ssl.create_default_context()
    try:
        if settings.smtp_ca_file is not None:
            trust.load_verify_locations(cafile=settings.smtp_ca_file)
    except (OSError, ssl.SSLError) as error:
        mistake = f"{PREFIX}SMTP_CA_FILE: {settings.smtp_ca_file} has no certificates in PEM."
        raise SettingsError([mistake]) from error
    try:
        file = settings.smtp_password_file
        password = None if file is None else file.read_text().strip()
    except OSError as error:
        mistake = f"{PREFIX}SMTP_PASSWORD_FILE: it cannot be read: {error.strerror}."
        raise SettingsError([mistake]) from error
    return Smtp(host, port, scheme == "smtps", trust, user, password)
