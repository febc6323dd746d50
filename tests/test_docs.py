"""The documents hold: their links, tables, commands and the tests that they name."""

import re
from collections.abc import Iterator

import click
import pytest
from prometheus_client.metrics import MetricWrapperBase

from admin.access import TABLE, Scope
from admin.actor import Role
from admin.words import ACTS
from pairing_server import metrics
from pairing_server.cli import main
from pairing_server.settings import PREFIX, AssuranceLevel, Settings
from tests.documents import ROOT, check_blocks, documents, read

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"pairing-server((?: [a-z][a-z-]*)+)")
_OPTION = re.compile(r"(--[a-z][a-z-]+)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FILE = re.compile(r"`((?:pairing_server|admin|clients|tests|docs|requirements)/[\w/.]+)`")
_STEP = re.compile(r"^ +\d+ ms  (.+?)(?: \(.*\))?$", re.MULTILINE)
NAMES = [path.relative_to(ROOT).as_posix() for path in documents()]


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", text))
    return {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def links(name: str) -> Iterator[str]:
    text = _CODE.sub("", _FENCE.sub("", read(name)))
    return (match["target"] for match in _LINK.finditer(text))


def command(words: list[str]) -> click.Command:
    """Return the command that these words begin with."""
    found: click.Command = main
    for word in words:
        if not isinstance(found, click.Group):
            break
        inner = found.get_command(click.Context(found), word)
        assert inner is not None, f"there is no command {' '.join(words)}"
        found = inner
    return found


def options(of: click.Command) -> set[str]:
    return {option for param in of.params for option in param.opts} | {"--help"}


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    for target in links(name):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


@pytest.mark.parametrize("name", NAMES)
def test_every_file_and_test_that_is_named_is_there(name):
    text = read(name)

    assert [file for file in _FILE.findall(text) if not (ROOT / file).exists()] == []
    for file, test in _TEST.findall(text):
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_that_is_named_is_one(name):
    text = read(name).replace("-u pairing-server ", "")
    for line in text.splitlines():
        for match in _COMMAND.finditer(line):
            found = command(match[1].split())
            rest = re.split(r"[`;|]", line[match.end() :])[0]
            assert set(_OPTION.findall(rest)) <= options(found), line


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_that_is_named_is_one(name):
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))

    assert set(re.findall(r"(?:`|^)make ([a-z]+)", read(name), re.MULTILINE)) <= targets


@pytest.mark.parametrize("name", NAMES)
def test_no_registry_and_no_machine_is_named(name):
    text = read(name)

    hosts = r"pythonhosted|pypi\.org|npmjs|deb\.debian"
    assert re.findall(rf"{hosts}|(?<![\w.])/(?:work|farm|home|root|tmp)/", text) == []


def test_the_settings_are_those_of_the_code():
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    table = "| setting | default | |\n|---|---|---|\n" + "".join(rows)
    measured = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    counted = "| metric | labels | |\n|---|---|---|\n" + "".join(
        f"| `{metric._name}{'_total' if metric._type == 'counter' else ''}` "
        f"| {', '.join(f'`{label}`' for label in metric._labelnames)} "
        f"| {metric._documentation} |\n"
        for metric in measured
    )

    check_blocks("docs/operations.md", "table", {"settings": table, "metrics": counted})


def test_the_readme_names_the_steps_that_the_demo_plays():
    played = (ROOT / "clients/main_job.py").read_text()
    played += (ROOT / "pairing_server/cli/demo.py").read_text()

    steps = _STEP.findall(read("README.md"))
    assert steps
    assert [step for step in steps if step not in played] == []


def test_the_picture_shows_the_steps_that_the_demo_plays():
    played = (ROOT / "clients/main_job.py").read_text()
    played += (ROOT / "pairing_server/cli/demo.py").read_text()

    picture = read("docs/images/demo-terminal.svg")
    steps = re.findall(r">(\w[^<]+?)(?: \([^<]*\))?</text>", picture)
    told = [step for step in steps if not re.match(r"\d+ ms|push|make|The main job", step)]
    assert told
    assert [step for step in told if step not in played] == []


def test_the_access_table_is_that_of_the_code():
    roles = (role.value.replace("_", " ") for role in Role)
    head = ("act", *roles, "of whom", "fresh", "two", "of who manages")
    scopes = {
        Scope.ANY_LINKED: "linked",
        Scope.OWN: "own",
        Scope.OWN_OR_BLOCKED: "own, or blocked here",
    }

    def row(*cells: str) -> str:
        return f"| {' | '.join(cells)} |\n"

    rows = [
        row(
            f"{ACTS[act]} (`{act}`)",
            *("yes" if role in rule.roles else "" for role in Role),
            scopes[rule.scope],
            "yes" if rule.fresh else "",
            "by policy" if rule.second else "",
            "as `dismiss`" if rule.dismisses else "",
        )
        for act, rule in TABLE.items()
    ]
    table = row(*head) + row(*("---" for _ in head)) + "".join(rows)

    check_blocks("docs/administration.md", "table", {"access": table})


def test_every_term_of_the_glossary_is_in_the_code():
    rows = read("docs/glossary.md").partition("## In documents")[0].splitlines()
    terms = [
        term
        for row in rows
        if row.startswith("| `")
        for term in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    code = "\n".join(file.read_text() for file in (ROOT / "pairing_server").rglob("*.py"))

    assert terms
    assert [term for term in terms if not re.search(rf"\b{term}\b", code)] == []


def test_a_decision_has_at_most_ten_lines():
    decisions = re.split(r"^## ", read("docs/decisions.md"), flags=re.MULTILINE)[1:]
    lengths = {
        text.splitlines()[0]: len([line for line in text.splitlines()[1:] if line])
        for text in decisions
    }

    assert {title: length for title, length in lengths.items() if length > 10} == {}
    dates = [title[:10] for title in lengths]
    assert dates == sorted(dates, reverse=True)


def _default(value: object) -> str:
    if value is None or value == ():
        return ""
    shown = value.name.lower() if isinstance(value, AssuranceLevel) else str(value)
    return f"`{shown}`"
