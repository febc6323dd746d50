"""`pairing-server client`."""

import json
import sqlite3
from contextlib import closing

import pytest
from jwt.algorithms import ECAlgorithm

URA = "90000382"


@pytest.fixture
def file(tmp_path):
    """Write a file of JSON."""

    def write(name, value):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(value))
        return path

    return write


@pytest.fixture
def added(command, jwks_file):
    """Register a client; returns its id."""
    command("organisation", "add", URA, "Huisartsenpost")
    status, output = command("client", "add", "HIS", "--ura", URA, "--jwks", jwks_file)
    assert status == 0
    return output.strip()


def shown(command, client_id):
    status, output = command("client", "show", client_id)
    assert status == 0
    return json.loads(output)


def events(tmp_path, action):
    with closing(sqlite3.connect(tmp_path / "data" / "registry.sqlite3")) as connection:
        rows = connection.execute(
            "SELECT object, evidence FROM audit_event WHERE action = ?", [action]
        )
        return [(about, json.loads(evidence)) for about, evidence in rows]


def test_a_client_is_added_and_listed_under_the_id_that_was_printed(command, jwks_file):
    command("organisation", "add", URA, "Huisartsenpost")

    status, output = command("client", "add", "HIS", "--ura", URA, "--jwks", jwks_file)

    client_id = output.strip()
    assert status == 0
    assert command("client", "list") == (0, f"{client_id}  active    HIS  URA {URA}\n")


def test_a_client_that_wakes_from_known_workstations_alone_is_listed_as_one(command, jwks_file):
    command("organisation", "add", URA, "Huisartsenpost")
    add = ("client", "add", "Portaal", "--ura", URA, "--jwks", jwks_file, "--push")

    status, output = command(*add, "known")

    assert status == 0
    listed = f"{output.strip()}  active    Portaal  URA {URA}  push known\n"
    assert command("client", "list") == (0, listed)
    assert command(*add, "never")[0] == 2


def test_a_client_of_an_unknown_organisation_is_refused_whole(command, jwks_file):
    status, output = command("client", "add", "HIS", "--ura", URA, "--jwks", jwks_file)

    assert status == 1
    assert f"URA {URA} is not registered" in output
    assert command("client", "list") == (0, "")


def test_an_rsa_key_that_is_too_short_is_not_taken(command, jwks_file):
    modulus = "_" * 170 + "8"  # 1024 ones
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "PS256"}
    jwks_file.write_text(json.dumps({"keys": [jwk]}))

    status, output = command("client", "add", "HIS", "--ura", URA, "--jwks", jwks_file)

    assert status == 2
    assert "RSA with 2048 bits" in " ".join(output.split())


def test_a_private_key_is_not_taken(command, jwks_file, client_key):
    jwk = {**ECAlgorithm.to_jwk(client_key, as_dict=True), "alg": "ES256"}
    jwks_file.write_text(json.dumps({"keys": [jwk]}))

    status, output = command("client", "add", "HIS", "--ura", URA, "--jwks", jwks_file)

    assert status == 2
    assert "this holds a private key" in output
    assert jwk["d"] not in output


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "AAAA"}]}',
        '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256"}]}',
    ],
)
def test_what_is_no_key_set_of_use_is_not_taken(command, jwks_file, text):
    jwks_file.write_text(text)

    status, output = command("client", "add", "HIS", "--ura", URA, "--jwks", jwks_file)

    assert status == 2
    assert "Invalid value for '--jwks'" in output


def test_a_client_is_registered_with_metadata_and_policy_of_files(command, file, tmp_path):
    command("organisation", "add", URA, "Huisartsenpost")
    metadata = {"jwks_uri": "https://xis.example/keys.json", "dpop_bound_access_tokens": True}
    status, output = command(
        "client", "add", "XIS", "--ura", URA, "--metadata", file("m", metadata),
        "--policy", file("p", {"push": "known"}), "--code-digits", "4",
        "--redirect-uri", "https://xis.example/back",
    )  # fmt: skip
    found = shown(command, output.strip())

    assert status == 0
    assert (found["metadata"], found["policy"], found["jwks"], found["redirect_uris"]) == (
        metadata,
        {"push": "known", "code_digits": 4},
        {},
        ["https://xis.example/back"],
    )
    assert events(tmp_path, "ClientRegistered")[0][1]["metadata"] == metadata


def test_a_change_replaces_what_is_given_and_is_in_the_log(command, added, file, tmp_path):
    before = shown(command, added)
    status, _ = command("client", "set", added, "--policy", file("p", {"session_hours": 2}))
    closed = command("client", "set", added, "--status", "closed", "--name", "Oud")

    assert (status, closed[0]) == (0, 0)
    after = before | {"policy": {"session_hours": 2}, "status": "closed", "client_name": "Oud"}
    assert shown(command, added) == json.loads(closed[1]) == after
    assert [about for about, _ in events(tmp_path, "ClientChanged")] == [f"client:{added}"] * 2
    assert events(tmp_path, "ClientChanged")[-1][1]["status"] == "closed"


@pytest.mark.parametrize("act", ["show", "set"])
def test_an_unknown_client_is_told(command, act):
    status, output = command("client", act, "-unknown")

    assert (status, output) == (1, "Error: There is no client -unknown: see `client list`.\n")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--metadata", {"jwks_url": "https://xis.example/"}, "jwks_url"),
        ("--metadata", [], "object"),
        ("--policy", {"code_digits": 0}, "code_digits"),
        ("--jwks", {"keys": [{"kty": "EC", "crv": "P-384"}]}, "the keys must be for"),
        ("--jwks", {}, "Invalid value for '--jwks'"),
    ],
)
def test_what_cannot_work_changes_nothing(command, added, file, option, value, words):
    before = shown(command, added)
    status, output = command("client", "set", added, option, file("x", value))

    assert (status, words in output) == (2, True), output
    assert shown(command, added) == before


def test_a_redirect_uri_has_to_be_whole(command, added):
    status, output = command("client", "set", added, "--redirect-uri", "xis.example")

    assert status == 2
    assert "https URLs without a fragment" in output


def test_a_client_without_keys_needs_another_way_to_show_who_it_is(command, file):
    command("organisation", "add", URA, "Huisartsenpost")
    by_certificate = {
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": "CN=xis.example",
    }
    asked = ("client", "add", "XIS", "--ura", URA)

    assert "give its keys" in command(*asked)[1]
    assert command(*asked, "--metadata", file("m", by_certificate))[0] == 0


def test_a_key_for_rs256_is_taken_where_the_policy_takes_it(command, added, file):
    modulus = "_" * 341 + "w"  # 2048 ones
    keys = file("k", {"keys": [{"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256"}]})
    policy = file("p", {"algorithms": ["RS256"]})

    assert command("client", "set", added, "--jwks", keys)[0] == 2
    assert command("client", "set", added, "--jwks", keys, "--policy", policy)[0] == 0


def test_a_program_that_administers_is_registered_in_one_line(command, jwks_file):
    command("organisation", "add", URA, "Huisartsenpost")
    add = ("client", "add", "HR", "--ura", URA, "--jwks", jwks_file, "--admin-act")

    status, output = command(*add, "find_people", "--admin-act", "unlink")

    assert status == 0
    told = shown(command, output.strip())
    assert told["policy"] == {
        "machine_scopes": ["admin"],
        "admin_acts": ["find_people", "unlink"],
    }
    assert told["metadata"] == {"grant_types": ["client_credentials"]}


@pytest.mark.parametrize("act", ["appoint", "revoke_phone", "everything"])
def test_no_program_is_given_what_machines_may_not(command, jwks_file, file, act):
    command("organisation", "add", URA, "Huisartsenpost")
    add = ("client", "add", "HR", "--ura", URA, "--jwks", jwks_file)
    policy = file("policy", {"admin_acts": ["find_people", act]})

    assert command(*add, "--admin-act", act)[0] == 2
    status, output = command(*add, "--policy", policy)
    assert status == 2
    assert "admin_acts takes any of" in output
    assert command("client", "list") == (0, "")
