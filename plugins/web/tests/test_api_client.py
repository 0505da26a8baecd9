"""A client that another program made of the description works against an archive that is served."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from muniment.model import SCOPES
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.testing import ANNA, new_web, served

CONFIG = {
    # A file is bytes to a client, whatever it holds.
    "content_type_overrides": {
        "application/zip": "application/octet-stream",
        "application/x-ndjson": "application/octet-stream",
        "text/calendar": "application/octet-stream",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "application/octet-stream",
    },
    "post_hooks": [],
}


class Client:
    """The generated package, and a client of it that is signed in with a token."""

    def __init__(self, name: str, base: str, token: str):
        self.name = name
        self.made = self.module("client").AuthenticatedClient(
            base_url=f"{base}/api/v1", token=token, raise_on_unexpected_status=True
        )

    def module(self, path: str) -> ModuleType:
        return importlib.import_module(f"{self.name}.{path}")

    def model(self, name: str, module: str, **values: Any) -> Any:
        return getattr(self.module(f"models.{module}"), name).from_dict(values)

    def ask(self, call: str, *path: Any, **more: Any) -> Any:
        """The answer with its status and headers."""
        return self.module(f"api.{call}").sync_detailed(*path, client=self.made, **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An archive of its own, whose lists hold what the client made."""
    with new_archive(tmp_path_factory.mktemp("client") / "customers") as archive:
        yield archive


@pytest.fixture(scope="module")
def client(tmp_path_factory, made):
    """A client made of the description, against the archive that is served."""
    web, tmp_path = new_web(made), tmp_path_factory.mktemp("generated")
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(build(web).state.api.openapi()), encoding="utf-8")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG), encoding="utf-8")
    name = "muniment_client"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document)]
    command += ["--config", str(config), "--meta", "none", "--output-path", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    sys.path.insert(0, str(tmp_path))
    with made.session(actor="owner") as session:
        _, text = session.credentials.issue("owner", name="client", scopes=SCOPES, days=1)
    with served(web) as base:
        one = Client(name, base, text)
        with one.made:
            yield one
    sys.path.remove(str(tmp_path))
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.mark.slow
def test_a_generated_client_does_a_days_work(client):
    """Made, read, changed by the version that was seen, listed by pages, found in the log, with a consent."""
    fields = {**ANNA, "customer_number": f"G-{id(client)}"}
    made = client.ask(
        "records.create_record", "customer", body=client.model("Change", "change", fields=fields)
    )
    assert (201, 1) == (made.status_code, made.parsed.version)
    record = made.parsed.id
    found = client.ask("records.get_record", "customer", record)
    assert "030 1234567" == found.parsed.fields["phone"]
    change = client.model("Change", "change", fields={"city": "Bonn"}, reason="moved")
    saved = client.ask(
        "records.update_record", "customer", record, body=change, if_match=found.headers["etag"]
    )
    assert 2 == saved.parsed.version
    late = client.ask(
        "records.update_record", "customer", record, body=change, if_match=found.headers["etag"]
    )
    assert (412, "conflict.version") == (late.status_code, late.parsed.code)
    client.ask(
        "records.create_record",
        "customer",
        body=client.model("Change", "change", fields={"full_name": "Second"}),
    )
    seen, after = [], None
    for _ in range(1_000):
        asked = client.model(
            "ListRequest", "list_request", limit=1, **({} if after is None else {"after": after})
        )
        page = client.ask("records.list_records", "customer", body=asked).parsed
        seen += [each.id for each in page.records]
        after = page.after
        if after is None:
            break
    assert len(seen) == len(set(seen)) >= 2
    assert record in seen
    entries = client.ask("log.list_entries", about=record, kind=["record.update"]).parsed.entries
    assert ["record.update"] == [each.kind for each in entries]
    proof = client.ask("log.prove_entry", entries[0].index)
    assert 200 == proof.status_code
    consent = client.model("ConsentRequest", "consent_request", purpose="Marketing", method="paper")
    assert 201 == client.ask("persons.give_consent", "customer", record, body=consent).status_code
    (held,) = client.ask("persons.list_consents", "customer", record).parsed.consents
    assert held.holds
    refused = client.ask("records.create_record", "nothing", body=change)
    assert (404, "schema.unknown_type") == (refused.status_code, refused.parsed.code)


@pytest.mark.slow
def test_nothing_of_the_description_is_left_out_of_a_client(client, made):
    """Every call has its module: a form that generators do not understand is one that nobody can use."""
    document = build(new_web(made)).state.api.openapi()
    for verbs in document["paths"].values():
        for one in verbs.values():
            assert client.module(f"api.{one['tags'][0].replace('-', '_')}.{one['operationId']}")
