"""The window on a real display, with somebody at the keyboard."""

import asyncio
import gc
import os
import subprocess
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clients.card_profile import Holder
from clients.desktop_session import Question
from clients.desktop_settings import remember
from clients.desktop_window import Window, open_window
from clients.desktop_words import Words
from tests.desktop_agent import desktop
from tests.softhsm import PIN, Readers

QUESTION = Question(
    server="https://zorg.example",
    purpose="Inloggen met uw UZI-pas",
    statement="Ik log in.",
    holder="Jan Jansen",
    warning="",
    pin_pad=False,
)
#: Seconds after which a window takes Enter.
GUARD = 0.8


@pytest.fixture(scope="module")
def display():
    """Start a display without anything on it; returns its name."""
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1366x768x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(write)
        try:
            with os.fdopen(read) as named:
                yield f":{named.readline().strip()}"
        finally:
            server.terminate()


class Keyboard:
    """Somebody who types at a display."""

    def __init__(self, display):
        self.display = display

    def _do(self, *arguments):
        done = subprocess.run(
            ["xdotool", *arguments],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            check=True,
            timeout=20,
            text=True,
        )
        return done.stdout

    def waits_for_window(self):
        """Wait for the window and until it takes Enter."""
        self._do("search", "--sync", "--onlyvisible", "--class", "zorgid-desktop")
        time.sleep(GUARD)

    def types(self, text):
        self._do("type", text)

    def press(self, *keys):
        self._do("key", *keys)


@pytest.fixture
def keyboard(display):
    return Keyboard(display)


@pytest.fixture
def ask(monkeypatch, keyboard):
    """Ask something in a window, with keys typed at it; returns the answer and what it showed."""

    def play(question, *keys):
        monkeypatch.setenv("DISPLAY", keyboard.display)
        window = Window(Words("nl"))
        answered = threading.Event()
        answers = []
        shown = []

        def work():
            answers.append(question(window))
            answered.set()
            return 0

        def watch():
            shown[:] = texts(window.root) or shown
            window.root.after(50, watch)

        def type_keys():
            try:
                keyboard.waits_for_window()
                for key in keys:
                    act = keyboard.types if key.isdecimal() else keyboard.press
                    act(key)
                # On a busy machine a key may come before the window takes it.
                for _ in range(5):
                    if answered.wait(2):
                        return
                    act(keys[-1])
            finally:
                # What was answered already stays; what nobody answered must not hang.
                window._answer("nothing")

        watch()
        with ThreadPoolExecutor() as typing:
            typed = typing.submit(type_keys)
            assert window.run(work) == 0
            typed.result()
        return answers[0], shown

    return play


def texts(widget):
    """Return everything that stands in the window."""
    own = []
    if "text" in widget.keys():  # noqa: SIM118 - a widget's keys are its options.
        own.append(widget.cget("text"))
    if widget.winfo_class() == "Text":
        own.append(widget.get("1.0", "end").strip())
    return own + [text for child in widget.winfo_children() for text in texts(child)]


def pin(question=QUESTION):
    return lambda window: window.ask_pin(question)


def test_enter_takes_the_pin(ask):
    answer, shown = ask(pin(), "246810", "Return")

    assert answer == "246810"
    assert {"Inloggen met uw UZI-pas", "https://zorg.example", "Ik log in."} <= {*shown}
    assert {"Jan Jansen", "Ja", "Nee"} <= {*shown}


def test_escape_is_a_no(ask):
    assert ask(pin(), "246810", "Escape")[0] is None


def test_enter_on_the_no_is_a_no(ask):
    assert ask(pin(), "246810", "Tab", "Return")[0] is None


def test_an_empty_pin_is_not_taken(ask):
    assert ask(pin(), "Return", "246810", "Return")[0] == "246810"


def test_a_warning_stands_beside_the_pin(ask):
    _, shown = ask(pin(replace(QUESTION, warning="Nog één poging.")), "Escape")

    assert "Nog één poging." in shown


def test_with_a_pin_pad_only_a_yes_is_asked(ask):
    answer, shown = ask(pin(replace(QUESTION, pin_pad=True)), "Return")

    assert answer == ""
    assert "Kies Ja en toets daarna uw pincode in op de kaartlezer." in shown


def test_a_long_statement_can_be_read_to_its_end(ask):
    statement = "Ik registreer mij. " * 200
    _, shown = ask(pin(replace(QUESTION, statement=statement)), "Escape")

    assert statement.strip() in shown


def test_enter_confirms_no_server(ask):
    assert ask(lambda window: window.confirm("Kent u dit adres?"), "Return")[0] is False


def test_a_server_is_confirmed_by_going_to_the_yes(ask):
    assert ask(lambda window: window.confirm("Kent u dit adres?"), "Tab", "Return")[0] is True


def test_escape_confirms_nothing(ask):
    assert ask(lambda window: window.confirm("Kent u dit adres?"), "Escape")[0] is False


def test_one_of_several_cards_is_chosen(ask):
    choose = ["Jan Jansen", "Anna de Vries"]

    assert ask(lambda window: window.choose("Kies", choose), "Tab", "Return")[0] == 1
    assert ask(lambda window: window.choose("Kies", choose), "Escape")[0] is None


def test_what_stands_in_the_way_may_be_mended(ask):
    assert ask(lambda window: window.try_again("Geen pas."), "Return")[0] is True
    assert ask(lambda window: window.try_again("Geen pas."), "Escape")[0] is False


def test_how_it_ended_stands_until_it_is_closed(ask):
    answer, shown = ask(lambda window: window.tell("Uw pas is verlopen."), "Return")

    assert (answer, shown) == (None, ["Uw pas is verlopen.", "Sluiten"])


def test_keys_that_were_meant_for_the_browser_accept_nothing(monkeypatch, keyboard):
    monkeypatch.setenv("DISPLAY", keyboard.display)
    window = Window(Words("nl"))
    began, answered = time.monotonic(), []

    def work():
        with ThreadPoolExecutor() as typing:
            typing.submit(press_at_once)
            window.ask_pin(replace(QUESTION, pin_pad=True))
            answered.append(time.monotonic())
        return 0

    def press_at_once():
        keyboard._do("search", "--sync", "--onlyvisible", "--class", "zorgid-desktop")
        keyboard.press("Return")
        time.sleep(2 * GUARD)
        keyboard.press("Return")

    window.run(work)

    assert answered[0] - began > 2 * GUARD


def test_a_window_that_is_closed_while_it_is_busy_says_no_to_what_follows(monkeypatch, keyboard):
    monkeypatch.setenv("DISPLAY", keyboard.display)
    window = Window(Words("nl"))
    window.root.after(300, window._close)
    answers = []

    def work():
        window.busy("Een ogenblik…")
        time.sleep(0.6)
        answers.extend([window.ask_pin(QUESTION), window.confirm("?"), window.try_again("?")])
        return 0

    window.run(work)

    assert answers == [None, False, False]


def test_what_fails_in_the_work_is_heard(monkeypatch, keyboard):
    monkeypatch.setenv("DISPLAY", keyboard.display)

    def work():
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        Window(Words("nl")).run(work)


def test_nothing_of_a_window_is_left_for_another_thread_to_collect(monkeypatch, keyboard):
    monkeypatch.setenv("DISPLAY", keyboard.display)
    window = Window(Words("nl"))
    made = weakref.ref(window.root)
    enabled = []

    def work():
        window.busy("Een ogenblik…")
        enabled.append(gc.isenabled())
        return 0

    window.run(work)

    assert made() is None
    assert enabled == [False]
    assert gc.isenabled()


def test_without_a_display_there_is_no_window(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":63999")

    assert open_window(Words("nl")) is None


async def test_a_card_holder_logs_in_through_the_window(house, keyboard, tmp_path):
    readers = Readers(tmp_path / "readers").insert(
        house.register.ca.issue(Holder(), datetime.now(UTC))
    )
    remember(house.base_url, {"HOME": str(readers.directory / "home")})
    page = await house.page()
    session = await page.start_session("login")
    async with desktop([session.agent_uri], readers, DISPLAY=keyboard.display) as desk:
        await asyncio.to_thread(keyboard.waits_for_window)
        # What is typed while it is still asking the server goes nowhere.
        while desk.process.returncode is None:
            await asyncio.to_thread(keyboard.types, PIN)
            await asyncio.to_thread(keyboard.press, "Return")
            await asyncio.sleep(2)
        assert await desk.ends() == 0

    (return_uri,) = desk.opened
    assert "card" in await page.complete(return_uri)
    assert desk.shown == ""
