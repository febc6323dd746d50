"""The arguments of `zorgid-phone`."""

import argparse
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec

from clients import phone_account, phone_binding, phone_requests, phone_watch
from clients.phone_file import PhoneFile
from clients.phone_handset import Handset
from clients.phone_script import BadScript, Step, read_script
from clients.wire import JSONObject, origin_of

Task = Callable[[Handset, argparse.Namespace], Awaitable[None]]


class Commands(Protocol):
    """What `add_subparsers` gives, whose class has no public name."""

    def add_parser(
        self,
        name: str,
        *,
        help: str,  # noqa: A002 - argparse's name for it.
        description: str,
        epilog: str,
    ) -> argparse.ArgumentParser:
        """Add a command."""


_DESCRIPTION = """\
A phone in software: the login key of a health professional at a server of this kind, for whoever
develops or tests a workstation.  docs/software-phone.md tells a day with it."""
_EPILOG = """\
Exit status: 0 done; 1 refused, with the reason on standard error; 2 used in a wrong way;
130 ended by Ctrl-C."""
_WHICH = "this, a phone's name, or how its identifier begins"


def parser() -> argparse.ArgumentParser:
    """Describe every command and option."""
    top = argparse.ArgumentParser("zorgid-phone", description=_DESCRIPTION, epilog=_EPILOG)
    top.add_argument(
        "--phone",
        type=_phone,
        default="default",
        metavar="NAME",
        help="which of several phones, as you call it here",
    )
    top.add_argument("--json", action="store_true", help="one JSON object a line, no questions")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    _add_binding(commands)
    _add_requests(commands)
    _add_account(commands)
    return top


def _command(commands: Commands, name: str, task: Task) -> argparse.ArgumentParser:
    about = (task.__doc__ or "").partition("\n")[0]
    added = commands.add_parser(name, help=about, description=about, epilog=_EPILOG)
    added.add_argument(
        "--phone", type=_phone, default=argparse.SUPPRESS, metavar="NAME", help="which phone"
    )
    added.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="JSON, for scripts"
    )
    added.set_defaults(task=task, kind=name)
    return added


def _add_binding(commands: Commands) -> None:
    pair = _command(commands, "pair", phone_binding.pair)
    pair.add_argument("link", help="the link of the QR code, or a PNG of the page that shows it")
    transfer = _command(commands, "transfer", phone_binding.transfer)
    transfer.add_argument("--base", required=True, type=_base, help="the server's base URL")
    for new in (pair, transfer):
        new.add_argument("--replace", action="store_true", help="in the place of one so named")
        platforms = ["ios", "android", "web", "other"]
        new.add_argument(
            "--platform", choices=platforms, default="other", help="what it says it is"
        )
        new.add_argument("--model", default="software phone", help="and of which model")
    give = _command(commands, "give", phone_binding.give)
    give.add_argument("link", help="the link on the new phone, or a PNG of its screen")
    give.add_argument("--code", help="the code on the new phone; asked for without it")
    give.add_argument("--revoke", action="store_true", help="revoke this phone with it")
    give.add_argument("--deny", action="store_true", help="do not let it in")
    _command(commands, "status", phone_binding.status)
    _command(commands, "renew", phone_binding.renew)
    unblock = _command(commands, "unblock", phone_binding.unblock)
    unblock.add_argument("--code", help="the administrator's code; asked for without it")
    _command(commands, "recover", phone_binding.recover)
    _command(commands, "rotate", phone_binding.rotate)
    push = _command(commands, "push", phone_binding.push)
    push.add_argument("service", choices=["fcm", "apns", "webpush", "off"], help="off: not woken")
    push.add_argument("address", nargs="?", help="the token; for webpush the subscription's JSON")
    unbind = _command(commands, "unbind", phone_binding.unbind)
    unbind.add_argument("--yes", action="store_true", help="do not ask")


def _add_requests(commands: Commands) -> None:
    watch = _command(commands, "watch", phone_watch.watch)
    how = watch.add_mutually_exclusive_group()
    how.add_argument("--approve", action="store_true", help="approve each")
    how.add_argument("--deny", action="store_true", help="deny each")
    how.add_argument("--not-me", action="store_true", help="deny each as somebody else's")
    how.add_argument("--script", type=_script, metavar="FILE", help="a step for each")
    watch.add_argument("--code", help="with --approve: the code, or @FILE that it appears in")
    watch.add_argument("--once", action="store_true", help="end after the first one")
    open_ones = _command(commands, "list", phone_requests.show_list)
    show = _command(commands, "show", phone_requests.show)
    approve = _command(commands, "approve", phone_requests.approve)
    deny = _command(commands, "deny", phone_requests.deny)
    for one in (show, approve, deny):
        one.add_argument("id", nargs="?", help="how its identifier begins; else the newest")
    for waiting in (open_ones, show, approve, deny):
        waiting.add_argument(
            "--wait", type=int, default=0, metavar="SECONDS", help="for one, while none is open"
        )
    approve.add_argument("--code", help="asked for without it")
    deny.add_argument(
        "--not-me", action="store_true", help="it is somebody else's; closes push from there"
    )
    scan = _command(commands, "scan", phone_requests.scan)
    scan.add_argument("link", help="the link of a login QR code, or a PNG of the screen")
    scan.add_argument("--via", choices=["camera", "link"], help="camera for a PNG, else link")
    scan.add_argument("--code", help="asked for without it, where there is one")
    for answering in (approve, scan):
        answering.add_argument(
            "--role", metavar="CODE", help="one of the roles that it offers; else the first"
        )
    answer = scan.add_mutually_exclusive_group()
    answer.add_argument("--approve", action="store_true", help="do not ask")
    answer.add_argument("--deny", action="store_true", help="say no")


def _add_account(commands: Commands) -> None:
    _command(commands, "phones", phone_account.phones)
    _command(commands, "history", phone_account.history)
    _command(commands, "notices", phone_account.notices)
    _command(commands, "workstations", phone_account.workstations)
    open_one = _command(commands, "open", phone_account.open_workstation)
    open_one.add_argument("id", help="how the workstation's identifier begins")
    rename = _command(commands, "rename", phone_account.rename)
    default = _command(commands, "default", phone_account.make_default)
    default.add_argument("--off", action="store_true", help="wake them all again")
    changes = [
        rename,
        default,
        _command(commands, "block", phone_account.block),
        _command(commands, "revoke", phone_account.revoke),
    ]
    for change in changes:
        change.add_argument("which", help=_WHICH)
    rename.add_argument("name", help="the new name")
    changes[-1].add_argument("--yes", action="store_true", help="do not ask")


def check(options: argparse.Namespace, described: argparse.ArgumentParser) -> None:
    """End with status 2 where options contradict each other."""
    if options.task is phone_watch.watch:
        if options.code is not None and not options.approve:
            described.error("watch: --code goes with --approve")
        if options.once and not any((options.approve, options.deny, options.not_me)):
            described.error("watch: --once goes with --approve, --deny or --not-me")
    if options.task is phone_binding.push:
        if (options.address is None) != (options.service == "off"):
            described.error("push: a service takes an address, and off takes none")
        options.push = _push(options, described)


def _push(options: argparse.Namespace, described: argparse.ArgumentParser) -> JSONObject:
    if options.service != "webpush":
        return {"service": options.service, "token": options.address}
    try:
        subscription = msgspec.json.decode(options.address, type=JSONObject)
    except msgspec.DecodeError:
        described.error("push: webpush takes the subscription as JSON")
    return {"service": options.service, "subscription": subscription}


def _phone(name: str) -> PhoneFile:
    try:
        return PhoneFile.named(name, os.environ)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _base(url: str) -> str:
    try:
        origin_of(url)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: {url}") from error
    return url.rstrip("/")


def _script(name: str) -> list[Step]:
    try:
        return read_script(Path(name).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, BadScript) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from error
