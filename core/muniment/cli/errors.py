"""The one place where an error becomes an exit code and a line, or a JSON document."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from muniment import errors
from muniment.cli.invocation import Invocation
from muniment.errors import MunimentError, UsageError

__all__ = ["BROKEN_PIPE", "EXIT_CODES", "INTERRUPTED", "exit_code", "problem", "show"]

EXIT_CODES: Final[Mapping[int, tuple[str, str]]] = {
    0: ("done", "完成"),
    1: ("another failure", "其他失败"),
    2: ("usage", "用法错误"),
    3: ("integrity broken", "完整性受损"),
    4: ("denied or held", "被拒绝或被保留"),
    5: ("conflict", "冲突"),
    6: ("values refused, or an import with rejects", "值未通过校验，或导入有被拒行"),
    7: ("plugin", "插件"),
    8: ("waits for approval", "等待批准"),
}
"""What the process's exit code says, in English and Chinese."""

INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

# The first class that fits counts; with the HTTP status that says the same.
_CLASSES: Final[tuple[tuple[type[MunimentError], int, int], ...]] = (
    (errors.UsageError, 2, 400),
    (errors.IntegrityError, 3, 500),
    (errors.AccessDenied, 4, 403),
    (errors.Conflict, 5, 409),
    (errors.Invalid, 6, 422),
    (errors.PluginError, 7, 500),
    (errors.ApprovalNeeded, 8, 202),
    (errors.NotFound, 1, 404),
    (errors.ConfigError, 1, 400),
    (errors.StoreError, 1, 503),
    (errors.KeyStoreError, 1, 503),
    (errors.LogError, 1, 503),
)
_CODES: Final[Mapping[str, int]] = {
    # A name that is not there is a mistake of the caller's.
    "schema.unknown": 2,
    "schema.unknown_near": 2,
    "schema.unknown_type": 2,
    "schema.unknown_field": 2,
    "config.missing": 2,
    # What was stored is not what was stored, wherever that was noticed.
    "store.corrupt": 3,
    "store.not_a_database": 3,
    "key.store_damaged": 3,
    "log.mac": 3,
}


def exit_code(error: BaseException) -> int:
    """The exit code for an error."""
    if isinstance(error, MunimentError):
        found = next((code for kind, code, _ in _CLASSES if isinstance(error, kind)), 1)
        return _CODES.get(error.code, found)
    if isinstance(error, click.ClickException):
        return 2
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return INTERRUPTED
    return 1


def _of_click(error: click.ClickException) -> MunimentError:
    """An error of the command line's own reading as one of ours; what was typed is not repeated."""
    param = getattr(error, "param", None)
    name = _name_of(param)
    if isinstance(error, click.MissingParameter):
        return UsageError("cli.missing", name=name)
    if isinstance(error, click.NoSuchOption):
        near = ", ".join(error.possibilities or ())
        return UsageError(
            "cli.no_option_near" if near else "cli.no_option", name=error.option_name, near=near
        )
    if isinstance(error, click.BadOptionUsage):
        return UsageError("cli.option_value", name=error.option_name)
    if isinstance(error, click.BadParameter):
        kind = getattr(param, "type", None)
        if isinstance(kind, click.Choice):
            return UsageError("cli.choice", name=name, known=", ".join(map(str, kind.choices)))
        return UsageError("cli.bad_value", name=name)
    return UsageError("cli.arguments")


def _name_of(param: click.Parameter | None) -> str:
    if param is None:
        return "?"
    if isinstance(param, click.Argument):
        return (param.metavar or param.human_readable_name).upper()
    return max(param.opts, key=len)


def _unexpected(error: BaseException) -> MunimentError:
    """An exception that nobody foresaw: its type and place, never its message, which may hold a value."""
    if isinstance(error, OSError) and error.strerror:
        where = None if error.filename is None else os.fsdecode(error.filename)
        return errors.StoreError("cli.system", where=where, problem=error.strerror)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = "?" if trace is None else os.path.basename(trace.tb_frame.f_code.co_filename)
    line = 0 if trace is None else trace.tb_lineno
    return errors.StoreError("cli.unexpected", name=type(error).__name__, file=file, line=line)


def _ours(error: BaseException) -> MunimentError:
    if isinstance(error, MunimentError):
        return error
    if isinstance(error, click.ClickException):
        return _of_click(error)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return errors.StoreError("cli.stopped")
    return _unexpected(error)


def problem(error: MunimentError, lang: str) -> dict[str, Any]:
    """An error as the members of RFC 9457, with our code, place and issues.

    Args:
        error: any of ours.
        lang: of the sentences.
    """
    what = errors.text_of(error.code, lang, where=error.where, **error.parameters)[0]
    status = next((status for kind, _, status in _CLASSES if isinstance(error, kind)), 500)
    document: dict[str, Any] = {
        "type": f"urn:muniment:error:{error.code}",
        "title": what,
        "status": status,
        "detail": error.text(lang),
        "code": error.code,
    }
    if error.where is not None:
        document["where"] = error.where
    if isinstance(error, errors.ApprovalNeeded):
        # What waits is asked for by these.
        document |= {
            name: error.parameters[name] for name in ("proposal", "number") if name in error.parameters
        }
    if isinstance(error, errors.Conflict) and "records" in error.parameters:
        document["records"] = error.parameters["records"]
    if isinstance(error, errors.Invalid):
        document["issues"] = [
            {"field": one.field, "code": one.code, "severity": one.severity, "detail": one.text(lang)}
            for one in error.issues
        ]
    return document


def show(error: BaseException, call: Invocation) -> int:
    """Tell an error: one line on standard error, or with ``--json`` one document on standard output.

    Returns:
        The exit code.
    """
    from muniment.cli.output import emit, one_line

    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    if os.environ.get("MUNIMENT_DEBUG") == "1":
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    ours = _ours(error)
    if call.json:
        emit(problem(ours, call.language))
    else:
        click.echo(one_line(ours.text(call.language)), err=True)
    return exit_code(error)
