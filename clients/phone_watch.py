"""`zorgid-phone watch`: what is open, live, and answered by a person, an option or a script."""

import asyncio
from argparse import Namespace
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, repeat
from pathlib import Path

import aiohttp

from clients.auth_request import AuthRequest, Closed
from clients.phone_handset import AlreadyTold, Handset, Refused
from clients.phone_line import WAIT
from clients.phone_requests import approve_with_code, must_have_a_code, send_denial
from clients.phone_script import Step, Verdict
from clients.phone_words import TROUBLES, code_of, identity_lines, refusal, request_lines
from clients.wire import WireError

_UNAUTHORIZED = 401
_SERVER_ERROR = 500
_TOO_MANY = 429
#: Seconds to the next try when the server is away: doubling, to a limit.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
#: Seconds between two looks at a server that does not hold the call, or at a file.
_LOOK_AGAIN = 0.5


async def watch(handset: Handset, options: Namespace) -> None:
    """Show what opens and closes until Ctrl-C, or until the steps are done."""
    steps: Iterator[Step] | None = None
    if options.script is not None:
        steps = iter(options.script)
    elif options.approve:
        steps = repeat(Step.approval(options.code))
    elif options.deny or options.not_me:
        steps = repeat(Step(Verdict.NOT_ME if options.not_me else Verdict.DENY))
    if options.once and steps is not None:
        steps = islice(steps, 1)
    await Watcher(handset, steps).run()


class Watcher:
    """Pulls the list again and again, and answers one request at a time."""

    def __init__(self, handset: Handset, steps: Iterator[Step] | None) -> None:
        self._handset = handset
        self._screen = handset.screen
        self._phone = handset.phone()
        self._steps = iter(()) if steps is None else steps
        self._step = next(self._steps, None)
        self._endless = steps is None
        self._open: dict[str, AuthRequest] = {}
        self._waiting: deque[AuthRequest] = deque()
        self._asked: AuthRequest | None = None
        self._answered: set[str] = set()
        self._answering: asyncio.Task[None] | None = None
        self._revocable = False
        self._refused = False

    async def run(self) -> None:
        """Watch until the steps are done.

        Raises:
            AlreadyTold: one of them was refused.
            WireError: this phone opens nothing any more.
        """
        if self._step is not None and self._screen.interactive:
            self._screen.listen()
        pulling = asyncio.create_task(self._greet())
        try:
            while self._endless or self._step is not None or self._answering is not None:
                tasks = {pulling, *filter(None, [self._answering])}
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                self._take_answer()
                if pulling.done():
                    self._compare(pulling.result())
                    pulling = asyncio.create_task(self._pull(WAIT))
                self._answer_next()
        finally:
            for task in filter(None, [pulling, self._answering]):
                task.cancel()
                with suppress(asyncio.CancelledError, *TROUBLES):
                    await task
        if self._refused:
            raise AlreadyTold

    async def _greet(self) -> list[AuthRequest]:
        requests = await self._pull(0)
        who = " ".join(identity_lines(self._phone.identity)) or self._handset.file.name
        line = f"Watching for {who}. Ctrl-C ends it."
        self._screen.tell("watching", line, server=self._phone.base)
        return requests

    async def _pull(self, wait: int) -> list[AuthRequest]:
        """Pull once, as often as it takes while the server is away."""
        pause = 0.0
        while True:
            try:
                requests = await self._pull_once(wait)
            except (WireError, aiohttp.ClientError, TimeoutError) as error:
                if not _passes(error):
                    raise
                if not pause:
                    line = f"{refusal(error)} Trying on."
                    self._screen.tell("away", line, error=code_of(error))
                pause = min(pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
                await asyncio.sleep(pause)
            else:
                if pause:
                    self._screen.tell("back", "The server is back.")
                return requests

    async def _pull_once(self, wait: int) -> list[AuthRequest]:
        used = self._phone.device_token
        try:
            requests = await self._phone.auth_requests(wait)
        except WireError as error:
            if error.status != _UNAUTHORIZED:
                raise
            # Another command may be changing the token: what it keeps then is the new one.
            async with self._handset.signing() as kept:
                self._phone.device_token = kept.device_token
            if self._phone.device_token == used:
                raise
            return await self._phone.auth_requests()
        if wait and [request.id for request in requests] == list(self._open):
            await asyncio.sleep(_LOOK_AGAIN)
        return requests

    def _compare(self, requests: list[AuthRequest]) -> None:
        now = {request.id: request for request in requests}
        for identifier in self._open.keys() - now.keys():
            self._close(identifier)
        for request in reversed(requests):
            if request.id not in self._open:
                self._screen.tell("opened", request_lines(request), auth_request=request)
                self._waiting.append(request)
        self._open = now

    def _close(self, identifier: str) -> None:
        self._waiting = deque(each for each in self._waiting if each.id != identifier)
        if self._asked is not None and self._asked.id == identifier:
            if not self._revocable:
                return
            if self._answering is not None:
                self._answering.cancel()
        elif identifier in self._answered:
            return
        self._screen.tell("closed", f"No longer open: {identifier}", id=identifier)

    def _answer_next(self) -> None:
        if self._answering is None and self._step is not None and self._waiting:
            self._asked = self._waiting.popleft()
            self._answering = asyncio.create_task(self._answer(self._asked, self._step))

    def _take_answer(self) -> None:
        """Tell how an answer ended; one that came too late was none, and its step goes on."""
        if self._answering is None or not self._answering.done():
            return
        answering, asked = self._answering, self._asked
        self._answering = self._asked = None
        try:
            answering.result()
            self._answered.add(asked.id if asked else "")
        except asyncio.CancelledError:
            return
        except Closed as error:
            self._screen.refuse(code_of(error), refusal(error))
            return
        except (*TROUBLES, Refused) as error:
            self._refused = True
            self._screen.refuse(code_of(error), refusal(error))
        self._step = next(self._steps, None)

    async def _answer(self, request: AuthRequest, step: Step) -> None:
        self._revocable = True
        await asyncio.sleep(step.delay)
        match step.verdict:
            case Verdict.IGNORE:
                self._screen.tell("ignored", f"Ignored: {request.id}", id=request.id)
            case Verdict.DENY | Verdict.NOT_ME:
                self._revocable = False
                not_me = step.verdict is Verdict.NOT_ME
                await send_denial(self._handset, request, not_me=not_me)
            case Verdict.APPROVE:
                await self._approve(request, step)

    async def _approve(self, request: AuthRequest, step: Step) -> None:
        async def ask(_request: AuthRequest) -> str:
            self._revocable = True
            code = step.code
            if step.file is not None:
                code = await _code_from(Path(step.file))
            elif code is None:
                code = await self._handset.ask_code(request)
            self._revocable = False
            return code

        must_have_a_code(step.code)
        typed = step.code is None and step.file is None
        await approve_with_code(self._handset, request, ask, again=typed)


async def _code_from(file: Path) -> str:
    """Wait for a file with a code in it."""
    while True:
        if code := _taken(file):
            return code
        await asyncio.sleep(_LOOK_AGAIN)


def _taken(file: Path) -> str:
    """Read the code and take the file away, for it serves one request."""
    try:
        code = file.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    if code:
        file.unlink(missing_ok=True)
    return code


def _passes(error: Exception) -> bool:
    """Tell whether it may be over in a while: the server is away, and not against us."""
    return not isinstance(error, WireError) or (
        error.status >= _SERVER_ERROR or error.status == _TOO_MANY
    )
