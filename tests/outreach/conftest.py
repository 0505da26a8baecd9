"""A company with the roles of the templates and a person in each; made once, copied for each test."""

from __future__ import annotations

import shutil

import pytest
import tomlkit

from muniment.archive.editing import edit_configuration
from muniment.model import id_text
from muniment.schema.template_roles import fitted_role
from muniment.session import Change
from muniment.testing import new_archive, open_again
from muniment.testing.archives import key_file_of

PEOPLE = {
    "li.na": "account_manager",
    "tom": "account_manager",
    "chen": "sales_supervisor",
    "amy": "assistant",
    "zhao": "service",
    "eva": "finance",
}


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """The folder of the company that tests copy."""
    folder = tmp_path_factory.mktemp("company") / "archive"
    with new_archive(
        folder, templates=["account-manager"], timezone="Asia/Shanghai", currency="CNY"
    ) as archive:
        owner = archive.session(actor="owner", purpose="CustomerManagement")

        def roles(document):
            table = document.setdefault("roles", tomlkit.table(is_super_table=True))
            for key in sorted(set(PEOPLE.values())):
                table[key] = fitted_role(key, archive.engine.definitions.types)

        edit_configuration(archive, owner, roles, reason="roles")
        users = [
            {"login": login, "display_name": login.title(), "roles": [role], "state": "active"}
            for login, role in PEOPLE.items()
        ]
        owner.write([Change("create", "user", values=one) for one in users])
    return folder


@pytest.fixture
def archive(made_once, tmp_path):
    """The company."""
    folder = tmp_path / "archive"
    shutil.copytree(made_once, folder)
    shutil.copy(key_file_of(made_once), key_file_of(folder))
    with open_again(folder) as opened:
        yield opened


@pytest.fixture
def people(archive):
    """Gives a session of somebody, by login."""
    return lambda login, **more: archive.session(**{"actor": login, "purpose": "CustomerManagement", **more})


@pytest.fixture
def session(people):
    """The owner's."""
    return people("owner")


@pytest.fixture
def configure(archive, session):
    """Changes the configuration as ``config apply`` does, from a function over the document."""
    return lambda edit: edit_configuration(archive, session, edit, reason="test")


@pytest.fixture
def user(archive):
    """The identifier of a user's record, by login."""
    return lambda login: id_text(archive.engine.definitions.users[login].record)
