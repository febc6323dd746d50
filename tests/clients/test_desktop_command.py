"""`zorgid-desktop` as a person runs it: a child process on a terminal, against a real server."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.card_profile import Holder
from clients.desktop_handler import ENTRY
from tests.desktop_agent import PROGRAM, desktop, prove
from tests.smart_card import SmartCard
from tests.softhsm import MODULE, PIN, Readers

ASKED = "Wilt u dit ondertekenen? Ja of nee? "
ASKED_PIN = "Pincode van uw UZI-pas: "
AGAIN = "Druk op Enter om het opnieuw te proberen, of typ nee om te stoppen: "
WRONG = "000000"
ANNA = Holder(first_names="Anna", last_name="de Vries", uzi_number="900005678")


@pytest.fixture(scope="module")
def uzi_card(register):
    return register.ca.issue(Holder(), datetime.now(UTC))


@pytest.fixture
def empty(tmp_path):
    return Readers(tmp_path / "readers")


@pytest.fixture
def readers(empty, uzi_card):
    return empty.insert(uzi_card)


@pytest.fixture
def opensc():
    """OpenSC, which sees no reader where no smart card service runs."""
    (found,) = Path("/usr/lib").glob("*/opensc-pkcs11.so")
    return found


@pytest.fixture
async def page(house):
    return await house.page()


@pytest.fixture
async def session(page):
    return await page.start_session("login")


@pytest.fixture
def run(house, session, empty):
    """Run the program with the session's link, at a desktop whose servers are configured."""
    allow(empty, house.base_url)

    def start(*arguments, manners=None, program=(), **environment):
        if manners:
            program = [sys.executable, "tests/smart_card.py", manners.json()]
        environment.setdefault("PYTHONPATH", str(Path(__file__).parents[2]))
        return desktop([*arguments, session.agent_uri], empty, program=program, **environment)

    return start


def allow(readers, server):
    file = readers.directory / "home/.config/zorgid-desktop/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'servers = ["{server}"]\n')


async def enter(desk, pin):
    await desk.reads(ASKED)
    desk.types("ja")
    await desk.reads(ASKED_PIN)
    desk.types(pin)


async def test_a_card_logs_its_holder_in(house, page, session, readers):
    return_uri = await prove(session.agent_uri, readers, PIN)

    assert (await page.complete(return_uri))["card"]["uzi_number"] == house.holder.uzi_number
    assert await page.session_status(session) == "completed"


async def test_the_terminal_shows_what_is_asked_and_no_pin(house, run, readers):
    async with run() as desk:
        shown = await desk.reads(ASKED)
        desk.types("ja")
        await desk.reads(ASKED_PIN)
        desk.types(PIN)
        assert await desk.ends() == 0

    host = house.base_url.removeprefix("http://")
    assert shown.splitlines() == [
        "Een ogenblik…",
        "Inloggen met uw UZI-pas",
        f"Gevraagd door: {house.base_url}",
        f"U ondertekent: Ik log in bij {host} met mijn UZI-pas.",
        "Pas van: Jan Jansen",
        ASKED,
    ]
    assert desk.shown.endswith("Gelukt. Ga verder in uw browser.\n")
    assert PIN not in desk.shown


async def test_a_crash_leaves_no_pin_behind(run, readers, tmp_path):
    """What Linux calls undumpable writes no core, and opens its memory to nobody but root."""
    tell = tmp_path / "tell.py"
    tell.write_text(
        "import ctypes, resource\n"
        "from clients import desktop_command\n"
        "desktop_command.run()\n"
        "core = resource.getrlimit(resource.RLIMIT_CORE)\n"
        "print('dumpable:', ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), core)\n"
    )
    async with run(program=(sys.executable, str(tell))) as desk:
        await desk.reads(ASKED)
        desk.types("nee")
        await desk.reads("dumpable: 0 (0, 0)")


async def test_a_wrong_pin_may_be_entered_again(page, session, run, readers):
    async with run() as desk:
        await enter(desk, WRONG)
        told = await desk.reads(ASKED)
        desk.types("ja")
        await desk.reads(ASKED_PIN)
        desk.types(PIN)
        assert await desk.ends() == 0

    assert "De pincode is verkeerd." in told
    assert await page.session_status(session) == "proved"


async def test_a_no_signs_nothing(page, session, run, readers):
    async with run() as desk:
        await desk.reads(ASKED)
        desk.types("nee")
        assert await desk.ends() == 3

    assert desk.shown.endswith(
        "U hebt Nee gekozen. Er is niets ondertekend. "
        "Ga terug naar de pagina als u het opnieuw wilt doen.\n"
    )
    assert (await page.session_status(session), desk.opened) == ("waiting", [])


@pytest.mark.parametrize("answer", ["", "j'a", "misschien", "y"])
async def test_anything_but_a_yes_is_a_no(run, readers, answer):
    async with run() as desk:
        await desk.reads(ASKED)
        desk.types(answer)
        assert await desk.ends() == 3


async def test_an_empty_pin_is_not_sent_to_the_card(run, readers):
    async with run() as desk:
        await enter(desk, "")
        await desk.reads("Vul eerst uw pincode in.")
        await desk.reads(ASKED_PIN)
        desk.types(PIN)
        assert await desk.ends() == 0


async def test_the_end_of_input_is_a_no(run, readers):
    async with run() as desk:
        await desk.reads(ASKED)
        desk.types("ja")
        await desk.reads(ASKED_PIN)
        desk.hangs_up()
        assert await desk.ends() == 3


@pytest.mark.parametrize("typed", [[], ["ja"]], ids=("at-the-question", "at-the-pin"))
async def test_an_interrupt_is_a_no(page, session, run, readers, typed):
    async with run() as desk:
        await desk.reads(ASKED)
        for line in typed:
            desk.types(line)
            await desk.reads(ASKED_PIN)
        desk.interrupts()
        assert await desk.ends() == 3

    assert "U hebt Nee gekozen." in desk.shown
    assert await page.session_status(session) == "waiting"


async def test_a_fault_of_the_agent_is_told(run, readers):
    async with run(manners=SmartCard(fault=True)) as desk:
        await enter(desk, PIN)
        assert await desk.ends() == 1

    assert desk.shown.endswith(
        "Er ging iets mis in dit programma. Begin opnieuw op de pagina; "
        "gebeurt het weer, bel dan uw ICT-afdeling.\n"
    )
    assert PIN not in desk.shown


async def test_the_first_server_is_confirmed_and_remembered(house, page, session, readers):
    async with desktop([session.agent_uri], readers) as desk:
        shown = await desk.reads("Ja of nee? ")
        desk.types("ja")
        await enter(desk, PIN)
        assert await desk.ends() == 0
    again = await page.start_session("login")
    async with desktop([again.agent_uri], readers) as desk:
        await enter(desk, PIN)
        assert await desk.ends() == 0

    assert f"nog niet eerder gebruikt met {house.base_url}." in shown


async def test_a_first_server_that_is_not_confirmed_hears_nothing(house, session, readers):
    async with desktop([session.agent_uri], readers) as desk:
        await desk.reads("Ja of nee? ")
        desk.types("")
        assert await desk.ends() == 4

    assert f"Deze link is van {house.base_url}" in desk.shown
    assert not list(readers.directory.rglob("servers"))


async def test_a_foreign_server_is_told(run, readers, session):
    link = session.agent_uri.replace("localhost", "evil.localhost").replace("http%", "https%")
    async with run(link) as desk:
        assert await desk.ends() == 2
    async with desktop([link], readers) as desk:
        assert await desk.ends() == 4

    assert "niet toegestaan" in desk.shown


async def test_a_strange_link_is_told(readers):
    async with desktop(["zorgid://session?server=https://zorg.example"], readers) as desk:
        assert await desk.ends() == 4

    assert desk.shown.startswith("Een ogenblik…\nDeze link klopt niet")


async def test_a_used_session_is_told(session, run, readers):
    async with run() as desk:
        await enter(desk, PIN)
        assert await desk.ends() == 0
    async with run() as desk:
        assert await desk.ends() == 9

    assert "Deze aanvraag bestaat niet meer, of is al gebruikt." in desk.shown


async def test_an_expired_session_is_told(house, run, readers):
    async with run() as desk:
        await desk.reads(ASKED)
        house.ports.clock.advance(timedelta(minutes=6))
        desk.types("ja")
        await desk.reads(ASKED_PIN)
        desk.types(PIN)
        assert await desk.ends() == 9

    assert "Het heeft te lang geduurd." in desk.shown


async def test_a_card_that_the_server_refuses_is_told_in_the_persons_language(
    house, run, empty, register
):
    nameless = Holder(card_type="M", title=None)
    empty.insert(register.ca.issue(nameless, datetime.now(UTC)))
    async with run("--language", "en") as desk:
        await desk.reads("Yes or no? ")
        desk.types("yes")
        await desk.reads("PIN of your UZI card: ")
        desk.types(PIN)
        assert await desk.ends() == 7

    assert "This kind of UZI card does not name one person" in desk.shown


async def test_no_card_is_told_and_one_may_be_put_in(page, session, run, empty, uzi_card):
    async with run() as desk:
        told = await desk.reads(AGAIN)
        empty.insert(uzi_card)
        desk.types("")
        await enter(desk, PIN)
        assert await desk.ends() == 0

    assert "Er zit geen pas in de kaartlezer." in told
    assert await page.session_status(session) == "proved"


async def test_who_has_no_card_stops(run, empty):
    async with run() as desk:
        await desk.reads(AGAIN)
        desk.types("nee")
        assert await desk.ends() == 5

    assert desk.shown.count("Er zit geen pas") == 1


async def test_no_reader_is_told(run, opensc):
    async with run("--module", str(opensc)) as desk:
        told = await desk.reads(AGAIN)
        desk.types("nee")
        assert await desk.ends() == 5

    assert "Er is geen kaartlezer gevonden." in told


async def test_another_card_is_told(run, empty, uzi_card):
    empty.put([(b"\1", uzi_card.signature)])
    async with run() as desk:
        told = await desk.reads(AGAIN)
        desk.types("nee")
        assert await desk.ends() == 5

    assert "geen UZI-pas" in told


async def test_of_two_cards_the_holder_chooses(house, page, run, readers, register):
    readers.insert(register.ca.issue(ANNA, datetime.now(UTC)), "654321")
    async with run() as desk:
        asked = await desk.reads("Nummer van uw pas (alleen Enter: stoppen): ")
        lines = [line for line in asked.splitlines() if "Anna de Vries, geldig tot" in line]
        desk.types("7")
        await desk.reads("Nummer van uw pas")
        desk.types(lines[0].strip()[0])
        await enter(desk, "654321")
        assert await desk.ends() == 0

    card = (await page.complete(desk.opened[0]))["card"]
    assert card["uzi_number"] == ANNA.uzi_number


async def test_an_expired_card_is_told_before_its_pin_is_asked(run, empty, register):
    empty.insert(register.ca.issue(Holder(), datetime.now(UTC) - timedelta(days=4 * 365)))
    async with run() as desk:
        assert await desk.ends() == 10

    assert "De UZI-pas van Jan Jansen is verlopen op " in desk.shown
    assert ASKED not in desk.shown


async def test_a_card_locks_after_its_attempts_and_says_so(run, readers):
    async with run(manners=SmartCard(attempts=2)) as desk:
        first = await desk.reads(ASKED)
        desk.types("ja")
        await desk.reads(ASKED_PIN)
        desk.types(WRONG)
        last = await desk.reads(ASKED)
        desk.types("ja")
        await desk.reads(ASKED_PIN)
        desk.types(WRONG)
        assert await desk.ends() == 6

    assert "er is al een verkeerde pincode ingevoerd" in first
    assert "U hebt nog één poging; daarna blokkeert de pas." in last
    assert "De UZI-pas is geblokkeerd door te veel verkeerde pincodes." in desk.shown


async def test_a_locked_card_is_told_before_its_pin_is_asked(run, readers):
    async with run(manners=SmartCard(attempts=0)) as desk:
        assert await desk.ends() == 6

    assert "geblokkeerd" in desk.shown
    assert ASKED not in desk.shown


async def test_a_pin_of_the_wrong_length_is_told(run, readers):
    async with run(manners=SmartCard()) as desk:
        await enter(desk, "12")
        told = await desk.reads(ASKED)
        desk.types("nee")
        assert await desk.ends() == 3

    assert "te kort of te lang" in told


async def test_three_wrong_pins_are_the_last(run, readers):
    async with run(manners=SmartCard(attempts=9, silent=True)) as desk:
        for _ in range(3):
            await enter(desk, WRONG)
        assert await desk.ends() == 6

    assert "De pincode was drie keer verkeerd." in desk.shown


async def test_a_card_that_is_pulled_out_in_the_middle_is_told(page, session, run, readers):
    manners = SmartCard(pulled_out="C_Sign", tokens=str(readers.tokens))
    async with run(manners=manners) as desk:
        await enter(desk, PIN)
        told = await desk.reads(AGAIN)
        desk.types("nee")
        assert await desk.ends() == 5

    assert "De pas is uit de kaartlezer gehaald" in told
    assert await page.session_status(session) == "waiting"


async def test_a_pin_pad_is_left_to_ask(page, session, run, readers):
    async with run(manners=SmartCard(pin_pad=PIN)) as desk:
        await desk.reads(ASKED)
        desk.types("ja")
        await desk.reads("toets daarna uw pincode in op de kaartlezer.")
        assert await desk.ends() == 0

    assert ASKED_PIN not in desk.shown
    assert await page.session_status(session) == "proved"


async def test_a_pkcs12_file_stands_in_for_a_card(page, session, register, run, empty, tmp_path):
    file = tmp_path / "card.p12"
    register.ca.issue(Holder(), datetime.now(UTC)).authentication.write_pkcs12(file, PIN)
    async with run("--pkcs12", str(file)) as desk:
        await enter(desk, PIN)
        assert await desk.ends() == 0

    assert await page.session_status(session) == "proved"


async def test_a_browser_that_does_not_open_is_told(run, empty, readers):
    async with run(BROWSER="/bin/false %s", PATH=str(empty.directory)) as desk:
        await enter(desk, PIN)
        assert await desk.ends() == 11

    assert "uw browser kon niet worden geopend" in desk.shown


def plain(*arguments, home, **environment):
    """Run the program without a terminal."""
    return subprocess.run(
        [PROGRAM, *arguments],
        env={"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONUTF8": "1", **environment},
        input=f"ja\nja\n{PIN}\n",
        capture_output=True,
        check=False,
        text=True,
    )


async def test_without_a_terminal_no_pin_is_read(session, readers):
    ended = await asyncio.to_thread(
        plain,
        *("--module", str(MODULE), session.agent_uri),
        home=readers.directory,
        **readers.environment,
    )

    assert ended.returncode == 5
    assert "geen venster en geen terminal" in ended.stderr


def test_a_help_desk_sees_what_is_in_the_readers(readers):
    told = plain(
        *("cards", "--module", str(MODULE)), home=readers.directory, **readers.environment
    )

    lines = told.stdout.splitlines()
    assert lines[0] == f"Kaartsoftware: {MODULE} (SoftHSM Implementation of PKCS11)"
    assert sum("<- hiermee wordt ondertekend" in line for line in lines) == 1
    assert (
        sum("Certificaat: Jan Jansen, uitgegeven door CN=TEST UZI" in line for line in lines) == 3
    )
    assert lines[-1] == "  geen pas"
    assert told.returncode == 0


def test_a_help_desk_sees_that_there_is_no_reader(tmp_path, opensc):
    told = plain("cards", "--module", str(opensc), home=tmp_path)

    assert told.returncode == 5
    assert "Er is geen kaartlezer gevonden." in told.stderr


def test_the_program_registers_and_unregisters_itself(tmp_path):
    entry = tmp_path / ".local/share/applications" / ENTRY

    registered = plain("register", home=tmp_path)
    assert f'Exec="{PROGRAM}" -- %u' in entry.read_text()
    unregistered = plain("unregister", home=tmp_path)

    assert (registered.returncode, unregistered.returncode) == (0, 0)
    assert str(entry) in registered.stdout
    assert not entry.exists()


def test_registered_options_hold_in_every_directory(tmp_path):
    entry = tmp_path / ".local/share/applications" / ENTRY

    plain(
        "--pkcs12", "card.p12", "--module", "/x.so", "--language", "en", "register", home=tmp_path
    )

    (line,) = [line for line in entry.read_text().splitlines() if line.startswith("Exec=")]
    assert line == (
        f'Exec="{PROGRAM}" "--module" "/x.so" "--pkcs12" "{Path.cwd()}/card.p12" '
        '"--language" "en" -- %u'
    )


async def test_the_registered_program_opens_a_link(session, readers, page):
    home = readers.directory / "home"
    await asyncio.to_thread(plain, "register", home=home)
    entry = (home / ".local/share/applications" / ENTRY).read_text()
    (line,) = [line for line in entry.splitlines() if line.startswith("Exec=")]
    command = line.removeprefix("Exec=").replace('"', "").replace("%u", session.agent_uri)
    # SoftHSM2 is not among the modules that are looked for.
    configured = home / ".config/zorgid-desktop/config.toml"
    configured.parent.mkdir(parents=True)
    configured.write_text(f'module = "{MODULE}"\n')
    async with desktop([], None, home, command.split(), **readers.environment) as desk:
        await desk.reads("Ja of nee? ")
        desk.types("ja")
        await enter(desk, PIN)
        assert await desk.ends() == 0

    assert await page.session_status(session) == "proved"


def test_settings_that_cannot_be_read_stop_the_program(tmp_path):
    file = tmp_path / ".config/zorgid-desktop/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("servers = 'all'\n")

    told = plain("cards", home=tmp_path, LANG="en_GB.UTF-8")

    assert (told.returncode, told.stderr) == (
        12,
        f"The settings file {file} cannot be read. Call your IT department.\n",
    )


def test_a_link_that_looks_like_an_option_is_none(tmp_path):
    told = plain("--", "--module=/tmp/evil.so", home=tmp_path)

    assert told.returncode == 4
