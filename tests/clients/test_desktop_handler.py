"""The agent opens `zorgid:` links once it is registered, and leaves what others registered."""

import re
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clients import desktop_handler
from clients.desktop_handler import (
    ENTRY,
    TYPE,
    associate,
    desktop_entry,
    dissociate,
    register,
    unregister,
)
from clients.desktop_words import Trouble
from tests.desktop_agent import PROGRAM

PATHS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories="C"))


@pytest.fixture
def environment(tmp_path):
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


def words_of(entry):
    """Read Exec as the Desktop Entry specification says: a string, then its arguments."""
    (line,) = [line for line in entry.splitlines() if line.startswith("Exec=")]
    value = re.sub(r"\\(.)", r"\1", line.removeprefix("Exec="))
    program, arguments = re.fullmatch(r'"((?:[^"\\`$]|\\["\\`$])*)" (.*)', value).groups()
    assert "%" not in program.replace("%%", "")
    return [re.sub(r"\\(.)", r"\1", program).replace("%%", "%"), *arguments.split(" ")]


def test_the_link_is_one_argument_and_never_an_option(tmp_path):
    assert words_of(desktop_entry(PROGRAM, terminal=False)) == [str(PROGRAM), "--", "%u"]


@given(PATHS)
@example(r"""100%u $HOME \ ` " '""")
def test_whatever_the_program_is_called_it_is_started(name):
    path = desktop_handler.Path("/opt") / f"x{name.replace('/', '')}"

    assert words_of(desktop_entry(path, terminal=False))[0] == str(path)


@given(PATHS)
@example(r"""100%u $HOME \ ` " '""")
def test_options_come_before_the_link_whatever_they_are_called(name):
    entry = desktop_entry(PROGRAM, ["--pkcs12", f"/{name}"], terminal=False)

    (line,) = [line for line in entry.splitlines() if line.startswith("Exec=")]
    value = re.sub(r"\\(.)", r"\1", line.removeprefix("Exec="))
    quoted = re.findall(r'"((?:[^"\\`$]|\\["\\`$])*)"', value)
    read = [re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in quoted]
    assert read == [str(PROGRAM), "--pkcs12", f"/{name}"]
    assert value.endswith('" -- %u')


def test_a_terminal_is_asked_for_where_there_is_no_window():
    assert "Terminal=true\n" in desktop_entry(PROGRAM, terminal=True)
    assert "Terminal=false\n" in desktop_entry(PROGRAM, terminal=False)


def test_registering_writes_the_entry_and_the_association(environment, tmp_path):
    file = register(environment, PROGRAM)

    assert file == tmp_path / ".local/share/applications" / ENTRY
    assert words_of(file.read_text())[0] == str(PROGRAM)
    associations = (tmp_path / ".config/mimeapps.list").read_text()
    assert associations == f"[Default Applications]\n{TYPE}={ENTRY};\n"


def test_unregistering_takes_both_away(environment, tmp_path):
    file = register(environment, PROGRAM)

    unregister(environment)

    assert not file.exists()
    assert TYPE not in (tmp_path / ".config/mimeapps.list").read_text()


def test_unregistering_twice_is_no_error(environment):
    unregister(environment)
    unregister(environment)


def test_the_homes_of_the_desktop_are_followed(environment, tmp_path):
    homes = {"XDG_DATA_HOME": str(tmp_path / "d"), "XDG_CONFIG_HOME": str(tmp_path / "c")}

    file = register(environment | homes, PROGRAM)

    assert file == tmp_path / "d/applications" / ENTRY
    assert (tmp_path / "c/mimeapps.list").exists()


def test_a_program_that_is_not_installed_is_not_registered(environment, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Trouble) as caught:
        register(environment, tmp_path / "zorgid-desktop")

    assert caught.value.code == "not_installed"
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_was_started_by_its_name_is_found(environment, monkeypatch):
    monkeypatch.setenv("PATH", str(PROGRAM.parent))

    file = register(environment, desktop_handler.Path("zorgid-desktop"))

    assert words_of(file.read_text())[0] == str(PROGRAM)


@pytest.mark.parametrize("act", [lambda at: register(at, PROGRAM), unregister])
def test_another_system_is_told_where_to_look(environment, monkeypatch, act):
    monkeypatch.setattr(desktop_handler.sys, "platform", "win32")

    with pytest.raises(Trouble) as caught:
        act(environment)

    assert caught.value.code == "not_linux"


OTHERS = """\
# kept
[Added Associations]
x-scheme-handler/zorgid=other.desktop;

[Default Applications]
text/html=browser.desktop
x-scheme-handler/zorgid=other.desktop;zorgid-desktop.desktop

[Removed Associations]
a/b=c.desktop
"""


def test_what_others_registered_stays_behind_it():
    assert associate(OTHERS, ENTRY).splitlines() == [
        "# kept",
        "[Added Associations]",
        "x-scheme-handler/zorgid=other.desktop;",
        "",
        "[Default Applications]",
        "x-scheme-handler/zorgid=zorgid-desktop.desktop;other.desktop;",
        "text/html=browser.desktop",
        "",
        "[Removed Associations]",
        "a/b=c.desktop",
    ]


def test_what_others_registered_stays_after_it():
    assert dissociate(associate(OTHERS, ENTRY), ENTRY).splitlines()[4:6] == [
        "[Default Applications]",
        "x-scheme-handler/zorgid=other.desktop;",
    ]


def test_registering_twice_changes_nothing_more():
    once = associate(OTHERS, ENTRY)

    assert associate(once, ENTRY) == once


LINES = st.lists(
    st.sampled_from(
        ["[Default Applications]", "[Other]", "", "# x", "a/b=c.desktop", f"{TYPE}=o.desktop;"]
    )
)


@given(LINES)
def test_every_other_line_of_a_list_is_kept(lines):
    text = "".join(f"{line}\n" for line in lines)

    after = dissociate(associate(text, ENTRY), ENTRY).splitlines()

    kept = [line for line in lines if line and not line.startswith(TYPE)]
    assert [line for line in after if line in kept or line == "# x"] == kept or not kept
    assert ENTRY not in "".join(after)


def test_the_desktop_finds_the_program(environment, tmp_path):
    register(environment, PROGRAM)

    asked = subprocess.run(
        ["xdg-mime", "query", "default", TYPE],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )

    assert asked.stdout.strip() == ENTRY
