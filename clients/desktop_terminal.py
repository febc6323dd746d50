"""The person at a terminal, where there is no window."""

import getpass
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn, TextIO

from clients.desktop_session import Question
from clients.desktop_words import Trouble, Words

_YES = {"nl": {"j", "ja"}, "en": {"y", "yes", "ja"}}
_NO = {"n", "nee", "no"}


class Terminal:
    """Asks and tells on a terminal; the PIN is not shown while it is typed."""

    def __init__(self, words: Words, screen: TextIO | None = None) -> None:
        self._words = words
        self._screen = screen or sys.stderr

    def run(self, work: Callable[[], int]) -> int:
        """Do the work here and now; Ctrl-C ends it at once.

        asyncio would keep the first one for itself while a question waits for its line.
        """
        signal.signal(signal.SIGINT, _interrupt)
        return work()

    def confirm(self, question: str) -> bool:
        """Ask for a yes; anything else is a no."""
        self._say(question)
        return self._yes(self._words.word("yes_or_no"))

    def choose(self, question: str, choices: Sequence[str]) -> int | None:
        """Ask for one of several by its number."""
        self._say(question)
        for number, choice in enumerate(choices, 1):
            self._say(f"  {number}. {choice}")
        while answer := self._read(self._words.word("choose_number")):
            if answer.isdecimal() and 1 <= int(answer) <= len(choices):
                return int(answer) - 1
        return None

    def ask_pin(self, question: Question) -> str | None:
        """Show what is asked, ask for a yes, then for the PIN."""
        word = self._words.word
        self._say(question.purpose)
        self._say(f"{word('asked_by')}: {question.server}")
        self._say(f"{word('you_sign')}: {question.statement}")
        self._say(f"{word('card_of')}: {question.holder}")
        if question.warning:
            self._say(question.warning)
        if not self._yes(word("sign_question")):
            return None
        if question.pin_pad:
            self._say(word("pin_on_reader"))
            return ""
        while not (pin := self._read_pin()):
            self._say(word("pin_missing"))
        return pin

    def try_again(self, sentence: str) -> bool:
        """Tell what stands in the way, and wait until it is mended."""
        self._say(sentence)
        return self._read(self._words.word("again_question")).lower() not in _NO

    def busy(self, text: str) -> None:
        """Show that something is being done."""
        self._say(text)

    def done(self, text: str) -> None:
        """Say that the browser goes on."""
        self._say(text)

    def tell(self, sentence: str) -> None:
        """Say how it ended."""
        self._say(sentence)

    def _yes(self, prompt: str) -> bool:
        return self._read(prompt).lower() in _YES[self._words.language]

    def _read(self, prompt: str) -> str:
        """Read a line; the end of input is a no.

        Raises:
            Trouble: `no_display`, without a terminal: what a pipe says, no person has said.
        """
        if not sys.stdin.isatty():
            raise Trouble("no_display")
        self._screen.write(prompt)
        self._screen.flush()
        line = sys.stdin.readline()
        if not line:
            raise Trouble("declined")
        return line.strip()

    def _read_pin(self) -> str:
        try:
            return getpass.getpass(f"{self._words.word('pin')}: ", self._screen)
        except EOFError as error:
            raise Trouble("declined") from error

    def _say(self, text: str) -> None:
        print(text, file=self._screen)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
