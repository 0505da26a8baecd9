"""``muniment.toml``: what people edit, checked; the archive goes on under what was applied.

The file says what is wanted. ``config apply`` puts its text into the archive as
a version, with a reason, and only then it holds; so which rules held on a day
has an answer, and a changed file changes nothing by itself. Two things are read
from the file alone, since they are needed before the archive can be opened: the
archive's identifier and the log's origin and verifier key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

import attrs

from muniment.alerts.posting import Networks, read_networks
from muniment.alerts.settings import AlertSettings, read_alerts
from muniment.changes.rules import Approvals, parse_approvals
from muniment.errors import ConfigError, UsageError
from muniment.inbox.settings import InboxSettings, read_inbox
from muniment.model import id_bytes, zone_named
from muniment.outreach.settings import KEYS as MAIL_KEYS
from muniment.outreach.settings import QUALITY_KEYS, MailSettings, QualityPlan, read_mail, read_quality
from muniment.retention.settings import Retention, read_retention
from muniment.subjects.clocks import AT_HOME
from muniment.subjects.rules import BackupPlan, Consents, Rights, read_backup, read_consents, read_rights

if TYPE_CHECKING:
    from muniment.policy import BreakGlass, Role

__all__ = ["FILE_NAME", "Configuration", "digest_of", "parse", "read", "starting_text"]

FILE_NAME: Final = "muniment.toml"
_FORMAT: Final = 1

_KNOWN: Final[Mapping[str, Mapping[str, type | tuple[type, ...]]]] = {
    "archive": {"format": int, "id": str, "name": str, "origin": str, "verifier_key": str},
    "defaults": {
        "actor": str,
        "purpose": str,
        "language": str,
        "region": str,
        "timezone": str,
        "currency": str,
        "date_order": str,
    },
    "purposes": {"allowed": list},
    "plugins": {"enabled": list, "plugins_dir": str, "settings": dict},
    "index": {"rows": int, "epoch": int},
    "witness": {
        "known": list,
        "quorum": int,
        "checkpointed": list,
        "witnessed": list,
        "timestamps": str,
        "timestamp_roots": str,
    },
    "alerts": {
        "rules": dict,
        "assigned": list,
        "vip": list,
        "employee": list,
        "closed": list,
        "born": list,
        "name": list,
        "address": list,
        "allowed": list,
        "team": str,
        "hours": dict,
        "least": str,
        "webhook": str,
        "mail_to": str,
        "mail_from": str,
    },
    "webhooks": {"allow": list},
    "mail": MAIL_KEYS,
    "quality": QUALITY_KEYS,
    "approvals": {"expire_days": int, "draft_days": int, "rule": list},
    "consent": {
        "purposes": list,
        "before_save": list,
        "separate": list,
        "guardian_below": int,
        "birth_field": str,
        "jurisdictions": list,
    },
    "rights": {
        "law": str,
        "holidays": list,
        "workdays": list,
        "calendar": list,
        "provided": list,
        "employees": str,
    },
    "inbox": {
        "type": str,
        "fields": dict,
        "set": dict,
        "person": str,
        "person_fields": dict,
        "own": list,
        "keep_days": int,
        "imap": dict,
    },
    "retention": {
        "accepted_by": str,
        "jurisdictions": list,
        "jurisdiction_field": str,
        "fiscal_year_end": int,
        "rule": list,
    },
    "backup": {
        "to": str,
        "every_hours": int,
        "keep_daily": int,
        "keep_weekly": int,
        "keep_monthly": int,
    },
}
_READ_APART: Final = ("roles", "break_glass")
"""Tables that ``muniment.roles`` reads."""


VOUCHED_ACTIONS: Final = frozenset({"record.export", "subject.erase", "break_glass.begin"})
"""Actions whose entry can be waited for to be signed or witnessed before anything is released."""


@attrs.frozen
class WitnessPolicy:
    """Who vouches for the log from outside, and for which acts that is waited for.

    Attributes:
        known: witnesses as ``VKEY URL [from DAY] [until DAY]``.
        quorum: so many of them have to vouch.
        checkpointed: actions whose entry is signed before anything is released.
        witnessed: actions whose entry a quorum of witnesses vouches for before anything is released.
        timestamps: address of a timestamp authority (RFC 3161); empty for none.
        timestamp_roots: the authority's root certificates, a PEM file relative to the archive's folder.
    """

    known: tuple[str, ...] = ()
    quorum: int = 1
    checkpointed: tuple[str, ...] = ()
    witnessed: tuple[str, ...] = ()
    timestamps: str = ""
    timestamp_roots: str = ""


@attrs.frozen
class Configuration:
    """One configuration of an archive.

    Attributes:
        text: the TOML it was read from.
        archive: the archive's identifier, 16 bytes.
        name: what people call the archive.
        origin: the log's origin without shard and generation.
        verifier_key: checks the log's checkpoints; empty before the first start.
        actor: who acts where nobody is named.
        purpose: why, where no purpose is given.
        language: ``en`` or ``zh``.
        region: two letters, ISO 3166-1, for phone numbers without a country.
        timezone: IANA name; where the archive's days begin, and of times without a zone.
        currency: ISO 4217, for amounts without one.
        date_order: ``dmy``, ``mdy`` or empty.
        purposes: what may be given; empty for any.
        plugins: names of the enabled plugins.
        plugins_dir: the folder of the archive's own plugins, relative to the archive's; empty for none.
        plugin_settings: what is set about enabled plugins, by name; each plugin says what it takes.
        index_rows: for how many records of a type the indexes are laid out.
        index_epoch: raised when they are laid out anew.
        witness: who vouches for the log, and for what that is waited for.
        alerts: what alert rules know besides the log, and where alerts are sent.
        webhook_networks: networks that webhooks may reach though they are not public.
        approvals: what needs a second person.
        consent: what rests on consent.
        rights: how requests of persons are answered.
        inbox: how mail comes in.
        retention: how retention is applied, and the team's own rules.
        backup: scheduled backups.
        mail: how letters and reminders are sent.
        quality: which data is checked on a schedule.
        roles: the archive's own roles.
        break_glass: what emergency access allows; None as usual.
    """

    text: str
    archive: bytes
    name: str = ""
    origin: str = ""
    verifier_key: str = ""
    actor: str = ""
    purpose: str = ""
    language: str = "en"
    region: str = ""
    timezone: str = "UTC"
    currency: str = ""
    date_order: str = ""
    purposes: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    plugins_dir: str = ""
    index_rows: int = 10_000
    index_epoch: int = 1
    witness: WitnessPolicy = attrs.field(factory=lambda: WitnessPolicy())
    alerts: AlertSettings = attrs.field(factory=AlertSettings, kw_only=True)
    webhook_networks: Networks = attrs.field(default=(), kw_only=True)
    approvals: Approvals = attrs.field(factory=Approvals)
    consent: Consents = attrs.field(factory=Consents)
    rights: Rights = attrs.field(factory=Rights)
    backup: BackupPlan = attrs.field(factory=BackupPlan)
    roles: tuple[Role, ...] = ()
    break_glass: BreakGlass | None = None
    inbox: InboxSettings = attrs.field(factory=InboxSettings, kw_only=True)
    retention: Retention = attrs.field(factory=Retention, kw_only=True)
    mail: MailSettings = attrs.field(factory=MailSettings, kw_only=True)
    quality: QualityPlan = attrs.field(factory=QualityPlan, kw_only=True)
    plugin_settings: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, kw_only=True)


def digest_of(text: str) -> str:
    """Hex of SHA-256 over the text as a record keeps it, without spaces around it; the log names it so."""
    kept = normalize("NFC", text.replace("\r\n", "\n").strip())
    return sha256(kept.encode("utf-8")).hexdigest()


def read(folder: Path) -> Configuration:
    """The configuration in an archive's folder.

    Raises:
        ConfigError: ``config.missing``, or as ``parse``.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError("config.missing", where=str(path)) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigError("config.unreadable", where=str(path)) from None
    return parse(text, where=str(path))


def parse(text: str, *, where: str) -> Configuration:
    """Check a configuration.

    Args:
        text: TOML.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.syntax``, ``config.unknown``, ``config.type`` or ``config.value``,
            with the place.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config.syntax", where=where, detail=str(error)) from None
    tables = _checked(document, where)
    archive, defaults = tables["archive"], tables["defaults"]
    if archive.get("format") != _FORMAT:
        raise ConfigError("config.format", where=where, known=_FORMAT)
    if "id" not in archive:
        raise ConfigError("config.no_id", where=where)
    made = Configuration(
        text,
        id_bytes(archive["id"]),
        archive.get("name", ""),
        archive.get("origin") or f"muniment/{archive['id']}",
        archive.get("verifier_key", ""),
        defaults.get("actor", ""),
        defaults.get("purpose", ""),
        defaults.get("language", "en"),
        defaults.get("region", "").upper(),
        defaults.get("timezone") or "UTC",
        defaults.get("currency", "").upper(),
        defaults.get("date_order", ""),
        _strings(tables["purposes"].get("allowed", []), f"{where}: purposes.allowed"),
        _strings(tables["plugins"].get("enabled", []), f"{where}: plugins.enabled"),
        tables["plugins"].get("plugins_dir", ""),
        tables["index"].get("rows", 10_000),
        tables["index"].get("epoch", 1),
        _witness(tables["witness"], where),
        parse_approvals(tables["approvals"], where=where),
        read_consents(tables["consent"], where),
        read_rights(tables["rights"], where, region=defaults.get("region", "").upper()),
        read_backup(tables["backup"], where),
        *_rights(document, where),
        alerts=read_alerts(tables["alerts"], where),
        webhook_networks=_networks(tables["webhooks"], where),
        inbox=read_inbox(tables["inbox"], where),
        retention=read_retention(tables["retention"], where),
        mail=read_mail(tables["mail"], where),
        quality=read_quality(tables["quality"], where),
        plugin_settings=_plugin_settings(tables["plugins"], where),
    )
    _check_values(made, where)
    return made


def _plugin_settings(table: Mapping[str, Any], where: str) -> Mapping[str, Mapping[str, Any]]:
    """What is set about plugins; of one that is not enabled it would be set for nobody."""
    found: Mapping[str, Any] = table.get("settings", {})
    for name, values in found.items():
        place = f"{where}: plugins.settings.{name}"
        if name not in table.get("enabled", []):
            raise ConfigError("config.unknown", where=place, known=", ".join(table.get("enabled", [])) or "-")
        if not isinstance(values, dict):
            raise ConfigError("config.type", where=place, wanted="a table")
    return found


def _networks(table: Mapping[str, Any], where: str) -> Networks:
    place = f"{where}: webhooks.allow"
    try:
        return read_networks(_strings(table.get("allow", []), place))
    except ValueError:
        raise ConfigError("config.value", where=place, known="10.0.0.0/8") from None


def _witness(table: Mapping[str, Any], where: str) -> WitnessPolicy:
    from muniment.evidence.asking import parse_known

    lists = {
        key: _strings(table.get(key, []), f"{where}: witness.{key}")
        for key in ("known", "checkpointed", "witnessed")
    }
    for text in lists["known"]:
        try:
            parse_known(text)
        except UsageError:
            raise ConfigError(
                "config.value",
                where=f"{where}: witness.known",
                known="name+hash+key https://... [from DAY] [until DAY]",
            ) from None
    quorum = table.get("quorum", 1)
    if not 1 <= quorum <= max(len(lists["known"]), 1):
        raise ConfigError("config.value", where=f"{where}: witness.quorum", known=f"1..{len(lists['known'])}")
    for key in ("checkpointed", "witnessed"):
        if not set(lists[key]) <= VOUCHED_ACTIONS:
            known = ", ".join(sorted(VOUCHED_ACTIONS))
            raise ConfigError("config.value", where=f"{where}: witness.{key}", known=known)
    timestamps = table.get("timestamps", "")
    if timestamps and not timestamps.startswith(("https://", "http://")):
        raise ConfigError("config.value", where=f"{where}: witness.timestamps", known="https://...")
    return WitnessPolicy(
        lists["known"],
        quorum,
        lists["checkpointed"],
        lists["witnessed"],
        timestamps,
        table.get("timestamp_roots", ""),
    )


def _rights(document: Mapping[str, Any], where: str) -> tuple[tuple[Role, ...], BreakGlass | None]:
    """What the file says of roles and emergency access."""
    if not any(name in document for name in _READ_APART):
        return (), None
    # Most commands need no more than the language and the purpose.
    from muniment.roles import read_break_glass, read_roles

    glass = document.get("break_glass")
    return (
        read_roles(document.get("roles", {}), where=where),
        None if glass is None else read_break_glass(glass, where=where),
    )


def _checked(document: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    for table, content in document.items():
        if table in _READ_APART:
            continue
        if table not in _KNOWN:
            known = ", ".join((*_KNOWN, *_READ_APART))
            raise ConfigError("config.unknown", where=f"{where}: {table}", known=known)
        if not isinstance(content, dict):
            raise ConfigError("config.type", where=f"{where}: {table}", wanted="a table")
        for key, value in content.items():
            expected = _KNOWN[table].get(key)
            if expected is None:
                raise ConfigError(
                    "config.unknown", where=f"{where}: {table}.{key}", known=", ".join(_KNOWN[table])
                )
            if not isinstance(value, expected) or isinstance(value, bool):
                raise ConfigError("config.type", where=f"{where}: {table}.{key}", wanted=_WORDS[expected])
    return {table: document.get(table, {}) for table in _KNOWN}


_WORDS: Final[Mapping[Any, str]] = {
    str: "text",
    int: "a whole number",
    list: "a list of texts",
    dict: "a table",
}


def _strings(value: list[Any], where: str) -> tuple[str, ...]:
    if not all(isinstance(one, str) for one in value):
        raise ConfigError("config.type", where=where, wanted="a list of texts")
    return tuple(value)


def _check_values(made: Configuration, where: str) -> None:
    for key, value, allowed in (
        ("defaults.language", made.language, ("en", "zh")),
        ("defaults.date_order", made.date_order, ("", "dmy", "mdy")),
    ):
        if value not in allowed:
            known = ", ".join(one or '""' for one in allowed)
            raise ConfigError("config.value", where=f"{where}: {key}", known=known)
    if len(made.region) not in (0, 2) or len(made.currency) not in (0, 3):
        key = "defaults.region" if len(made.region) not in (0, 2) else "defaults.currency"
        raise ConfigError("config.value", where=f"{where}: {key}", known="CN, DE / CNY, EUR")
    zone_named(made.timezone, f"{where}: defaults.timezone")
    if Path(made.plugins_dir).is_absolute():
        raise ConfigError(
            "config.value", where=f"{where}: plugins.plugins_dir", known='"plugins", "../plugins"'
        )
    if not 8 <= made.index_rows <= 10**12 or not 1 <= made.index_epoch < 2**32:
        raise ConfigError("config.value", where=f"{where}: index", known="rows 8..10^12, epoch 1..2^32")


def starting_text(
    *,
    identifier: str,
    name: str = "",
    origin: str = "",
    verifier_key: str = "",
    language: str = "en",
    region: str = "",
    timezone: str = "UTC",
    currency: str = "",
    purpose: str = "CustomerManagement",
    plugins: tuple[str, ...] = (),
) -> str:
    """The text of a new archive's ``muniment.toml``, with comments for whoever edits it."""
    enabled = ", ".join(_quoted(one) for one in plugins)
    law = AT_HOME.get(region, "gdpr")
    return f"""\
# What this archive is and how it is used. Edit it, then run `muniment config diff`
# and `muniment config apply --reason ...`: only what was applied holds.
# 本文件说明该档案库的用法。修改后请运行 config diff 与 config apply --reason：仅已应用的内容生效。

[archive]
format = {_FORMAT}
id = {_quoted(identifier)}
name = {_quoted(name)}
origin = {_quoted(origin or "muniment/" + identifier)}
# Checks this log's checkpoints; hand it to your auditor. 请将此验证密钥交给审计人员。
verifier_key = {_quoted(verifier_key)}

[defaults]
actor = "owner"
purpose = {_quoted(purpose)}
language = {_quoted(language)}
# Two letters, such as "CN": the country of phone numbers that name none. 电话未写国家代码时的默认国家。
region = {_quoted(region)}
timezone = {_quoted(timezone)}
currency = {_quoted(currency)}
# "dmy" or "mdy" if 03/04/2026 is always meant one way. 日期顺序固定时填写。
date_order = ""

[purposes]
# W3C DPV terms that may be given; empty for any. 允许的目的；留空则不限。
allowed = []

[plugins]
enabled = [{enabled}]
# A folder of this archive's own plugins; their code holds as it was when it was applied.
# 本档案库自有插件的文件夹；仅已应用的代码内容有效。
plugins_dir = "plugins"

[index]
# For about how many records of a type the blind indexes are laid out. 盲索引按约多少条记录设计。
rows = 10000
epoch = 1

# What follows holds nothing until the # before it is taken away. 以下各项去掉行首 # 后才生效。

# What rests on consent. 以同意为依据的处理。
# [consent]
# purposes = ["DirectMarketing"]       # refused for whoever has not consented 未经同意即拒绝的目的
# before_save = ["customer"]           # none is made without one or another basis 无同意或其他依据不得新建
# separate = ["sensitive"]             # classes that need a consent of their own 需单独同意的字段级别
# jurisdictions = ["CN"]               # whose law; the plugins cn and eu bring it 适用法域，由插件提供
# guardian_below = 14                  # below this age a guardian consents 未满此年龄由监护人同意
# birth_field = "customer.birth_date"  # where the date of birth stands 出生日期字段

# What persons ask for. Holds have no table: see `muniment hold`. 个人信息权利请求；法律保留见 hold 命令。
# [rights]
# law = "{law}"                         # gdpr, ccpa, hipaa, pipl: whose clock runs 适用哪部法律的期限
# calendar = ["CN"]                    # holidays of a plugin 采用插件提供的节假日
# holidays = ["2026-12-25"]            # further days off 其他休息日
# workdays = []                        # days of a weekend that are worked 调休上班日
# provided = ["customer.full_name"]    # what people gave themselves, for subject export 由个人自行提供的字段
# employees = "hidden"                 # or "named": who looked, in a report 报告中是否列出查阅者

# How long things are kept; plugins bring laws, a team adds its own. 留存规则：插件提供法规，团队可自行补充。
# [retention]
# accepted_by = "Li Na, 2026-01-05"    # who answers for rules that nobody verified 对未核对规则负责的人
# jurisdictions = ["EU-DE"]            # under whose law the records are 记录适用的法域
# fiscal_year_end = 12
# [[retention.rule]]
# id = "HOUSE-1"
# effect = "REC-MAX"                   # MIN, MAX, MIN+MAX, LIM, REC, REC-MAX
# maximum = "P3Y"
# categories = ["contact"]
# anchors = ["record.changed"]         # a date field, type.field, or record.created 起算日
# source = "house rule 1"
# verified_by = "Li Na, 2026-01-05"

# Backups made by `muniment tick`. 由 tick 定期执行的备份。
# [backup]
# to = "/backup/customers"             # or s3://bucket/prefix
# every_hours = 24
"""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
