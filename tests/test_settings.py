"""Settings: from where they come, and every mistake in them at once."""

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pairing_server.settings import (
    PREFIX,
    AssuranceLevel,
    LogFormat,
    Settings,
    SettingsError,
    UziEnvironment,
    load,
)

#: A machine that is busy is no failure.
never_late = examples(deadline=None)

SECRET = "geheim-wachtwoord"
#: One wrong value for every setting that can have one.
WRONG = {
    "BASE_URL": "ftp://geheim.example",
    "PORT": "geheim",
    "NODE": "geheim geheim",
    "UZI_ENVIRONMENT": "geheim",
    "ANDROID_APK_KEY_HASHES": "geheim",
    "ANDROID_PACKAGE": "geheim",
    "IOS_APP_IDS": "geheim",
    "SYNCED_ACR": "high",
    "LOG_LEVEL": "geheim",
    "LOG_FORMAT": "geheim",
    "UZI_ONLINE": "geheim",
    "UZI_CRL_URLS": "http://geheim@10.0.0.1/",
    "UZI_CRL_EVERY_MINUTES": "1",
    "UZI_OCSP_URL": "ftp://geheim.example",
    "UZI_OCSP_NONCE": "geheim",
    "UZI_REVOCATION_HOSTS": "*.geheim.example",
    "EGRESS_PROXY": "socks5://geheim.example:1080",
    "EGRESS_INSIDE": "geheim",
}


def mistakes(environ=None, file=None, **overrides):
    with pytest.raises(SettingsError) as refused:
        load(environ or {}, file, **overrides)
    return refused.value.mistakes


@pytest.fixture
def toml(tmp_path):
    def write(text):
        file = tmp_path / "pairing.toml"
        file.write_text(text)
        return file

    return write


def test_without_any_there_is_a_server_for_this_machine():
    settings = load({})

    assert settings.base_url == "http://localhost:8080"
    assert (settings.host, settings.rp_id, settings.listen_port) == (
        "localhost:8080",
        "localhost",
        8080,
    )
    assert settings.registry_url.startswith("sqlite:////")
    assert settings.synced_acr is AssuranceLevel.LOW
    assert settings.uzi_environment is UziEnvironment.PRODUCTION


def test_nothing_is_read_that_was_not_handed_in(monkeypatch, tmp_path):
    monkeypatch.setenv("PAIRING_NODE", "elsewhere")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PAIRING_NODE=dotenv\n")

    assert load({}).node == "main"
    assert Settings().node == "main"


def test_the_machines_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("PAIRING_NODE", "from-the-machine")

    assert load().node == "from-the-machine"


def test_what_is_handed_in_goes_before_the_environment_and_that_before_the_file(toml):
    file = toml('node = "file"\nport = 1\nlog_format = "console"\n')

    settings = load({"PAIRING_NODE": "environment", "PAIRING_PORT": "2"}, file, port=3)

    assert (settings.log_format, settings.node, settings.port) == (
        LogFormat.CONSOLE,
        "environment",
        3,
    )


def test_an_empty_variable_and_an_absent_override_say_nothing(toml):
    settings = load({"PAIRING_NODE": "", "PAIRING_CONFIG": ""}, toml('node = "file"'), node=None)

    assert settings.node == "file"


def test_the_file_may_be_named_in_the_environment(toml):
    assert load({"PAIRING_CONFIG": str(toml('node = "file"'))}).node == "file"


def test_lists_are_separated_by_commas_or_are_lists(toml):
    environ = {"PAIRING_UZI_ANCHORS": "a.pem, b.pem,,"}

    from_environment, from_file = load(environ), load({}, toml('uzi_anchors = ["a.pem", "b.pem"]'))

    assert [str(path) for path in from_environment.uzi_anchors] == ["a.pem", "b.pem"]
    assert from_environment.uzi_anchors == from_file.uzi_anchors


def test_every_mistake_is_told_at_once(toml):
    file = toml('colour = "geheim"\n[geheim]\na = 1\n')

    told = mistakes({PREFIX + name: value for name, value in WRONG.items()}, file)

    assert {line.partition(":")[0] for line in told} == {
        *(PREFIX + name for name in (*WRONG, "COLOUR", "GEHEIM"))
    }


def test_no_mistake_quotes_a_value(toml):
    told = mistakes({PREFIX + name: value for name, value in WRONG.items()})

    assert [line for line in told if "geheim" in line] == []
    assert [line for line in told if not line.endswith(".")] == []


@pytest.mark.parametrize("name", ["redis_url", "database_url"])
def test_no_secret_is_shown(name):
    settings = load({PREFIX + name.upper(): f"redis://u:{SECRET}@host"})

    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
    assert SECRET in getattr(settings, name).get_secret_value()


def test_the_library_quotes_no_value_either():
    with pytest.raises(ValueError, match="port") as refused:
        Settings(port=SECRET)

    assert SECRET not in str(refused.value)


def test_a_secret_of_the_wrong_type_is_not_quoted(toml):
    told = mistakes({}, toml(f'redis_url = ["{SECRET}"]'))

    assert len(told) == 1
    assert SECRET not in told[0]


@pytest.mark.parametrize("name", ["PAIRING_REDISURL", "PAIRING_", "PAIRING_base_url"])
def test_a_misspelled_variable_is_a_mistake(name):
    assert mistakes({name: "geheim"}) == [
        f"{name} is not a setting; see `pairing-server check --list` for those that are."
    ]


def test_other_programs_variables_are_theirs():
    assert load({"REDIS_URL": "x", "XPAIRING_NODE": "x", "NODE": "x"}).node == "main"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'redis_url = "{SECRET}', "is not TOML in UTF-8"),
        ("a" * 3 + f'\n{SECRET}"', "is not TOML in UTF-8"),
    ],
)
def test_a_file_that_is_not_toml_is_not_quoted(toml, text, told):
    (line,) = mistakes({}, toml(text))

    assert told in line
    assert SECRET not in line


def test_a_file_of_other_bytes_is_not_toml(tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"node = '\xff'")

    assert mistakes({}, file) == [f"The file {file} is not TOML in UTF-8."]


def test_a_file_that_is_not_there_says_why(tmp_path):
    assert mistakes({}, tmp_path / "no") == [
        f"The file {tmp_path / 'no'} cannot be read: No such file or directory."
    ]
    assert mistakes({}, tmp_path) == [f"The file {tmp_path} cannot be read: Is a directory."]


def test_mistakes_in_file_environment_and_names_come_together(tmp_path):
    told = mistakes({"PAIRING_X": "", "PAIRING_PORT": "x"}, tmp_path / "no")

    assert len(told) == 3


@pytest.mark.parametrize(
    "base_url",
    [
        "https://login.example.nl",
        "https://login.example.nl:8443",
        "https://xn--caf-dma.nl",
        "https://localhost",
        "http://localhost",
        "http://localhost:1",
        "http://localhost:65535",
        "https://a",
    ],
)
def test_a_base_url_is_an_origin_as_browsers_write_it(base_url):
    settings = load({}, base_url=base_url)

    assert settings.origin == base_url
    assert base_url == f"{base_url.partition(':')[0]}://{settings.host}"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "login.example.nl",
        "ftp://login.example.nl",
        "HTTPS://login.example.nl",
        "https://",
        "https://login.example.nl/",
        "https://login.example.nl/path",
        "https://login.example.nl?",
        "https://login.example.nl#",
        "https://login.example.nl?a=b",
        "https://Login.example.nl",
        "https://login.example.nl.",
        "https://.nl",
        "https://a..nl",
        "https://-a.nl",
        "https://a-.nl",
        "https://a_b.nl",
        "https://café.nl",
        "https://user@login.example.nl",
        "https://@login.example.nl",
        "https://login.example.nl\\",
        "https://login.example.nl\n",
        " https://login.example.nl",
        "https://lo\tgin.example.nl",
        "https://login.example.nl:443",
        "https://login.example.nl:",
        "https://login.example.nl:0",
        "https://login.example.nl:08443",
        "https://login.example.nl:65536",
        "https://login.example.nl:x",
        "https://login.example.nl:1:2",
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://[::1]",
        "http://login.example.nl",
        "http://localhost:80",
        "http://localhost.nl",
        "http://127.0.0.1:8080",
    ],
)
def test_a_base_url_that_no_browser_sends_as_origin_is_refused(base_url):
    (line,) = mistakes({}, base_url=base_url)

    assert line.startswith("PAIRING_BASE_URL: must ")


@never_late
@given(st.text())
def test_no_base_url_brings_the_settings_down(text):
    try:
        settings = load({}, base_url=f"https://{text}")
    except SettingsError:
        return

    assert 0 < settings.listen_port <= 65535
    assert settings.rp_id


@pytest.mark.parametrize(
    ("base_url", "port", "listens"),
    [
        ("https://login.example.nl", None, 443),
        ("https://login.example.nl:8443", None, 8443),
        ("https://login.example.nl", 8080, 8080),
        ("http://localhost", None, 80),
        ("http://localhost", 0, 0),
    ],
)
def test_the_port_is_the_base_urls_unless_said(base_url, port, listens):
    assert load({}, base_url=base_url, port=port).listen_port == listens


@pytest.mark.parametrize("port", ["-1", "65536", "1.5", "8080x"])
def test_a_port_is_one(port):
    assert len(mistakes({"PAIRING_PORT": port})) == 1


@pytest.mark.parametrize("node", ["", "a b", "a" * 65, "é", "a/b", "a\n"])
def test_a_nodes_name_is_a_word(node):
    assert len(mistakes({}, node=node)) == 1


@pytest.mark.parametrize(
    ("said", "earned"),
    [
        ("low", AssuranceLevel.LOW),
        ("SUBSTANTIAL", AssuranceLevel.SUBSTANTIAL),
        ("http://eidas.europa.eu/LoA/substantial", AssuranceLevel.SUBSTANTIAL),
    ],
)
def test_a_level_has_a_short_name(said, earned):
    assert load({}, synced_acr=said).synced_acr is earned


@pytest.mark.parametrize("said", ["high", "http://eidas.europa.eu/LoA/high"])
def test_a_synced_key_never_earns_the_highest_level(said):
    (line,) = mistakes({}, synced_acr=said)

    assert "never high" in line


def test_the_apps_origin_is_accepted_beside_the_servers():
    settings = load({"PAIRING_ANDROID_APK_KEY_HASHES": "A" * 43})

    assert settings.webauthn_origins == [
        "http://localhost:8080",
        "android:apk-key-hash:" + "A" * 43,
    ]


@pytest.mark.parametrize(
    "key_hash", ["A" * 42, "A" * 44, "A" * 42 + "=", "A" * 43 + "\n", "A" * 42 + "B"]
)
def test_an_apps_hash_is_of_32_bytes(key_hash):
    assert len(mistakes({}, android_apk_key_hashes=(key_hash,))) == 1


@pytest.mark.parametrize("package", ["app", "nl..app", "nl.1app", "nl.app\n", "nl.example/app"])
def test_an_android_app_has_the_name_of_a_package(package):
    assert len(mistakes({}, android_package=package)) == 1
    assert load({}, android_package="nl.example.app_2").android_package == "nl.example.app_2"


@pytest.mark.parametrize(
    "app_id", ["nl.example.app", "ABCDE12345", "abcde12345.nl.app", "ABCDE12345.nl.*"]
)
def test_an_ios_app_is_named_with_its_team(app_id):
    assert len(mistakes({}, ios_app_ids=(app_id,))) == 1


def test_several_ios_apps_are_separated_by_commas():
    settings = load({"PAIRING_IOS_APP_IDS": "ABCDE12345.nl.app, ABCDE12345.nl.app-beta"})

    assert settings.ios_app_ids == ("ABCDE12345.nl.app", "ABCDE12345.nl.app-beta")


def test_cookies_are_pinned_to_the_host_where_there_is_tls():
    assert load({}).cookie_name("session") == "session"
    assert load({}, base_url="https://a.nl").cookie_name("session") == "__Host-session"


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        load({}).node = "other"


def test_each_setting_is_described():
    described = [field.description for field in Settings.model_fields.values()]

    assert [text for text in described if not text or not text.endswith(".")] == []


def test_browsers_show_cards_where_somebody_asks_for_them():
    tls = {"tls_certificate_file": "server.pem", "tls_key_file": "server.key"}
    proxies = {"client_cert_proxies": ["10.0.0.5/32"]}
    base = {"base_url": "https://login.example.nl"}

    assert load({}, **base).mtls_origin is None
    assert load({}, **base).mtls_host == "login.example.nl"
    assert load({}, **base, **proxies).mtls_origin == "https://login.example.nl"
    at = load({}, **base, **proxies, mtls_port=8443)
    assert (at.mtls_origin, at.mtls_host) == (
        "https://login.example.nl:8443",
        "login.example.nl:8443",
    )
    assert load({}, **base, **tls, mtls_port=443).mtls_origin == "https://login.example.nl"
    assert load({}, **tls, mtls_port=8443).mtls_host == "localhost:8443"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"tls_certificate_file": "x", "mtls_port": 8443},
            "TLS_KEY_FILE: must be set with PAIRING_TLS_CERTIFICATE_FILE, and not without.",
        ),
        (
            {"tls_key_file": "x"},
            "TLS_KEY_FILE: must be set with PAIRING_TLS_CERTIFICATE_FILE, and not without.",
        ),
        (
            {"tls_certificate_file": "x", "tls_key_file": "x"},
            "MTLS_PORT: must be set with PAIRING_TLS_CERTIFICATE_FILE.",
        ),
        (
            {"mtls_port": 8443},
            "MTLS_PORT: needs PAIRING_TLS_CERTIFICATE_FILE or PAIRING_CLIENT_CERT_PROXIES.",
        ),
        (
            {"client_cert_proxies": "10.0.0.5/32, 0.0.0.0/0"},
            "CLIENT_CERT_PROXIES: must name the proxies: whoever is named logs in as anybody.",
        ),
        (
            {"client_cert_proxies": "10.0.0.5/32", "client_authorities": "ca.pem"},
            "MTLS_PORT: must be a port of its own where PAIRING_CLIENT_AUTHORITIES names any.",
        ),
        (
            {
                "base_url": "https://login.example.nl:8443",
                "client_cert_proxies": "10.0.0.5/32",
                "client_authorities": "ca.pem",
                "mtls_port": 8443,
            },
            "MTLS_PORT: must be a port of its own where PAIRING_CLIENT_AUTHORITIES names any.",
        ),
    ],
    ids=[
        "no key",
        "no certificate",
        "no port",
        "port alone",
        "everybody",
        "clients where anybody comes in",
        "clients at the port where anybody comes in",
    ],
)
def test_half_a_place_for_cards_is_a_mistake(given, told):
    assert mistakes(**given) == [PREFIX + told]


@pytest.mark.parametrize("everywhere", ["0.0.0.0/0", "::/0"])
def test_not_everything_is_inside(everywhere):
    assert mistakes(egress_inside=f"10.1.0.0/16, {everywhere}") == [
        f"{PREFIX}EGRESS_INSIDE: must name networks of your own, and not all there are."
    ]


def test_where_revocation_is_asked_is_read_from_the_environment():
    settings = load(
        {
            PREFIX + "UZI_CRL_URLS": "http://a.example/x.crl, http://b.example:8080/y.crl",
            PREFIX + "UZI_REVOCATION_HOSTS": "a.example,b.example:8080",
            PREFIX + "EGRESS_INSIDE": "10.1.0.0/16, fd00::/8",
            PREFIX + "UZI_ONLINE": "false",
        }
    )

    assert settings.uzi_crl_urls == ("http://a.example/x.crl", "http://b.example:8080/y.crl")
    assert settings.uzi_revocation_hosts == ("a.example", "b.example:8080")
    assert [str(network) for network in settings.egress_inside] == ["10.1.0.0/16", "fd00::/8"]
    assert settings.uzi_online is False


def test_a_proxys_password_is_a_secret():
    settings = load({PREFIX + "EGRESS_PROXY": f"http://me:{SECRET}@proxy.example:3128"})

    assert SECRET not in repr(settings)


@pytest.mark.parametrize("value", ["nginx", "10.0.0.5/8", "10.0.0.0/8,proxy"])
def test_what_is_no_network_is_told_once_in_words(value):
    assert mistakes({"PAIRING_TRUSTED_PROXIES": value}) == [
        "PAIRING_TRUSTED_PROXIES: must be addresses or networks, as 10.0.0.5 or 10.0.0.0/8."
    ]
