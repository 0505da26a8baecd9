"""An archive with customers of two salespeople, and roles that a test chooses."""

from __future__ import annotations

from contextlib import contextmanager

import attrs
import pytest

from muniment.policy import BUILTIN_ROLES, Policy
from muniment.session import Change
from muniment.testing import new_archive

CALL = {"channel": "phone", "occurred_at": "2026-01-02T10:00:00+01:00"}


@attrs.frozen
class Shop:
    """The archive and who is who in it."""

    archive: object
    li: str
    anna: object
    bert: object
    call: object

    def roles(self, *roles):
        """Let these roles hold, beside the core's."""
        engine = self.archive.engine
        engine.policy = Policy({**BUILTIN_ROLES, **{role.key: role for role in roles}})
        engine.plans.clear()
        engine.reaches.clear()

    @contextmanager
    def acting(self, login, *roles, purpose="CustomerManagement"):
        """A session of somebody who has just these roles from now on."""
        self.roles(*roles)
        with self.archive.session(actor="owner", purpose="CustomerManagement") as session:
            engine = self.archive.engine
            user = engine.definitions.users[login]
            change = Change("update", record=user.record, values={"roles": [role.key for role in roles]})
            session.write([change])
        with self.archive.session(actor=login, purpose=purpose) as session:
            yield session


@pytest.fixture
def shop(tmp_path):
    with new_archive(tmp_path / "archive", templates=["customer-info", "interaction-log"]) as archive:
        with archive.session(actor="owner", purpose="CustomerManagement") as session:
            users = [
                session.create(
                    "user", {"login": login, "roles": ["reader"], "attributes": [f"region={region}"]}
                )
                for login, region in (("li", "north"), ("wu", "south"))
            ]
            anna = session.create(
                "customer",
                {
                    "customer_number": "C-1", "full_name": "Anna Schmidt", "phone": "030 1234567",
                    "region": "north", "account_owner": users[0].id,
                },
            )  # fmt: skip
            bert = session.create(
                "customer",
                {
                    "customer_number": "C-2", "full_name": "Bert Blau", "phone": "030 7654321",
                    "region": "south", "account_owner": users[1].id,
                },
            )  # fmt: skip
            call = session.create("interaction", {**CALL, "customer": bert.id})
        yield Shop(archive, users[0].id, anna, bert, call)
