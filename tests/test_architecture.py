"""The tests mirror the code; what does not is listed here by name, with where it is tested."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pairing_server", "admin", "clients")
#: Modules without a test module of their own, and the one that tests them.
ELSEWHERE = {
    "admin/policy_record.py": "tests/admin/test_policy_routes.py",
    "admin/within.py": "tests/admin/api/test_conditional.py",
    "admin/api/call_refusals.py": "tests/test_errors.py",
    "admin/api/setup.py": "tests/admin/test_gate.py",
    "admin/api/gate.py": "tests/admin/test_gate.py",
    "admin/api/calling.py": "tests/admin/api/test_conditional.py",
    "admin/api/newcomer.py": "tests/admin/api/test_people_routes.py",
    "admin/api/people.py": "tests/admin/api/test_membership_routes.py",
    "admin/api/people_bodies.py": "tests/admin/api/test_people_routes.py",
    "admin/api/offer_bodies.py": "tests/admin/api/test_offer_routes.py",
    "admin/api/log_bodies.py": "tests/admin/api/test_log_routes.py",
    "admin/people_setup.py": "tests/admin/test_identity_routes.py",
    "admin/identity_record.py": "tests/admin/test_identity_flow.py",
    "admin/identity_refusals.py": "tests/test_errors.py",
    "admin/identity_rules.py": "tests/admin/test_identity_flow.py",
    "admin/import_rules.py": "tests/admin/test_import_flow.py",
    "admin/linking_record.py": "tests/admin/test_linking_flow.py",
    "admin/linking_rules.py": "tests/admin/test_linking_flow.py",
    "admin/merge_rules.py": "tests/admin/test_merge_record.py",
    "admin/people_record.py": "tests/admin/test_people_flow.py",
    "admin/people_refusals.py": "tests/test_errors.py",
    "admin/wrong_dates.py": "tests/admin/test_identity_flow.py",
    "admin/log_words.py": "tests/admin/test_log_routes.py",
    "admin/person_words.py": "tests/admin/test_person_routes.py",
    "admin/phone_record.py": "tests/admin/test_person_routes.py",
    "admin/searches.py": "tests/admin/test_person_routes.py",
    "pairing_server/registry/pending_acts.py": "tests/admin/test_person_routes.py",
    "pairing_server/registry/phone_acts.py": "tests/admin/test_person_routes.py",
    "pairing_server/registry/phone_uses.py": "tests/admin/test_person_routes.py",
    "admin/login.py": "tests/admin/test_login_routes.py",
    "admin/refusals.py": "tests/test_errors.py",
    "admin/streams_refusals.py": "tests/test_errors.py",
    "admin/setup.py": "tests/admin/test_gate.py",
    "admin/targets.py": "tests/admin/test_gate.py",
    "pairing_server/registry/admin_tables.py": "tests/registry/test_migrate.py",
    "pairing_server/registry/administrators.py": "tests/admin/test_session.py",
    "pairing_server/registry/people_overview.py": "tests/admin/test_dashboard_routes.py",
    "admin/dashboard_words.py": "tests/admin/test_dashboard_routes.py",
    "pairing_server/__main__.py": "tests/cli/test_demo.py",
    "pairing_server/app.py": "tests/test_main_job.py",
    "pairing_server/app_link_settings.py": "tests/test_settings.py",
    "pairing_server/base_url_settings.py": "tests/test_settings.py",
    "pairing_server/metrics.py": "tests/test_health.py",
    "pairing_server/ports.py": "tests/test_main_job.py",
    "pairing_server/approvals/asked.py": "tests/approvals/test_flow.py",
    "pairing_server/approvals/open_requests.py": "tests/approvals/test_flow.py",
    "pairing_server/approvals/user_code_routes.py": "tests/oidc/test_device_flow.py",
    "pairing_server/audit/admin_events.py": "tests/audit/test_kinds.py",
    "pairing_server/audit/events.py": "tests/cli/test_audit.py",
    "pairing_server/cli/database.py": "tests/cli/test_audit.py",
    "pairing_server/cli/running.py": "tests/cli/test_serve.py",
    "pairing_server/keys/bodies.py": "tests/keys/test_routes.py",
    "pairing_server/keys/refusals.py": "tests/test_errors.py",
    "pairing_server/oidc/access_routes.py": "tests/oidc/test_access.py",
    "pairing_server/oidc/device_routes.py": "tests/oidc/test_device_flow.py",
    "pairing_server/oidc/logout_flow.py": "tests/pages/test_logout_routes.py",
    "pairing_server/oidc/par_routes.py": "tests/oidc/test_authorization.py",
    "pairing_server/oidc/polling.py": "tests/oidc/test_flow.py",
    "pairing_server/oidc/setup.py": "tests/test_main_job.py",
    "pairing_server/pages/login_picture.py": "tests/pages/test_login_routes.py",
    "pairing_server/pages/login_setup.py": "tests/pages/test_login_routes.py",
    "pairing_server/phones/event_routes.py": "tests/phones/test_events.py",
    "pairing_server/phones/act_routes.py": "tests/phones/test_routes.py",
    "pairing_server/phones/offer_record.py": "tests/phones/test_offers.py",
    "pairing_server/phones/offer_routes.py": "tests/phones/test_offers.py",
    "pairing_server/phones/refusals.py": "tests/test_errors.py",
    "pairing_server/phones/setup.py": "tests/test_main_job.py",
    "pairing_server/phones/transfer_routes.py": "tests/phones/test_routes.py",
    "pairing_server/push/apns_exchange.py": "tests/push/test_apns_connection.py",
    "pairing_server/push/failure.py": "tests/push/test_contract.py",
    "pairing_server/phones/workstation_routes.py": "tests/phones/test_workstations.py",
    "pairing_server/push/errand.py": "tests/push/test_dispatch.py",
    "pairing_server/qr/refusals.py": "tests/test_errors.py",
    "pairing_server/mail/setup.py": "tests/mail/test_smtp.py",
    "pairing_server/signals/refusals.py": "tests/test_errors.py",
    "pairing_server/signals/record.py": "tests/signals/test_routes.py",
    "pairing_server/signals/setup.py": "tests/test_main_job.py",
    "pairing_server/registry/stream_tables.py": "tests/registry/test_migrate.py",
    "pairing_server/registry/driver.py": "tests/registry/test_database.py",
    "pairing_server/registry/session.py": "tests/registry/test_writer.py",
    "pairing_server/registry/people_tables.py": "tests/registry/test_migrate.py",
    "pairing_server/registry/schema.py": "tests/registry/test_migrate.py",
    "pairing_server/registry/xis.py": "tests/xis/test_flow.py",
    "pairing_server/registry/xis_tables.py": "tests/registry/test_migrate.py",
    "pairing_server/registry/tables.py": "tests/registry/test_migrate.py",
    "pairing_server/store/die_with_parent.py": "tests/store/test_embedded.py",
    "pairing_server/store/embedded_files.py": "tests/store/test_embedded.py",
    "pairing_server/uzi/shown.py": "tests/uzi/test_mtls_routes.py",
    "pairing_server/uzi/trust_setup.py": "tests/test_tls.py",
    "pairing_server/xis/ending.py": "tests/xis/test_flow.py",
    "pairing_server/xis/messages.py": "tests/xis/test_flow.py",
    "pairing_server/xis/refusals.py": "tests/test_errors.py",
    "pairing_server/xis/setup.py": "tests/test_main_job.py",
    "clients/card_profile.py": "tests/clients/test_test_ca.py",
    "clients/desktop_terminal.py": "tests/clients/test_desktop_command.py",
    "clients/id_token.py": "tests/clients/test_workstation.py",
    "clients/login_arguments.py": "tests/clients/test_login_command.py",
    "clients/login_session.py": "tests/clients/test_login_command.py",
    "clients/oauth_error.py": "tests/clients/test_workstation.py",
    "clients/phone_arguments.py": "tests/clients/test_phone_command.py",
    "clients/phone_handset.py": "tests/clients/test_phone_command.py",
    "clients/phone_record.py": "tests/clients/test_phone_changes.py",
    "clients/phone_requests.py": "tests/clients/test_phone_command.py",
    "clients/phone_screen.py": "tests/clients/test_phone_watch.py",
    "clients/started.py": "tests/clients/test_workstation.py",
}


def modules():
    return [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py" and "migrations" not in path.parts
    ]


def mirror(module):
    return Path("tests", *module.parts[1 if module.parts[0] == "pairing_server" else 0 :])


@pytest.mark.parametrize("module", modules(), ids=str)
def test_each_module_has_its_tests(module):
    own = mirror(module).with_name(f"test_{module.name}")

    assert (ROOT / ELSEWHERE.get(str(module), own)).is_file()


def test_nothing_is_listed_that_is_gone():
    assert [name for name in ELSEWHERE if not (ROOT / name).is_file()] == []


def test_no_module_is_too_long_to_read_at_once():
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in modules()}

    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
