"""The configuration says which servers are allowed; what the person confirmed is remembered."""

import stat

import pytest

from clients.desktop_settings import DesktopSettings, load, remember, write_whole
from clients.desktop_words import Trouble

ZORG, OTHER = "https://zorg.example", "https://other.example:8443"


@pytest.fixture
def environment(tmp_path):
    system = tmp_path / "etc"
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": f"{system}:relative"}


@pytest.fixture
def configure(tmp_path):
    def write(text, where=".config"):
        file = tmp_path / where / "zorgid-desktop" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        return file

    return write


def test_without_a_file_nothing_is_allowed(environment):
    assert load(environment) == DesktopSettings()


def test_a_file_says_servers_module_and_language(environment, configure):
    configure(f'servers = ["{ZORG}"]\nmodule = "/opt/card.so"\nlanguage = "en"\n')

    settings = load(environment)

    assert (settings.servers, str(settings.module), settings.language) == (
        {ZORG},
        "/opt/card.so",
        "en",
    )


def test_the_systems_servers_are_allowed_too(environment, configure):
    configure(f'servers = ["{ZORG}"]\nlanguage = "en"\n')
    configure(f'servers = ["{OTHER}"]\nmodule = "/opt/card.so"\nlanguage = "nl"\n', "etc")

    settings = load(environment)

    assert (settings.servers, settings.language) == ({ZORG, OTHER}, "en")
    assert str(settings.module) == "/opt/card.so"


def test_the_home_for_configuration_may_be_elsewhere(
    environment, configure, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    configure(f'servers = ["{ZORG}"]\n', "elsewhere")

    assert load(environment | {"XDG_CONFIG_HOME": str(tmp_path / "elsewhere")}).servers == {ZORG}
    assert load(environment | {"XDG_CONFIG_HOME": "elsewhere"}).servers == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "servers = [",
        "servers = 'https://zorg.example'",
        "servers = [1]",
        'servers = ["http://zorg.example"]',
        'servers = ["https://zorg.example/"]',
        'server = ["https://zorg.example"]',
        "module = 1",
        'language = "fr"',
        "language = []",
        "\udc80",
    ],
)
def test_a_file_that_says_something_else_stops_the_agent(environment, configure, text):
    file = configure("")
    file.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(Trouble) as caught:
        load(environment)

    assert (caught.value.code, caught.value.facts) == ("bad_settings", {"file": str(file)})


def test_a_confirmed_server_is_remembered(environment):
    remember(ZORG, environment)
    remember(OTHER, environment)
    remember(ZORG, environment)

    assert load(environment).servers == {ZORG, OTHER}


def test_what_is_remembered_is_for_its_owner_alone(environment, tmp_path):
    remember(ZORG, environment)

    file = tmp_path / ".config" / "zorgid-desktop" / "servers"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["servers"]


def test_a_memory_that_was_tampered_with_stops_the_agent(environment, tmp_path):
    remember(ZORG, environment)
    file = tmp_path / ".config" / "zorgid-desktop" / "servers"
    file.write_text("http://zorg.example\n")

    with pytest.raises(Trouble) as caught:
        load(environment)

    assert caught.value.code == "bad_settings"


def test_a_link_to_a_file_stays_one(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to(tmp_path / "real")

    write_whole(tmp_path / "link", "new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "file", "\udc80")

    assert list(tmp_path.iterdir()) == []
