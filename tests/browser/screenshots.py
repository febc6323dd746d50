"""Takes the pictures of the documents: `make screenshots`.

They are of the walk that the tests take, on the two screens that its pages are looked at on.  Who,
where and when are the same each time; the QR code and the check number are drawn anew.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from clients.card_profile import Holder
from clients.desktop import Card
from clients.test_ca import KeyKind, Style, UziTestCa
from pairing_server.app import Stores
from pairing_server.ports import Ports
from pairing_server.settings import load
from tests.browser.desk import Screen
from tests.browser.test_option_2a import walk
from tests.documents import ROOT
from tests.house import PIN, House, Register, opened_house

ALBUM = ROOT / "docs" / "screenshots"
NOW = datetime(2026, 11, 20, 9, 41, tzinfo=UTC)
#: Nobody's name and number; the organisation is the one of the operator's examples.
HOLDER = Holder(
    first_names="Saskia",
    last_name="de Boer",
    organisation_name="Huisartsenpraktijk De Linde",
    agb_code="01000000",
)
PORT = 8080


@dataclass(frozen=True)
class RegisterOfThatDay(Register):
    def card(self, holder: Holder) -> Card:
        file = self.directory / "card.p12"
        if not file.exists():
            self.ca.issue(holder, NOW, KeyKind.P_256).authentication.write_pkcs12(file, PIN)
        return Card.from_pkcs12(file, PIN)


@pytest.fixture
def clock():
    return lambda: NOW


@pytest.fixture
def register(tmp_path: Path) -> Register:
    ca = UziTestCa.create(NOW, Style(KeyKind.P_256))
    made = RegisterOfThatDay(ca, tmp_path)
    made.crl_dir.mkdir()
    ca.write_root(made.root)
    for name, authority in {"Z": ca.issuing("Z"), "2": ca.level_2, "root": ca.root}.items():
        (made.crl_dir / f"{name}.crl").write_bytes(authority.revocation_list(NOW))
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def house(
    register: Register, tmp_path: Path, stores: Stores, ports: Ports
) -> AsyncIterator[House]:
    settings = load(
        {},
        base_url=f"http://localhost:{PORT}",
        port=PORT,
        data_dir=tmp_path,
        uzi_environment="test",
        uzi_anchors=(register.root,),
        uzi_crl_dir=register.crl_dir,
    )
    async with opened_house(settings, stores, ports, register) as opened:
        opened.holder = HOLDER
        yield opened


async def test_pictures_are_taken_of_the_walk(house, sit_down):
    await house.add_organisation()
    desk = await sit_down(house, Screen(language="en-GB"))
    await desk.context.clock.set_fixed_time(NOW)
    desk.looks, desk.album = False, ALBUM

    await walk(desk)
