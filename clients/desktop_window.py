"""The person at a window (Tk): one window from the first question to how it ended.

Tk belongs to the thread that began it.  The work runs in another, which hands its questions over
and waits, so that the window answers while a slow card or server does not.
"""

import contextlib
import gc
import queue
import threading
import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from tkinter import font, ttk

from clients.desktop_session import Question
from clients.desktop_words import Words

#: Milliseconds between looks at what the work hands over.
_LOOK = 30
#: Milliseconds in which Enter does nothing: it was meant for what the person did before.
_GUARD = 600
#: Characters in a line of text.
_WIDTH = 56
#: Lines of a statement that are shown at once.
_LINES = 6
_RED = "#a4001d"
_GREY = "#555555"
_PAPER = "#ffffff"
_BLUE = "#154273"
_DEEP_BLUE = "#0c2848"
_PALE = "#eef1f5"
_PALER = "#dfe5ec"
#: The style of the button that goes on.
_MAIN = "Main.TButton"


@dataclass
class _Asked:
    """A question that is handed to the window, and its answer."""

    show: Callable[[], None]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: object = None


def open_window(words: Words) -> "Window | None":
    """Open a window where there is a display."""
    try:
        return Window(words)
    except tk.TclError:
        return None


class Window:
    """Asks and tells in a window.

    Raises:
        tkinter.TclError: there is no display.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self._questions: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._asked: _Asked | None = None
        self._closed = False
        self.root = tk.Tk(className="zorgid-desktop")
        self.root.title(words.word("title"))
        self.root.resizable(width=False, height=False)
        self.root.configure(background=_PAPER)
        self.root.protocol("WM_DELETE_WINDOW", self._close)
        self.root.bind("<Escape>", lambda _event: self._answer(None))
        self._body = ttk.Frame(self.root, padding=28)
        self._body.grid()
        self._style()
        self.root.withdraw()

    def run(self, work: Callable[[], int]) -> int:
        """Do the work in a thread of its own while the window answers here."""
        done: list[int] = []
        failed: list[BaseException] = []

        def do() -> None:
            try:
                done.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again where it is heard.
                failed.append(error)

        thread = threading.Thread(target=do, daemon=True)
        # What Tk made is collected here and nowhere else: Tcl ends the process that lets go of
        # an interpreter in another thread.
        gc.disable()
        try:
            thread.start()
            while thread.is_alive():
                self._look()
                self.root.update()
                thread.join(_LOOK / 1000)
        finally:
            self._let_go()
        if failed:
            raise failed[0]
        return done[0]

    def confirm(self, question: str) -> bool:
        """Ask for a yes; Escape and closing are a no, and Enter is one, too."""

        def show() -> None:
            self._text(question)
            no, _ = self._buttons((self._words.word("no"), False), (self._words.word("yes"), True))
            self._on_enter(no)

        return self._ask(show) is True

    def choose(self, question: str, choices: Sequence[str]) -> int | None:
        """Ask for one of several."""

        def show() -> None:
            self._text(question)
            made = []
            for index, choice in enumerate(choices):
                made.append(self._button(self._body, choice, index))
                made[-1].grid(sticky="ew", pady=3)
            self._buttons((self._words.word("stop"), None))
            self._on_enter(made[0])

        answer = self._ask(show)
        return answer if isinstance(answer, int) else None

    def ask_pin(self, question: Question) -> str | None:
        """Show what is asked; the PIN with a yes."""
        answer = self._ask(lambda: self._show_question(question))
        return answer if isinstance(answer, str) else None

    def try_again(self, sentence: str) -> bool:
        """Tell what stands in the way, and wait until it is mended."""

        def show() -> None:
            self._text(sentence)
            words = self._words.word
            _, again = self._buttons((words("stop"), False), (words("again"), True))
            again.configure(style=_MAIN)
            self._on_enter(again)

        return self._ask(show) is True

    def busy(self, text: str) -> None:
        """Show that something is being done."""

        def show() -> None:
            self._text(text)
            bar = ttk.Progressbar(self._body, mode="indeterminate")
            bar.grid(sticky="ew", pady=(14, 0))
            bar.start(12)
            self._answer(None)

        self._ask(show)

    def done(self, text: str) -> None:
        """Close: the browser that was opened says the rest."""

    def tell(self, sentence: str) -> None:
        """Say how it ended, until the person closes the window."""

        def show() -> None:
            self._text(sentence)
            (close,) = self._buttons((self._words.word("close"), None))
            close.configure(style=_MAIN)
            self._on_enter(close)

        self._ask(show)

    # In the thread of the work.

    def _ask(self, show: Callable[[], None]) -> object:
        asked = _Asked(show)
        self._questions.put(asked)
        asked.answered.wait()
        return asked.answer

    # In the thread of the window.

    def _let_go(self) -> None:
        with contextlib.suppress(tk.TclError):
            self.root.destroy()
        self._asked = None
        del self.root, self._body
        gc.collect()
        gc.enable()

    def _look(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._asked = self._questions.get_nowait()
            if self._closed:
                self._answer(None)
                return
            for shown in self._body.winfo_children():
                shown.destroy()
            self.root.unbind("<Return>")
            self.root.unbind("<KP_Enter>")
            self._asked.show()
            self._raise()

    def _answer(self, answer: object) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.answer = answer
            asked.answered.set()

    def _close(self) -> None:
        """Take it as a no to what is asked now, or to whatever would be asked next."""
        if self._asked is None:
            self._closed = True
            self.root.withdraw()
        self._answer(None)

    def _raise(self) -> None:
        self.root.update_idletasks()
        width, height = self.root.winfo_reqwidth(), self.root.winfo_reqheight()
        left = (self.root.winfo_screenwidth() - width) // 2
        top = (self.root.winfo_screenheight() - height) // 3
        if self.root.state() == "withdrawn":
            self.root.geometry(f"+{max(left, 0)}+{max(top, 0)}")
            self.root.deiconify()
        # The browser lies over it: it was there first.
        self.root.lift()
        self.root.attributes("-topmost", True)  # noqa: FBT003 - as Tk has it.
        self.root.after(_GUARD, lambda: self.root.attributes("-topmost", False))  # noqa: FBT003

    def _style(self) -> None:
        style = ttk.Style(self.root)
        with contextlib.suppress(tk.TclError):
            style.theme_use("clam")
        size = 12
        for name in ("TkDefaultFont", "TkTextFont"):
            font.nametofont(name).configure(size=size)
        family = font.nametofont("TkDefaultFont").actual("family")
        style.configure(".", background=_PAPER)
        style.configure("Head.TLabel", font=(family, size + 5, "bold"))
        style.configure("Name.TLabel", foreground=_GREY)
        style.configure("Bold.TLabel", font=(family, size, "bold"))
        style.configure("Note.TLabel", foreground=_RED)
        style.configure("TButton", padding=(18, 8), background=_PALE)
        style.map("TButton", background=[("active", _PALER)])
        style.configure(_MAIN, foreground=_PAPER, background=_BLUE)
        style.map(_MAIN, background=[("active", _DEEP_BLUE)], foreground=[("active", _PAPER)])
        style.configure("TEntry", padding=6)
        style.configure("TProgressbar", background=_BLUE, troughcolor=_PALE)
        self._wrap = font.nametofont("TkDefaultFont").measure("n") * _WIDTH
        self._body.columnconfigure(0, minsize=self._wrap)

    def _show_question(self, question: Question) -> None:
        word = self._words.word
        ttk.Label(self._body, text=question.purpose, style="Head.TLabel").grid(sticky="w")
        self._named(word("asked_by"), question.server, "Bold.TLabel")
        ttk.Label(self._body, text=word("you_sign"), style="Name.TLabel").grid(
            sticky="w", pady=(14, 2)
        )
        self._statement(question.statement)
        self._named(word("card_of"), question.holder, "Bold.TLabel")
        pin = tk.StringVar(self.root)
        entry: ttk.Entry | None = None
        if question.pin_pad:
            self._text(word("pin_on_reader"))
        else:
            ttk.Label(self._body, text=word("pin"), style="Name.TLabel").grid(
                sticky="w", pady=(14, 2)
            )
            entry = ttk.Entry(self._body, show="●", textvariable=pin, width=16, font="TkTextFont")
            entry.grid(sticky="w")
        note = ttk.Label(
            self._body, text=question.warning, style="Note.TLabel", wraplength=self._wrap
        )
        note.grid(sticky="w", pady=(10, 0))

        def yes() -> None:
            typed = pin.get()
            if entry is not None and not typed:
                note.configure(text=word("pin_missing"))
                entry.focus_set()
                return
            # The variable and the field would keep it for as long as the window stands.
            pin.set("")
            self._answer(typed)

        row = ttk.Frame(self._body)
        row.grid(sticky="e", pady=(18, 0))
        no = self._button(row, word("no"), None)
        no.grid(row=0, column=0, padx=(0, 10))
        accept = ttk.Button(row, text=word("yes"), style=_MAIN, command=yes)
        accept.grid(row=0, column=1)
        self._on_enter(accept, focus=entry or accept)

    def _statement(self, statement: str) -> None:
        """Show the statement as it is, with a bar where it is too long to see at once."""
        box = ttk.Frame(self._body, relief="solid", borderwidth=1, padding=10)
        box.grid(sticky="ew")
        text = tk.Text(
            box, width=_WIDTH, height=_LINES, wrap="word", relief="flat", highlightthickness=0
        )
        text.configure(font="TkTextFont", background=_PAPER, takefocus=False)
        text.insert("1.0", statement)
        text.grid(row=0, column=0)
        self.root.update_idletasks()
        counted = text.count("1.0", "end", "displaylines")
        lines = counted[0] if isinstance(counted, tuple) else counted
        if isinstance(lines, int) and lines > _LINES:
            bar = ttk.Scrollbar(box, command=text.yview)
            bar.grid(row=0, column=1, sticky="ns")
            text.configure(yscrollcommand=bar.set)
        elif isinstance(lines, int):
            text.configure(height=max(lines, 1))
        text.configure(state="disabled")

    def _named(self, name: str, value: str, style: str) -> None:
        ttk.Label(self._body, text=name, style="Name.TLabel").grid(sticky="w", pady=(14, 2))
        ttk.Label(self._body, text=value, style=style, wraplength=self._wrap).grid(sticky="w")

    def _text(self, text: str) -> None:
        ttk.Label(self._body, text=text, wraplength=self._wrap).grid(sticky="w", pady=(6, 0))

    def _buttons(self, *named: tuple[str, object]) -> list[ttk.Button]:
        row = ttk.Frame(self._body)
        row.grid(sticky="e", pady=(18, 0))
        made = [self._button(row, text, answer) for text, answer in named]
        for column, button in enumerate(made):
            button.grid(row=0, column=column, padx=(10 if column else 0, 0))
        return made

    def _button(self, parent: ttk.Frame, text: str, answer: object) -> ttk.Button:
        return ttk.Button(parent, text=text, command=lambda: self._answer(answer))

    def _on_enter(self, button: ttk.Button, focus: ttk.Widget | None = None) -> None:
        """Let Enter press the focused button, else this one; not at once."""
        # The browser has the focus, and the window was asked for in it.
        (focus or button).focus_force()

        def press(_event: object) -> None:
            focused = self.root.focus_get()
            (focused if isinstance(focused, ttk.Button) else button).invoke()

        def listen() -> None:
            with contextlib.suppress(tk.TclError):
                if button.winfo_exists():
                    self.root.bind("<Return>", press)
                    self.root.bind("<KP_Enter>", press)

        self.root.after(_GUARD, listen)
