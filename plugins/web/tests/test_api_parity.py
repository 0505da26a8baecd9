"""Everything the pages and the commands do, a program can do: what does the same, or why nothing does.

A page that gets a new route or a new button, and a command that is added, fails here until it stands in the
tables below.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

import click
import pytest
from starlette.routing import Route

from muniment.cli.app import app
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.pages import routes
from muniment_web.testing import new_web

# Reasons: a text with a space in it is one, everything else names calls.
SIGN_IN = "what a person signs in with is set by the person, in a browser"
LOOKS = "how the pages look to one person"
FORM = "the form of an act, which has a call of its own"
LETTER = "a person's own link out of a letter; they have no token"
PLUGIN = "a page or panel that a plugin draws of what the calls read"
PAGE = "a page about the pages"
LOCAL = "done beside the archive's folder, by whoever holds its keys"
WRITES_FILE = (
    "writes muniment.toml, which people edit beside the archive; `apply_configuration` takes it from there"
)
NO_ARCHIVE = "needs no archive"

PAGES = {
    "/sign-in": SIGN_IN,
    "/sign-in/passkey": SIGN_IN,
    "/sign-in/passkey/options": SIGN_IN,
    "/sign-out": SIGN_IN,
    "/welcome/{token}": SIGN_IN,
    "/account/password": SIGN_IN,
    "/account/totp": SIGN_IN,
    "/account/totp/confirm": SIGN_IN,
    "/account/totp/remove": SIGN_IN,
    "/account/tokens": "make_token",
    "/account/passkeys": SIGN_IN,
    "/account/passkeys/options": SIGN_IN,
    "/account/passkeys/remove": SIGN_IN,
    "/account/sign-ins/end": "end_sign_in end_own_sign_ins",
    "/account/tokens/{token}/revoke": "revoke_token",
    "/account": "get_me list_tokens list_sign_ins",
    "/language": LOOKS,
    "/theme": LOOKS,
    "/help": PAGE,
    "/api": PAGE,
    "/": "get_me list_followups list_changes list_alerts list_requests list_inbox retention_plan",
    "/alerts": "list_alerts",
    "/alerts/run": "run_alerts",
    "/alerts/rules": "list_alert_rules",
    "/alerts/sign-off": "list_sign_offs sign_off",
    "/alerts/{id:uuid}": "get_alert close_alert",
    "/audit": "who_saw who_saw_field what_did what_was_disclosed what_changed which_rules who_could",
    "/evidence": "make_bundle list_witnesses",
    "/evidence/witnesses": "ask_witnesses",
    "/evidence/timestamp": "timestamp_log",
    "/break-glass": "list_emergencies begin_emergency",
    "/break-glass/{id:uuid}": "list_emergencies review_emergency",
    "/break-glass/{id:uuid}/end": "end_emergency",
    "/incidents": "list_incidents open_incident",
    "/incidents/{id:uuid}": "get_incident add_to_incident assess_incident find_affected close_incident",
    "/incidents/{id:uuid}/notice": "incident_notice",
    "/regimes": "list_regimes report_regime",
    "/requests": "list_requests",
    "/requests/{id:uuid}": "get_request step_request extend_request close_request",
    "/requests/{id:uuid}/evidence": "request_evidence",
    "/t/{type}/{id:uuid}/requests": "list_requests open_request",
    "/t/{type}/{id:uuid}/report": "subject_report",
    "/t/{type}/{id:uuid}/report.json": "subject_report",
    "/t/{type}/{id:uuid}/accesses.zip": "accesses_copy",
    "/restrictions": "list_restrictions",
    "/t/{type}/{id:uuid}/restriction": "list_restrictions place_restriction",
    "/restrictions/{id:uuid}/lift": "lift_restriction",
    "/restrictions/records/{id:uuid}/lift": "lift_restriction",
    "/retention": "retention_plan",
    "/retention/blocked": "retention_plan",
    "/retention/plan": "retention_plan",
    "/retention/runs": "list_entries list_erasures",
    "/retention/report": "retention_report",
    "/retention/preview": "retention_plan",
    "/retention/apply": "apply_retention",
    "/t/{type}/{id:uuid}/retention": "record_retention",
    "/changes": "list_changes",
    "/changes/{id}": "get_change approve_change",
    "/quality": "check_quality",
    "/duplicates": "find_duplicates",
    "/merge": "merge_records",
    "/merges": "list_merges",
    "/merges/{id:uuid}/undo": "undo_merge",
    "/config": "get_configuration plan_configuration apply_configuration",
    "/templates": "list_templates template_questions propose_templates",
    "/templates/{name}": "get_template preview_templates apply_templates",
    "/t/{type}/{id:uuid}/consents": "list_consents give_consent",
    "/t/{type}/{id:uuid}/consents/receipt": "consent_receipt",
    "/consents": "list_notices",
    "/consents/verify": "verify_consent_receipt",
    "/consents/notices": "write_notice",
    "/consents/notices/{key}": "list_notices",
    "/dashboards": "list_dashboards",
    "/dashboards/{name}": "get_dashboard",
    "/dashboards/{name}/renew": "renew_dashboard",
    "/holds": "list_holds",
    "/holds/{id:uuid}/release": "release_hold",
    "/t/{type}/{id:uuid}/hold": "place_hold",
    "/t/{type}/{id:uuid}/erase": "plan_erasure erase_subject erase_record",
    "/erasures": "list_erasures",
    "/erasures/{id:uuid}/certificate": "get_erasure",
    "/leave/{token}": LETTER,
    "/ask/{token}": LETTER,
    "/follow-ups": "list_followups",
    "/follow-ups/calendar.ics": "followup_calendar",
    "/follow-ups/{id:uuid}/done": "finish_followup",
    "/follow-ups/{id:uuid}/move": "snooze_followup",
    "/incoming": "list_inbox take_message",
    "/incoming/{id:uuid}": "get_incoming accept_incoming",
    "/incoming/{id:uuid}/original": "get_original",
    "/mailings": "list_mailings",
    "/mailings/standing": "list_mailings",
    "/mailings/letters/{key}": "list_letters preview_letter send_letter",
    "/choose/{type}": "search_records",
    "/t/{type}/{id:uuid}/file/{field}/change": "put_file",
    "/t/{type}/{id:uuid}/file/{field}": "get_file",
    "/find": "find_records",
    "/t/{type}/{id:uuid}/portable": "portable_copy",
    "/t/{type}/export": "export_records",
    "/t/{type}/follow-ups": "make_followups look_at_followups close_followups",
    "/import": "list_imports import_rows",
    "/import/columns": "import_rows list_mappings",
    "/import/try": "import_rows",
    "/import/run": "import_rows save_mapping",
    "/import/rejects": "import_rows",
    "/import/revert/{id:uuid}": "revert_import",
    "/t/{type}": "list_records search_records view_rows list_views",
    "/t/{type}/filter": FORM,
    "/t/{type}/tray": "list_drafts keep_drafts apply_drafts discard_drafts",
    "/t/{type}/new": "create_record create_with_consent put_file list_forms",
    "/t/{type}/{id:uuid}": "get_record update_record correct_record",
    "/t/{type}/{id:uuid}/delete": "delete_record",
    "/t/{type}/{id:uuid}/undelete": "undelete_record",
    "/t/{type}/{id:uuid}/reveal": "get_record",
    "/t/{type}/{id:uuid}/history": "record_history",
    "/t/{type}/{id:uuid}/accesses": "record_accesses",
    "/t/{type}/{id:uuid}/compare": "record_diff",
    "/t/{type}/{id:uuid}/revert": "get_record update_record",
    "/p/{plugin}/{page}": PLUGIN,
    "/t/{type}/{id:uuid}/panel/{plugin}/{panel}": PLUGIN,
    "/webhooks": "list_webhooks add_webhook",
    "/webhooks/{id:uuid}": "change_webhook rotate_webhook",
    "/suggestions": "list_suggestions make_suggestion",
    "/suggestions/{id:uuid}": "close_suggestion",
    "/log": "list_entries log_kinds list_log_queries run_log_query save_log_query remove_log_query",
    "/log/verify": "start_verification",
    "/log/badge": "verification log_heads",
    "/log/seal": "verification",
    "/log/checkpoint": "sign_checkpoint",
    "/log/{place}": "get_entry get_entry_reason",
    "/log/{place}/proof": "prove_entry",
    "/users": "list_users add_user",
    "/users/{login}/change": "change_user",
    "/users/{login}/invite": "invite_user",
    "/roles": "list_roles",
    "/roles/review": "review_rights",
    "/roles/new": "define_role",
    "/roles/{role}": "list_roles remove_role",
    "/roles/{role}/change": "define_role",
    "/roles/{role}/tables/{type}": "rule_table",
    "/schema": "list_types type_versions",
    "/schema/new": "add_type",
    "/schema/{table}": "get_type type_versions type_indexes",
    "/schema/{table}/compare": "type_diff",
    "/schema/{table}/add": "add_field",
    "/schema/{table}/fields/{field}": "change_field",
    "/plugins": "list_plugins",
    "/plugins/{name}": "get_plugin switch_plugin",
    "/status": "get_status run_jobs",
    "/backups": "list_backups make_backup drill_backup prune_backups",
    "/backups/plan": "plan_backups",
    "/keys": "get_keys rotate_keys",
}
"""Every address of the pages, and the calls that do what it shows and does."""

BUTTONS = {
    "_grid.html": {
        "deleted": "list_records",
        "drop": "list_records",
        "next": "list_records",
        "previous": "list_records",
        "sort": "list_records",
    },
    "_tray.html": {
        "check": "list_drafts",
        "discard": "discard_drafts",
        "drop": "discard_drafts",
        "over": "keep_drafts",
        "save": "apply_drafts",
    },
    "backups.html": {
        "drill": "drill_backup",
        "keep": "plan_backups",
        "look": "plan_backups",
        "prune": "prune_backups",
        "run": "make_backup",
    },
    "change.html": {
        "approve": "approve_change",
        "reject": "reject_change",
        "renew": "renew_change",
        "withdraw": "withdraw_change",
    },
    "consents.html": {
        "give": "give_consent",
        "invalidate": "invalidate_consent",
        "refuse": "refuse_consent",
        "withdraw": "withdraw_consent",
    },
    "_entries.html": {"older": "list_entries"},
    "log.html": {
        "find": "list_entries",
        "all": "list_entries",
        "drop": "list_entries",
        "save": "save_log_query",
        "unsave": "remove_log_query",
    },
    "import_columns.html": {"again": "import_rows"},
    "import_result.html": {"again": "import_rows"},
    "incident.html": {
        "add": "add_to_incident",
        "assess": "assess_incident",
        "check": "check_incident",
        "close": "close_incident",
        "find": "find_affected",
        "told": "told_of_incident",
    },
    "incoming.html": {"fetch": "fetch_messages", "mail": "take_message", "scan": "take_message"},
    "incoming_one.html": {"accept": "accept_incoming", "refuse": "refuse_incoming"},
    "follow_many.html": {
        "look": "look_at_followups",
        "make": "make_followups",
        "close": "close_followups",
    },
    "mailing.html": {"look": "preview_letter", "send": "send_letter"},
    "plugin.html": {
        "look_off": "switch_plugin",
        "look_on": "switch_plugin",
        "off": "switch_plugin",
        "on": "switch_plugin",
    },
    "request.html": {"extend": "extend_request"},
    "role.html": {"keep": "remove_role", "look": "remove_role"},
    "role_table.html": {"keep": "rule_table", "look": "rule_table"},
    "role_form.html": {"keep": "define_role", "look": "define_role"},
    "schema_field.html": {"keep": "add_field change_field", "look": "add_field change_field"},
    "schema_new.html": {"keep": "add_type", "look": "add_type"},
    "table.html": {
        "arrange": "list_records",
        "find": "list_records",
        "stay": "list_records",
        "keep": "save_view",
        "rename": "save_view",
        "save": "save_view",
        "unview": "remove_view",
        "lock": "save_view",
        "unlock": "save_view",
    },
    "user_change.html": {"roles": "change_user"},
    "users.html": {
        "about": "change_user",
        "look": "list_roles",
        "disable": "change_user",
        "enable": "change_user",
        "end": "end_sign_ins_of",
        "factor": "remove_second_factor",
    },
    "webhooks.html": {
        "remove": "change_webhook",
        "retry": "change_webhook",
        "rotate": "rotate_webhook",
        "pause": "change_webhook",
        "resume": "change_webhook",
    },
}
"""Every button that says what to do, by the template that it stands in."""

COMMANDS = {
    "init": LOCAL,
    "demo": LOCAL,
    "serve": LOCAL,
    "restore": LOCAL,
    "status": "get_status",
    "tick": "run_jobs",
    "record create": "create_record",
    "record update": "update_record",
    "record correct": "correct_record",
    "record delete": "delete_record",
    "record undelete": "undelete_record",
    "record erase": "erase_record",
    "record restrict": "place_restriction",
    "record unrestrict": "lift_restriction",
    "record attach": "put_file",
    "record get": "get_record",
    "record file": "get_file",
    "record history": "record_history",
    "record diff": "record_diff",
    "record list": "list_records",
    "record search": "search_records",
    "record find": "find_records",
    "record accesses": "record_accesses",
    "view list": "list_views",
    "view show": "get_view",
    "view save": "save_view",
    "view remove": "remove_view",
    "dashboard list": "list_dashboards",
    "dashboard renew": "renew_dashboard",
    "dashboard show": "get_dashboard get_dashboard_definition",
    "dashboard save": "save_dashboard",
    "dashboard remove": "remove_dashboard",
    "followup list": "list_followups",
    "followup add": "make_followups look_at_followups",
    "followup close": "close_followups",
    "followup done": "finish_followup",
    "followup snooze": "snooze_followup",
    "followup calendar": "followup_calendar",
    "mail letters": "list_letters",
    "mail preview": "preview_letter",
    "mail send": "send_letter",
    "mail list": "list_mailings",
    "mail unsubscribe": "leave_letters",
    "import file": "import_rows find_duplicates_in_file",
    "import template": "import_workbook",
    "import map list": "list_mappings",
    "import map show": "get_mapping",
    "import map remove": "remove_mapping",
    "import list": "list_imports",
    "import revert": "revert_import",
    "export": "export_records",
    "change list": "list_changes",
    "change show": "get_change",
    "change approve": "approve_change",
    "change reject": "reject_change",
    "change withdraw": "withdraw_change",
    "change renew": "renew_change",
    "change edit": "edit_change",
    "template list": "list_templates",
    "template show": "get_template",
    "template choose": "template_questions propose_templates",
    "template diff": "preview_templates",
    "template apply": "apply_templates",
    "template roles": WRITES_FILE,
    "template rules": WRITES_FILE,
    "template history": "template_history",
    "schema list": "list_types",
    "schema show": "get_type type_version",
    "schema history": "type_versions",
    "schema diff": "type_diff",
    "schema field add": "add_field",
    "schema field rename": "change_field",
    "schema field hide": "change_field",
    "schema field retire": "change_field",
    "schema index": "type_indexes",
    "subject report": "subject_report",
    "subject accesses": "accesses_copy",
    "subject export": "portable_copy",
    "subject requests open": "open_request",
    "subject requests list": "list_requests",
    "subject requests show": "get_request request_evidence",
    "subject requests step": "step_request",
    "subject requests extend": "extend_request",
    "subject requests close": "close_request",
    "subject restrict": "place_restriction",
    "subject unrestrict": "lift_restriction",
    "subject restrictions": "list_restrictions",
    "subject erase": "plan_erasure erase_subject",
    "retention plan": "retention_plan",
    "retention explain": "record_retention",
    "retention apply": "apply_retention",
    "retention report": "retention_report",
    "inbox add": "take_message",
    "inbox fetch": "fetch_messages",
    "inbox list": "list_inbox",
    "inbox show": "get_incoming",
    "inbox accept": "accept_incoming",
    "inbox refuse": "refuse_incoming",
    "inbox file": "get_original",
    "hold place": "place_hold",
    "hold release": "release_hold",
    "hold list": "list_holds",
    "certificate list": "list_erasures",
    "certificate export": "get_erasure",
    "certificate verify": NO_ARCHIVE,
    "user list": "list_users",
    "user add": "add_user",
    "user change": "change_user",
    "user role": "change_user",
    "user disable": "change_user",
    "user enable": "change_user",
    "token add": "make_token",
    "token list": "list_tokens",
    "token revoke": "revoke_token",
    "role list": "list_roles",
    "role show": "list_roles",
    "role matrix": "list_roles",
    "role review": "review_rights",
    "purpose list": "list_purposes",
    "break-glass begin": "begin_emergency",
    "break-glass list": "list_emergencies",
    "break-glass review": "review_emergency",
    "break-glass end": "end_emergency",
    "log list": "list_entries",
    "log show": "get_entry get_entry_reason",
    "log query list": "list_log_queries",
    "log query save": "save_log_query",
    "log query run": "run_log_query",
    "log query remove": "remove_log_query",
    "log dispose": "dispose_log",
    "log verify": "start_verification verification",
    "log checkpoint": "sign_checkpoint",
    "log prove": "prove_entry",
    "log export": "export_log",
    "log bundle": "make_bundle",
    "log follow": "follow_log",
    "log timestamp": "timestamp_log",
    "log key": "get_status",
    "log witness list": "list_witnesses",
    "log witness ask": "ask_witnesses",
    "log witness retire": WRITES_FILE,
    "log witness add": WRITES_FILE,
    "log witness remove": WRITES_FILE,
    "log witness create": NO_ARCHIVE,
    "log witness trust": NO_ARCHIVE,
    "log witness serve": NO_ARCHIVE,
    "audit who": "who_saw",
    "audit saw": "who_saw_field",
    "audit did": "what_did",
    "audit disclosures": "what_was_disclosed",
    "audit changed": "what_changed",
    "audit rules": "which_rules",
    "audit could": "who_could",
    "audit report": "report_regime",
    "alert run": "run_alerts",
    "alert list": "list_alerts",
    "alert show": "get_alert",
    "alert close": "close_alert",
    "alert review": "sign_off",
    "alert rules": "list_alert_rules",
    "incident open": "open_incident",
    "incident find": "find_affected",
    "incident assess": "assess_incident",
    "incident add": "add_to_incident",
    "incident notice": "incident_notice",
    "incident persons": "affected_subjects",
    "incident notify": "told_of_incident",
    "incident list": "list_incidents",
    "incident show": "get_incident check_incident",
    "incident close": "close_incident",
    "incident laws": "list_laws",
    "incident drill": NO_ARCHIVE,
    "webhook add": "add_webhook",
    "webhook list": "list_webhooks",
    "webhook rotate": "rotate_webhook",
    "webhook pause": "change_webhook",
    "webhook resume": "change_webhook",
    "webhook retry": "change_webhook",
    "webhook remove": "change_webhook",
    "key status": "get_keys",
    "key rotate": "rotate_keys",
    "key backup": LOCAL,
    "key slot add": LOCAL,
    "key slot remove": LOCAL,
    "config check": "plan_configuration",
    "config diff": "plan_configuration",
    "config apply": "apply_configuration",
    "config show": "get_configuration",
    "consent give": "give_consent",
    "consent create": "create_with_consent",
    "consent withdraw": "withdraw_consent",
    "consent refuse": "refuse_consent",
    "consent invalidate": "invalidate_consent",
    "consent show": "list_consents",
    "consent list": "list_consents",
    "consent receipt": "consent_receipt",
    "consent verify": "verify_consent_receipt",
    "consent notice write": "write_notice",
    "consent notice list": "list_notices",
    "backup create": LOCAL,
    "backup verify": LOCAL,
    "backup run": "make_backup",
    "backup list": "list_backups",
    "backup prune": "prune_backups",
    "backup drill": "drill_backup",
    "data check": "check_data",
    "data rebuild": "rebuild_data",
    "data quality": "check_quality",
    "data clean": "find_untidy accept_tidier",
    "data duplicates": "find_duplicates find_duplicates_in_file",
    "data merge": "merge_records",
    "data unmerge": "undo_merge",
    "data merges": "list_merges",
    "plugin list": "list_plugins",
    "plugin info": "get_plugin",
    "plugin check": NO_ARCHIVE,
    "plugin new": NO_ARCHIVE,
    "plugin enable": "switch_plugin",
    "plugin disable": "switch_plugin",
}
"""Every command, and the calls that do the same."""

# What a page has no place for, and a command has none either.
API_ALONE = {
    "apply_forms", "discard_form", "get_form", "keep_form", "log_heads", "write_records",
}  # fmt: skip


MACRO = re.compile(r"\{% macro (\w+)\(.*?%\}(.*?)\{% endmacro %\}", re.DOTALL)
IMPORTED = re.compile(r"\{% from '(\w+\.html)' import ([\w, ]+?)(?: with context)? %\}")


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of every call of the API."""
    with new_archive(tmp_path_factory.mktemp("parity") / "customers") as archive:
        document: dict[str, Any] = build(new_web(archive)).state.api.openapi()
    return {one["operationId"] for verbs in document["paths"].values() for one in verbs.values()}


def named(table: dict[str, str]) -> set[str]:
    """The calls that a table names."""
    return {call for said in table.values() if not is_reason(said) for call in said.split()}


def is_reason(said: str) -> bool:
    """Whether it says why there is no call."""
    return said in (SIGN_IN, LOOKS, FORM, LETTER, PLUGIN, PAGE, LOCAL, WRITES_FILE, NO_ARCHIVE)


def buttons() -> dict[str, set[str]]:
    """What the buttons of each template say that is to be done; a choice in a template counts as both.

    What a macro for several templates says counts for each of those that import it.
    """
    templates = resources.files("muniment_web").joinpath("templates")
    texts = {one.name: one.read_text(encoding="utf-8") for one in templates.iterdir()}
    shared, found = {}, {}
    for name in [one for one in texts if one.startswith("_")]:
        shared.update({(name, macro): body for macro, body in MACRO.findall(texts[name])})
        texts[name] = MACRO.sub("", texts[name])
    for name, text in texts.items():
        verbs = said_in(text)
        for other, macros in IMPORTED.findall(text):
            for macro in macros.split(", "):
                verbs |= said_in(shared[other, macro.partition(" as ")[0]])
        if verbs:
            found[name] = verbs
    return found


def said_in(text: str) -> set[str]:
    """What the buttons in a piece of a template say."""
    found = set()
    for said in re.findall(r'name="do"\s+value="([^"]+)"', text):
        found |= set(re.findall(r"'(\w+)'", said)) if said.startswith("{{") else {said.partition(":")[0]}
    return found


def commands(group: click.Group, start: tuple[str, ...] = ()) -> set[str]:
    """Every command that does something, as it is typed."""
    context, found = click.Context(group), set()
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        path = (*start, name)
        found |= commands(one, path) if isinstance(one, click.Group) else {" ".join(path)}
    return found


def test_every_page_has_a_call_that_does_the_same(operations):
    """Every address of the pages is named once, with calls that there are or a reason why there is none."""
    there = {one.path for one in routes() if isinstance(one, Route)}
    assert there == PAGES.keys()
    assert set() == named(PAGES) - operations


def test_every_button_has_a_call_that_does_the_same(operations):
    """Whatever a form of the pages says that is to be done can be asked of a call."""
    assert {name: set(verbs) for name, verbs in BUTTONS.items()} == buttons()
    assert set() == {call for verbs in BUTTONS.values() for call in named(verbs)} - operations


def test_every_command_has_a_call_that_does_the_same(operations):
    """A command has a call, or a reason why it stays where the archive is."""
    assert commands(app) == COMMANDS.keys()
    assert set() == named(COMMANDS) - operations


def test_no_call_does_what_nobody_sees(operations):
    """Every call stands for a page or a command, but for those that say so."""
    told = named(PAGES) | named(COMMANDS) | {call for verbs in BUTTONS.values() for call in named(verbs)}
    assert API_ALONE >= operations - told
