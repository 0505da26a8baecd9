"""Customer records that stand up as evidence.

    import muniment

    archive = muniment.open("customers/")
    with archive.session(actor="li.na", purpose="ServiceProvision") as s:
        s.create("customer", {"full_name": "Anna Schmidt"}, reason="walk-in")

Names are loaded when they are first used, because a command that prints its
help must not pay for the cryptography of one that opens an archive.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers read it as true; importing typing would be most of the cost
if TYPE_CHECKING:
    from muniment import errors
    from muniment.archive import create, open
    from muniment.hookspecs import hookimpl

__all__ = ["__version__", "create", "errors", "hookimpl", "open"]

__version__ = "0.1.0"

_HOMES = {
    "create": "muniment.archive",
    "hookimpl": "muniment.hookspecs",
    "open": "muniment.archive",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "errors":
        return import_module("muniment.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
