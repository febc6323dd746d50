"""`pairing-server demo`: the play, and what an outside program finds afterwards."""

import asyncio
import json
import shlex
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.desktop import Card, DesktopAgent
from clients.phone import SoftwarePhone
from clients.portal import PortalPage
from clients.workstation import Workstation
from tests.cli.conftest import started, wait_for
from tests.house import free_port

MEMBERS = {
    "base_url",
    "client_id",
    "client_key_file",
    "client_redirect_uri",
    "card_file",
    "card_pin",
    "ura",
    "uzi_number",
    "ca_file",
}
STEPS = [
    "organisation registered with the card",
    "logged in with the card",
    "person registered and signed for",
    "QR code shown and read from its pixels",
    "check number typed and phone bound",
    "phone woken (login)",
    "waiting workstation verified its assertion",
    "approved but not redeemed: refused",
    "new request: refused",
    "assertion after unblocking verified",
]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def serving(data_dir):
    """Run the demo until it serves."""
    port = str(free_port())
    with started({}, "demo", "--port", port, "--data-dir", str(data_dir)) as process:
        described = data_dir / "demo.json"
        wait_for(lambda: described.exists() or not process.is_running, seconds=60)
        assert process.is_running, process.end()
        yield process


@pytest.fixture(scope="module")
def demo(data_dir, serving):
    """Return what a demo that serves wrote for outside programs."""
    return json.loads((data_dir / "demo.json").read_text())


def test_the_demo_describes_itself_to_outside_programs(demo):
    assert set(demo) == MEMBERS
    assert all(isinstance(value, str) for value in demo.values())
    assert demo["base_url"].startswith("http://localhost:")
    assert Path(demo["client_key_file"]).stat().st_mode & 0o077 == 0


def test_an_outside_program_pairs_and_logs_in(demo):
    key = load_pem_private_key(Path(demo["client_key_file"]).read_bytes(), None)

    async def outside():
        base_url = demo["base_url"]
        async with aiohttp.ClientSession() as http, PortalPage(base_url) as page:
            card = Card.from_pkcs12(Path(demo["card_file"]), demo["card_pin"])
            await page.login(DesktopAgent(http, [base_url]), card)
            offered = await page.start_pairing()
            phone = SoftwarePhone(http)
            offer = await phone.scan(offered.link)
            await phone.prove(offer)
            await page.confirm(offered.id, offer.check_number)
            await phone.wait_paired(offer)
            assert await phone.auth_requests() == []
            workstation = Workstation(http, base_url, demo["client_id"], key)
            begun = await workstation.start(f"uzi:{demo['uzi_number']}")
            (request,) = await phone.auth_requests(wait=10)
            await phone.approve(request, begun.binding_code)
            return await workstation.poll(begun)

    claims = asyncio.run(outside()).claims

    assert (claims.uzi_number, claims.ura) == (demo["uzi_number"], demo["ura"])
    assert claims.acr == "http://eidas.europa.eu/LoA/substantial"


def test_a_taken_port_is_told_in_words(demo, tmp_path):
    port = demo["base_url"].rpartition(":")[2]
    with started({}, "demo", "--port", port, "--data-dir", str(tmp_path)) as process:
        status, output = process.end(60)

    assert status == 2
    assert f"port {port} is taken: try --port 0" in output


def test_a_demo_that_serves_says_how_to_walk_through_its_pages(demo, serving, data_dir):
    status, output = serving.stop()

    assert status == 0
    said = output.partition("Pair a phone in the browser")[2].splitlines()
    (register,) = [line for line in said if line.endswith(" register")]
    _, agent, *options, _ = shlex.split(register)
    assert Path(agent).name == "zorgid-desktop"
    assert Path(agent).is_file()
    assert options == ["--pkcs12", str(data_dir / "card.p12")]
    assert f"  2. {demo['base_url']}/portal/" in said
    assert "The PIN is 123456, the date of birth 1980-01-31." in output
    (pair,) = [line for line in said if line.endswith(" pair screenshot.png")]
    assert Path(shlex.split(pair)[0]).name == "zorgid-phone"
    assert Path(shlex.split(pair)[0]).is_file()
    assert "--base-url https://" in output


def test_once_plays_every_step_again_on_the_data_of_an_earlier_demo(data_dir):
    with started({}, "demo", "--once", "--port", "0", "--data-dir", str(data_dir)) as process:
        status, output = process.end(110)

    assert status == 0, output
    assert [step for step in STEPS if step not in output] == []
    assert '"uzi_number": "900001234"' in output
    assert (data_dir / "demo.json").exists()
