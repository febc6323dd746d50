"""The one way to the mail server: over TLS, or not at all."""

import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage

import aiosmtplib

from pairing_server.mail.postman import MailRefusedError

DEADLINE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server.

    Attributes:
        is_tls: Whether TLS begins with the first byte (RFC 8314); else it is asked for and has to
            be given (RFC 3207).
    """

    host: str
    port: int
    is_tls: bool
    trust: ssl.SSLContext
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    async def send(self, message: EmailMessage) -> None:
        """Hand over one mail.

        Raises:
            MailRefusedError: it was not taken.
        """
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                username=self.user,
                password=self.password,
                use_tls=self.is_tls,
                start_tls=not self.is_tls,
                tls_context=self.trust,
                timeout=DEADLINE.total_seconds(),
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            # What servers say there repeats the address, and stays out of the log.
            is_final = all(each.code >= 500 for each in error.recipients)  # noqa: PLR2004
            raise MailRefusedError("recipient", is_final=is_final) from None
        except aiosmtplib.SMTPResponseException as error:
            raise MailRefusedError(f"status_{error.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailRefusedError(type(error).__name__) from None
