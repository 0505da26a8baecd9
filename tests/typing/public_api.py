"""Uses the public API as a user would; never run, only read by the type checker (``make check``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import assert_type

import muniment
from muniment.archive import Archive
from muniment.errors import Issue, MunimentError
from muniment.plugins import HookContext, PluginInfo, PluginSet, RecordState


def keep(folder: Path) -> None:
    with (
        muniment.open(folder) as archive,
        archive.session(actor="li.na", purpose="ServiceProvision") as session,
    ):
        assert_type(archive, Archive)
        anna = session.create("customer", {"full_name": "Anna Schmidt"}, reason="walk-in")
        session.update(anna.id, {"phone": "030 7654321"}, expected_version=1, reason="caller asked")
        session.get(anna.id, fields=["full_name"])
        session.list("customer", where={"phone": "+49 30 7654321"})
        session.search("customer", "schmidt")
        session.history(anna.id)
        session.diff(anna.id, 1, 2)
        session.get(anna.id, as_of="2026-01-01T00:00:00Z")
        session.checkpoint()
    archive.log.verify()


def say(error: MunimentError) -> str:
    assert_type(error.code, str)
    return error.text("zh")


@muniment.hookimpl
def muniment_plugin_info() -> PluginInfo:
    return PluginInfo("clinic", ">=1,<2", messages={"clinic.ward": {"en": "No ward.", "zh": "没有病房。"}})


@muniment.hookimpl
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Iterable[Issue]:
    assert_type(context.actor, str)
    return [] if record.version or "ward" in changes else [Issue("clinic.ward", "ward")]


def ask(plugins: PluginSet, record: RecordState, context: HookContext) -> tuple[Issue, ...]:
    return plugins.validate(record, {}, context)
