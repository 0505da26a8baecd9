"""What a configuration says on consents, requests of persons and scheduled backups; checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import attrs

from muniment.errors import ConfigError
from muniment.model import CLASSES

__all__ = ["BackupPlan", "Consents", "Rights", "read_backup", "read_consents", "read_rights"]


@attrs.frozen
class Consents:
    """What rests on consent.

    Attributes:
        purposes: refused without a consent of the person.
        before_save: keys of record types of which no record is made without a consent or another stated
            legal basis.
        separate: classes of fields that such a purpose needs a separate consent for.
        guardian_below: age in years below which a guardian consents; 0 leaves it to the jurisdictions.
        birth_field: ``type.field`` with the date of birth; empty where nobody's age is known.
        jurisdictions: keys of those whose separate consents and ages hold; plugins bring them.
    """

    purposes: frozenset[str] = frozenset()
    before_save: frozenset[str] = frozenset()
    separate: frozenset[str] = frozenset()
    guardian_below: int = 0
    birth_field: str = ""
    jurisdictions: tuple[str, ...] = ()


@attrs.frozen
class Rights:
    """How requests of persons are answered.

    Attributes:
        law: the law whose clocks run where a request names none.
        holidays: days that are no working days.
        workdays: days of a weekend that are.
        calendar: keys of jurisdictions whose holidays and working days count too; plugins bring them.
        provided: ``type.field`` or ``type.*``: what persons gave themselves, for a portable copy; empty where
            nobody said.
        name_employees: whether a person is told the logins of those who saw their data.
    """

    law: str = "gdpr"
    holidays: frozenset[date] = frozenset()
    name_employees: bool = False
    workdays: frozenset[date] = frozenset()
    calendar: tuple[str, ...] = ()
    provided: frozenset[str] = frozenset()


@attrs.frozen
class BackupPlan:
    """Scheduled backups.

    Attributes:
        to: a folder, or ``s3://bucket/prefix``; empty for none.
        every_hours: a backup is late when the newest one is older.
        keep_daily: so many days of which the newest backup is kept.
        keep_weekly: likewise weeks.
        keep_monthly: likewise months.
    """

    to: str = ""
    every_hours: int = 24
    keep_daily: int = 7
    keep_weekly: int = 5
    keep_monthly: int = 12


def _wrong(where: str, key: str, known: str) -> ConfigError:
    return ConfigError("config.value", where=f"{where}: {key}", known=known)


def _names(table: Mapping[str, Any], key: str, where: str) -> frozenset[str]:
    found: Collection[object] = table.get(key, ())
    if not all(isinstance(one, str) for one in found):
        raise ConfigError("config.type", where=f"{where}: {key}", wanted="a list of texts")
    return frozenset(map(str, found))


def read_consents(table: Mapping[str, Any], where: str) -> Consents:
    """The table ``[consent]``.

    Args:
        table: as read; its members have the types that they must have.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.type`` or ``config.value``.
    """
    where = f"{where}: consent"
    made = Consents(
        _names(table, "purposes", where),
        _names(table, "before_save", where),
        _names(table, "separate", where),
        table.get("guardian_below", 0),
        table.get("birth_field", ""),
        tuple(sorted(_names(table, "jurisdictions", where))),
    )
    if not made.separate <= set(CLASSES):
        raise _wrong(where, "separate", ", ".join(CLASSES))
    if not 0 <= made.guardian_below <= 100:
        raise _wrong(where, "guardian_below", "0..100")
    if made.birth_field and made.birth_field.count(".") != 1:
        raise _wrong(where, "birth_field", "customer.birthday")
    return made


def read_rights(table: Mapping[str, Any], where: str, *, region: str = "") -> Rights:
    """The table ``[rights]``.

    Args:
        table: as it was read.
        where: the file, for messages.
        region: of the archive, ISO 3166-1; whose clock runs where the table names no law.

    Raises:
        ConfigError: ``config.type`` or ``config.value``.
    """
    from muniment.subjects.clocks import AT_HOME, LAWS

    where = f"{where}: rights"
    law = table.get("law", AT_HOME.get(region, "gdpr"))
    if law not in LAWS:
        raise _wrong(where, "law", ", ".join(LAWS))
    provided = _names(table, "provided", where)
    if not all(one.count(".") == 1 and all(one.split(".")) for one in provided):
        raise _wrong(where, "provided", "customer.full_name, customer.*")
    told = table.get("employees", "hidden")
    if told not in ("hidden", "named"):
        raise _wrong(where, "employees", "hidden, named")
    return Rights(
        law,
        _days(table, "holidays", where),
        told == "named",
        _days(table, "workdays", where),
        tuple(sorted(_names(table, "calendar", where))),
        provided,
    )


def _days(table: Mapping[str, Any], key: str, where: str) -> frozenset[date]:
    try:
        return frozenset(date.fromisoformat(one) for one in _names(table, key, where))
    except ValueError:
        raise _wrong(where, key, "2026-01-01") from None


def read_backup(table: Mapping[str, Any], where: str) -> BackupPlan:
    """The table ``[backup]``.

    Raises:
        ConfigError: ``config.value``.
    """
    made = BackupPlan(**table)
    kept = (made.keep_daily, made.keep_weekly, made.keep_monthly)
    if made.every_hours < 1 or min(kept) < 0 or (made.to and not any(kept)):
        raise _wrong(where, "backup", "every_hours 1.., keep_daily, keep_weekly, keep_monthly 0..")
    return made
