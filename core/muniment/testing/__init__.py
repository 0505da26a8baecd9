"""What tests of muniment and of its plugins need: archives, strategies, and assertions about evidence.

The pytest plugin (entry point ``muniment``) brings the fixtures ``archive`` and
``session``; ``pip install muniment[testing]`` brings pytest and Hypothesis.

    from hypothesis import given
    from muniment.testing import assert_logged, assert_no_plaintext, values_for

    def test_reading_is_written_down(archive, session):
        anna = session.create("customer", {"full_name": "Anna Schmidt"})
        with assert_logged(archive, "record.read", type="customer", count=1):
            session.get(anna.id)
        assert_no_plaintext(archive.folder, ["Anna Schmidt"])

Names are loaded when they are first used: pytest imports this package in every
run of everybody who has muniment installed.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers read it as true; importing typing would be most of the cost
if TYPE_CHECKING:
    from muniment.testing.archives import TickingClock, new_archive, open_again
    from muniment.testing.checks import issues_of
    from muniment.testing.conformance import Finding, assert_conforms, check_plugin
    from muniment.testing.logs import LoggedEntry, assert_logged, log_entries, log_size
    from muniment.testing.plaintext import assert_no_plaintext, forms_of, leaks
    from muniment.testing.store_contract import StoreMaker
    from muniment.testing.strategies import texts_for, values_for

__all__ = [
    "Finding",
    "LoggedEntry",
    "StoreMaker",
    "TickingClock",
    "assert_conforms",
    "assert_logged",
    "assert_no_plaintext",
    "check_plugin",
    "forms_of",
    "issues_of",
    "leaks",
    "log_entries",
    "log_size",
    "new_archive",
    "open_again",
    "texts_for",
    "values_for",
]

_HOMES = {
    "Finding": "conformance",
    "assert_conforms": "conformance",
    "check_plugin": "conformance",
    "LoggedEntry": "logs",
    "StoreMaker": "store_contract",
    "TickingClock": "archives",
    "assert_logged": "logs",
    "assert_no_plaintext": "plaintext",
    "forms_of": "plaintext",
    "issues_of": "checks",
    "leaks": "plaintext",
    "log_entries": "logs",
    "log_size": "logs",
    "new_archive": "archives",
    "open_again": "archives",
    "texts_for": "strategies",
    "values_for": "strategies",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
