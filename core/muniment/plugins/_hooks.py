"""What a plugin implements, checked against the hooks' signatures."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

import pluggy

from muniment import hookspecs
from muniment.errors import PluginError
from muniment.plugins._calls import Call

__all__ = ["implementations"]


def implementations(name: str, target: object) -> dict[str, Call]:
    """The hooks that a plugin implements.

    Args:
        name: the plugin's name.
        target: the module or object that its entry point names.

    Returns:
        A call for each hook, by the hook's name.

    Raises:
        PluginError: ``plugin.unknown_hook``, ``plugin.hook_arguments``,
            ``plugin.hook_unmarked`` or ``plugin.hook_wrapper``; each names the
            file and line of the function.
    """
    manager = pluggy.PluginManager("muniment")
    manager.add_hookspecs(hookspecs)
    promised = {
        caller.name: tuple(caller.spec.argnames)
        for caller in vars(manager.hook).values()
        if isinstance(caller, pluggy.HookCaller) and caller.spec
    }
    calls: dict[str, Call] = {}
    for hook in dir(target):
        options = manager.parse_hookimpl_opts(target, hook)
        if options is None:
            _check_unmarked(name, target, hook)
            continue
        implementation = pluggy.HookImpl(target, name, getattr(target, hook), options)
        if hook in promised or not implementation.optionalhook:
            calls[hook] = _checked_call(name, hook, implementation, promised)
    return calls


def _check_unmarked(name: str, target: object, attribute: str) -> None:
    # The mark is easily forgotten, and a check that is never asked looks like one that finds nothing.
    function = inspect.getattr_static(target, attribute)
    if attribute.startswith("muniment_") and inspect.isfunction(function):
        raise PluginError("plugin.hook_unmarked", name=name, hook=attribute, **_place(function))


def _checked_call(
    name: str, hook: str, implementation: pluggy.HookImpl, promised: Mapping[str, tuple[str, ...]]
) -> Call:
    place = _place(implementation.function)
    if hook not in promised:
        near = difflib.get_close_matches(hook, promised, n=1, cutoff=0.0)[0]
        raise PluginError("plugin.unknown_hook", name=name, hook=hook, near=near, **place)
    if implementation.wrapper or implementation.hookwrapper:
        raise PluginError("plugin.hook_wrapper", name=name, hook=hook, **place)
    expected = promised[hook]
    wrong = ", ".join(given for given in implementation.argnames if given not in expected)
    if wrong:
        listed = ", ".join(expected) or "none"
        raise PluginError(
            "plugin.hook_arguments", name=name, hook=hook, wrong=wrong, expected=listed, **place
        )
    return Call(implementation.function, tuple(map(expected.index, implementation.argnames)))


def _place(function: Any) -> dict[str, Any]:
    code = inspect.unwrap(function).__code__
    return {"file": code.co_filename, "line": code.co_firstlineno}
