"""Real proxies with the documented configuration, in front of a real server."""

import asyncio
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from clients.card_profile import Holder
from pairing_server.settings import load
from tests.card_tls import FORM, ServerCertificate, browser_tls, pem
from tests.documents import ROOT, read
from tests.house import Register, free_port, opened_house
from tests.oidc.client_ca import ClientCa

BASE_URL = "https://login.example.nl"
OPERATIONS = read("docs/operations.md")
#: Of clients' certificates.
CLIENT_CA = ClientCa()
CONFIGURATIONS = ROOT / "docs" / "proxies"


def found(program: str) -> str:
    """Return where a program is; `make parts` installs it."""
    path = shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert path is not None, f"{program} is not installed: run `make parts`"
    return path


@dataclass(frozen=True)
class Ground:
    """What the documented configuration names, and what it is here."""

    directory: Path
    server: ServerCertificate
    authorities: Path
    behind: int
    port: int
    ordinary: int
    left_out: str = ""

    def written(self, name: str) -> str:
        """Return a documented configuration with its files and ports put in place."""
        return self.in_place(name, (CONFIGURATIONS / name).read_text())

    def in_place(self, name: str, text: str) -> str:
        """Put files and ports into a documented configuration."""
        # HAProxy takes certificate and key from one file.
        both = self.directory / "both.pem"
        both.write_bytes(self.server.certificate.read_bytes() + self.server.key.read_bytes())
        certificate = both if name.startswith("haproxy") else self.server.certificate
        places = {
            "/etc/ssl/login.example.nl.pem": str(certificate),
            "/etc/ssl/login.example.nl.key": str(self.server.key),
            "/etc/ssl/uzi-authorities.pem": str(self.authorities),
            "127.0.0.1:8080": f"127.0.0.1:{self.behind}",
            "listen 8443": f"listen 127.0.0.1:{self.port}",
            "listen 443": f"listen 127.0.0.1:{self.ordinary}",
            "bind :8443": f"bind 127.0.0.1:{self.port}",
        }
        for documented, here in places.items():
            text = text.replace(documented, here)
        assert not self.left_out or self.left_out in text
        return text.replace(self.left_out, "") if self.left_out else text


def ordinary_entrance() -> str:
    """Return the documented nginx configuration of everything but cards."""
    (entrance,) = re.findall(r"```nginx\n(server \{\n    listen 443.*?)```", OPERATIONS, re.DOTALL)
    return str(entrance)


def nginx(ground: Ground) -> list[str]:
    """Write the configuration and return the command."""
    paths = "\n".join(
        f"{kind}_temp_path {ground.directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = ground.directory / "nginx.conf"
    file.write_text(
        f"daemon off; master_process off; pid {ground.directory}/nginx.pid;\n"
        "error_log stderr notice;\nevents {}\n"
        f"http {{\naccess_log off;\n{paths}\n"
        "limit_req_zone $binary_remote_addr zone=pairing:10m rate=20r/s;\n"
        f"{ground.in_place('nginx', ordinary_entrance())}\n"
        f"{ground.written('nginx-client-cert.conf')}\n{ground.written('nginx-cards.conf')}\n}}\n"
    )
    return [found("nginx"), "-e", "stderr", "-c", str(file)]


def haproxy(ground: Ground) -> list[str]:
    """Write the configuration and return the command."""
    file = ground.directory / "haproxy.cfg"
    file.write_text(ground.written("haproxy-cards.cfg"))
    return [found("haproxy"), "-db", "-f", str(file)]


PROXIES = {"nginx": nginx, "haproxy": haproxy}


@contextmanager
def started(command: list[str]):
    """Run a proxy until the block is left."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        _, said = process.communicate(timeout=20)
    # nginx says so when an expression is tried in so many ways that it gives up, seconds later.
    assert b"pcre2_match" not in said


async def listening(process, port: int) -> None:
    """Wait until a proxy takes connections."""
    for _ in range(200):
        assert process.poll() is None, process.stderr.read().decode()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return
    pytest.fail("the proxy does not listen")


class Site:
    """A server behind a proxy, and browsers that come to it."""

    def __init__(self, house, ground: Ground) -> None:
        self.house = house
        self.ground = ground
        self.register: Register = house.register
        self.url = f"https://localhost:{ground.port}/uzi/mtls"

    def tls(self, card=None, **options):
        return browser_tls(self.ground.server, card, **options)

    async def post(self, card=None, body="", path="/uzi/mtls", **headers):
        """Post the form in a new browser, with a card or without."""
        sent = {**FORM, "Origin": BASE_URL}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self.tls(card)),
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as http,
            http.post(
                self.url.replace("/uzi/mtls", path),
                data=body,
                headers=sent,
                allow_redirects=False,
            ) as answer,
        ):
            await answer.read()
            return answer

    async def error(self, card=None, **options):
        answer = await self.post(card, **options)
        return answer.status, (await answer.json())["error"]

    async def person(self, answer) -> str:
        """Return the UZI number of whom the answer logged in."""
        pairs = "; ".join(f"{each.key}={each.value}" for each in answer.cookies.values())
        url = f"http://127.0.0.1:{self.ground.behind}/portal/registration"
        sent = {"Host": "login.example.nl", "Origin": BASE_URL, "Cookie": pairs}
        body = {"date_of_birth": "1980-01-31"}
        async with self.house.http.post(url, json=body, headers=sent) as begun:
            return (await begun.json())["person"]["uzi_number"]


@pytest.fixture(params=sorted(PROXIES))
def proxy(request):
    return request.param


@pytest.fixture
def mtls_port():
    """Where browsers show cards, as far as the server knows: what the proxies say in `Host`."""
    return 8443


@pytest.fixture
def left_out():
    """Name what a configuration is tried without."""
    return ""


@pytest.fixture
async def site(proxy, left_out, mtls_port, register, tmp_path, stores, ports):  # noqa: PLR0917
    """Run a server with the proxy in front, as documented."""
    directory = tmp_path / "proxy"
    directory.mkdir()
    authorities = directory / "authorities.pem"
    ca = register.ca
    known = [ca.issuing(kind).certificate for kind in "ZNM"] + [ca.level_2.certificate]
    authorities.write_bytes(pem(*known, ca.root.certificate))
    # The proxies hand on the certificate alone: its issuer is named.
    of_clients = directory / "clients.pem"
    of_clients.write_bytes(pem(CLIENT_CA.issuing.certificate))
    asked_for = directory / "asked-for.pem"
    asked_for.write_bytes(authorities.read_bytes() + of_clients.read_bytes())
    server, free = ServerCertificate(directory), (free_port(), free_port(), free_port())
    ground = Ground(directory, server, asked_for, *free, left_out)
    settings = load(
        {},
        base_url=BASE_URL,
        port=ground.behind,
        data_dir=tmp_path,
        uzi_environment="test",
        uzi_anchors=(register.root,),
        uzi_crl_dir=register.crl_dir,
        uzi_issuers=(authorities,),
        client_authorities=(of_clients,) if mtls_port else (),
        client_cert_proxies=["127.0.0.1/32"],
        mtls_port=mtls_port,
    )
    async with opened_house(settings, stores, ports, register) as house:
        with started(PROXIES[proxy](ground)) as process:
            await listening(process, ground.port)
            yield Site(house, ground)


@pytest.fixture
def card(register):
    return register.card(Holder())
