"""A mail server on loopback that speaks TLS as a real one does."""

import asyncio
import contextlib
import warnings
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from clients.push_simulator.authority import LoopbackAuthority

AUTHORITY = LoopbackAuthority.create()
USER, PASSWORD = "login", "p\u00e4ssword of many words"


@dataclass
class MailServer:
    """Takes mail, or answers as a test says.

    Attributes:
        answers: In turn; the last one for ever.
        got: What it took: from whom, to whom, what.
    """

    port: int = 0
    answers: list[str] = field(default_factory=lambda: ["250 OK"])
    got: list[tuple[str, list[str], object]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        message = message_from_bytes(envelope.content, policy=default)
        self.got.append((envelope.mail_from, envelope.rcpt_tos, message))
        self.news.set()
        return "250 OK"

    async def mail(self):
        """Wait for the first mail."""
        async with asyncio.timeout(20):
            await self.news.wait()
        return self.got[0]

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        self.logins.append((data.login, data.password))
        is_right = data == type(data)(USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


@contextlib.asynccontextmanager
async def listening(*, is_tls, offers_tls=True):
    server = MailServer()
    context = AUTHORITY.context(())

    def protocol():
        begins = {"tls_context": context, "require_starttls": True} if offers_tls else {}
        with warnings.catch_warnings():
            # It does not see that TLS is around it already.
            warnings.simplefilter("ignore")
            return SMTP(
                server,
                hostname="localhost",
                auth_required=offers_tls,
                auth_require_tls=not is_tls,
                authenticator=server.authenticate,
                loop=asyncio.get_running_loop(),
                **({} if is_tls else begins),
            )

    listener = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if is_tls else None
    )
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


@pytest.fixture(params=[True, False], ids=["smtps", "starttls"])
async def mail_server(request):
    async with listening(is_tls=request.param) as server:
        server.scheme = "smtps" if request.param else "smtp+starttls"
        yield server


@pytest.fixture
def authority_file(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_bytes(AUTHORITY.pem)
    return file


@pytest.fixture
def password_file(tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return file
