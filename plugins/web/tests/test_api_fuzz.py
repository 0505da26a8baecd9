"""Requests made from the description itself: no failure of ours, no answer that is not described.

``make fuzz`` asks each call many times, with other requests each time; otherwise a few, always the same.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, not_a_server_error

from muniment.model import SCOPES
from muniment.session.rights.consents import Terms
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.api._withheld import sent_in
from muniment_web.testing import new_web

EXAMPLES = int(os.environ.get("MUNIMENT_FUZZ", "2"))
NAMES = ("status_code_conformance", "content_type_conformance", "response_schema_conformance")
# Lines of JSON are no form that requests are made of, and have tests of their own.
LINES = "/bulk"
# Each with an archive of its own, so that they run side by side.
PARTS = 4
# Seconds; nothing hangs on it but how soon a call that never ends is given up.
PATIENCE = 600
# What is asked of another name is answered by nobody.
HOST = {"Host": "localhost:8765"}
NAME = re.compile(r"[a-z][a-z0-9_.:-]{0,62}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9]{1,9}")


KNOWN = {"name": "customer-info", "key": "gdpr"}


class Things:
    """What is there to be asked about; where there is nothing everything answers 404."""

    def __init__(self, session):
        make = session.create
        self.anna = make("customer", {"full_name": "Schema Anna", "customer_number": "S-1"}).id
        self.bert = make("customer", {"full_name": "Schema Bert", "customer_number": "S-2"}).id
        self.subject = session.get(self.anna).subject
        session.consents.give(self.anna, Terms("Marketing"))
        self.by_path = {
            "/requests/": session.requests.open(self.anna, "access").id,
            "/holds/": session.holds.place("case", records=[self.bert]).id,
            "/incidents/": session.incidents.open("lost laptop").id,
            "/webhooks/": session.webhooks.add("crm", "https://crm.example.org/", ["record.create"])[0].id,
            "/forms/": session.drafts.save({"city": "Ulm"}, record=self.anna).id,
            "/suggestions/": session.suggestions.make("larger letters"),
            "/records/": self.anna,
            "/followups/": self.anna,
            "/subjects/": self.subject,
        }
        self.turn = count(1)

    def put_into(self, case):
        """Have most cases ask about what is there, of a version that is there, and each as if the first."""
        turn = next(self.turn)
        headers = case.headers if case.headers is not None else {}
        for name in [one for one in headers if one.lower() == "idempotency-key"]:
            del headers[name]
        if "Muniment-Purpose" in headers and turn % 5:
            headers["Muniment-Purpose"] = "ServiceProvision"
        if "If-Match" in headers and turn % 2:
            headers["If-Match"] = f'"{turn % 3}"'
        path = case.path_parameters or {}
        if "type" in path and turn % 4:
            path["type"] = "customer"
        for start, known in self.by_path.items():
            if "id" in path and case.path.startswith(start) and turn % 3:
                path["id"] = known
        if path.get("id") == self.anna and case.path.endswith(("/erase", "/delete")):
            path["id"] = self.bert
        if "view" in case.path and "name" in path:
            path["name"] = "mine"
        if isinstance(case.body, dict) and turn % 3:
            known = {"record": self.anna, "kept": self.anna, "duplicate": self.bert, "purpose": "Marketing"}
            for name, value in known.items():
                if isinstance(case.body.get(name), str):
                    case.body[name] = value
        if case.query and "record" in case.query:
            case.query["record"] = self.anna
        if "field" in path and turn % 2:
            path["field"] = "city"
        if case.path.startswith(("/templates", "/regimes")) and turn % 2:
            path.update({name: known for name, known in KNOWN.items() if name in path})


def repeated(case, answer) -> list[str]:
    """What was sent, is no name, and stands in an answer that refuses it."""
    sent = [*sent_in(case.body if isinstance(case.body, (dict, list)) else {}), *sent_in(case.query or {})]
    said = list(sent_in(answer.json()))
    odd = {one for one in sent if len(one) > 5 and not NAME.fullmatch(one)}
    return [one for one in odd if any(one in each for each in said)]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_of_any_form_breaks_it(tmp_path, part):
    """Every call, asked as its description says: never a failure of ours, nor an answer it does not name.

    Nor does one that refuses say again what was sent.
    """
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        app = build(new_web(archive, requests_a_minute=1_000_000))
        with archive.session(actor="owner") as session:
            things = Things(session)
            _, text = session.credentials.issue("owner", name="s", scopes=SCOPES, days=1)
        schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=HOST)
        checks = [not_a_server_error, *(CHECKS.get_one(name) for name in NAMES)]
        few = settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=EXAMPLES < 10,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        answers = Counter()
        failures = []
        every = [result.ok() for result in schema.get_all_operations()]
        for operation in every[part::PARTS]:
            if operation.path.endswith(LINES):
                continue

            @few
            @given(case=operation.as_strategy())
            def run(case):
                things.put_into(case)
                headers = {**HOST, "Authorization": f"Bearer {text}"}
                answer = case.call_and_validate(headers=headers, checks=checks, timeout=PATIENCE)
                answers[answer.status_code] += 1
                assert answer.status_code < 400 or not repeated(case, answer)

            try:
                run()
            except Exception as error:  # one call that fails must not hide the next one
                failures.append(f"{operation.method.upper()} {operation.path}\n{error}"[:3_000])
        assert not failures, "\n\n".join(failures)
        assert answers[200] + answers[201] > len(every) // PARTS // 5, answers
