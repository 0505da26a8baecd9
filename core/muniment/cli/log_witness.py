"""``muniment log witness``: who vouches for the log, and being a witness for others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, may_say_why, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "add",
    "ask",
    "create",
    "list_witnesses",
    "remove",
    "retire",
    "serve",
    "timestamp",
    "trust",
    "witness",
]

_HERE = "muniment.cli.log_witness"

witness = LazyGroup(
    "witness",
    {
        "list": Entry(f"{_HERE}:list_witnesses", ("What witnesses vouched for.", "查看见证情况。")),
        "ask": Entry(f"{_HERE}:ask", ("Have the log witnessed now.", "立即请求见证。")),
        "retire": Entry(f"{_HERE}:retire", ("Let its key count until a day.", "设定密钥的最后有效日。")),
        "add": Entry(f"{_HERE}:add", ("Ask a witness from now on.", "添加见证人。")),
        "remove": Entry(f"{_HERE}:remove", ("Ask one no longer.", "移除见证人。")),
        "create": Entry(f"{_HERE}:create", ("Make a witness, for others.", "新建见证人（供他人使用）。")),
        "trust": Entry(f"{_HERE}:trust", ("Let a witness know a log.", "让见证人登记一个日志。")),
        "serve": Entry(f"{_HERE}:serve", ("Run a witness.", "运行见证人服务。")),
    },
    words=(
        "Witnesses: somebody outside who signs that the log only ever grew.",
        "见证人：由外部签署，证明日志只增不改。",
    ),
)


@verb("list", ("The configured witnesses and what each vouched for last.", "查看各见证人最近的作证。"))
@click.pass_obj
def list_witnesses(call: Invocation) -> None:
    """The configured witnesses."""
    from muniment.cli.output import emit, table, talk
    from muniment.cli.values import local_time
    from muniment.model import rfc3339

    with call.session() as (archive, session):
        found = session.witnesses.list()
        if call.json:
            rows = [
                {
                    "name": one.name,
                    "size": one.size,
                    "time": rfc3339(one.time_us) if one.size else None,
                    "until": None if one.until is None else str(one.until),
                }
                for one in found
            ]
            emit({"witnesses": rows})
        elif found:
            zone = archive.applied.timezone
            table(
                call.words(
                    "witness.label_name", "witness.label_size", "cli.label_time", "witness.label_until"
                ),
                [
                    [
                        one.name,
                        one.size,
                        local_time(one.time_us, zone) if one.size else "—",
                        "—" if one.until is None else str(one.until),
                    ]
                    for one in found
                ],
            )
        else:
            talk(call.say("witness.nobody"))


@verb(
    "ask",
    (
        "Sign the log as it stands and have it witnessed.\n"
        "A witness that holds more than this log has says that the log was cut.",
        "签署日志的当前状态并请求见证。\n若见证人见过的条目多于本日志，说明日志被截断。",
    ),
)
@argument("names", ("Witnesses; by default all.", "见证人；默认全部。"), nargs=-1, metavar="[NAME]...")
@click.pass_obj
def ask(call: Invocation, names: tuple[str, ...]) -> int:
    """Have the log witnessed."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (archive, session):
        asked = session.witnesses.ask(names)
        policy = archive.applied.witness
    signed = [one for one in asked if one.vouched is not None]
    short = bool(policy.known) and not names and len(signed) < policy.quorum
    if call.json:
        rows = [
            {
                "name": one.name,
                "size": None if one.vouched is None else one.vouched.size,
                "code": None if one.error is None else one.error.code,
            }
            for one in asked
        ]
        emit({"witnesses": rows, "quorum": policy.quorum})
    for one in asked:
        if one.vouched is not None and not call.json:
            put(call.say("witness.vouched", name=one.name, size=one.vouched.size))
        elif one.error is not None and not call.json:
            put(one_line(one.error.text(call.language)))
    if short and not call.json:
        put(call.say("witness.short", count=len(signed), wanted=policy.quorum))
    return 0 if len(signed) == len(asked) and not short else 1


@verb(
    "add",
    (
        "Ask a witness from now on: writes it into muniment.toml and applies that.\n"
        "Let the witness know this log first: its owner runs `log witness trust`.",
        "添加见证人：写入 muniment.toml 并应用。\n请先由见证人一方运行 log witness trust 登记本日志。",
    ),
)
@argument("key", ("The witness's verifier key.", "见证人的验证密钥。"), metavar="VKEY")
@argument("url", ("Where it is asked.", "见证人的地址。"), metavar="URL")
@option("--quorum", type=click.IntRange(1), metavar="N", words=("So many must vouch.", "最少作证人数。"))
@may_say_why
@click.pass_obj
def add(call: Invocation, key: str, url: str, quorum: int | None, reason: str | None) -> None:
    """Ask a witness from now on."""
    from muniment.evidence.asking import parse_known

    known = parse_known(f"{key} {url}")

    def stays(one: Any) -> bool:
        # A key that ends on a day is followed by the witness's next one.
        return one.key != known.key and (one.key.name != known.key.name or one.until is not None)

    def edit(table: Any) -> None:
        others = [one for one in table.get("known", []) if stays(parse_known(one))]
        table["known"] = [*others, known.text]
        if quorum is not None:
            table["quorum"] = quorum

    _change(call, edit, reason, known.key.name, "witness.added")


@verb(
    "retire",
    (
        "Let a witness's key count until a day, and no longer. Add its next key with `log witness add`.\n"
        "What the key vouched for stays vouched for.",
        "设定见证人密钥的最后有效日，此后不再计入。新密钥用 log witness add 添加。\n此前的作证仍然有效。",
    ),
)
@argument("name", ("The witness.", "见证人。"), metavar="NAME")
@option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    words=("The last day on which it counts.", "最后有效日。"),
)
@may_say_why
@click.pass_obj
def retire(call: Invocation, name: str, until: datetime, reason: str | None) -> None:
    """Let a witness's key count until a day."""
    import attrs

    from muniment.evidence.asking import parse_known

    def edit(table: Any) -> None:
        known = [parse_known(one) for one in table.get("known", [])]
        ending = [one for one in known if one.key.name == name and one.until is None]
        if not ending:
            raise UsageError("witness.unknown", name=name)
        table["known"] = [
            (attrs.evolve(one, until=until.date()) if one in ending else one).text for one in known
        ]

    _change(call, edit, reason, name, "witness.retired")


@verb("remove", ("Ask a witness no longer.", "不再请该见证人作证。"))
@argument("name", ("The witness.", "见证人。"), metavar="NAME")
@may_say_why
@click.pass_obj
def remove(call: Invocation, name: str, reason: str | None) -> None:
    """Ask a witness no longer."""
    from muniment.evidence.asking import parse_known

    def edit(table: Any) -> None:
        left = [one for one in table.get("known", []) if parse_known(one).key.name != name]
        if len(left) == len(table.get("known", [])):
            raise UsageError("witness.unknown", name=name)
        table["known"] = left
        table["quorum"] = max(1, min(int(table.get("quorum", 1)), len(left)))

    _change(call, edit, reason, name, "witness.removed")


def _change(call: Invocation, edit: Any, reason: str | None, name: str, said: str) -> None:
    from muniment.archive.editing import edit_configuration
    from muniment.cli.output import emit, put

    def whole(document: Any) -> None:
        import tomlkit

        edit(document.setdefault("witness", tomlkit.table()))

    with call.session() as (archive, session):
        applied = edit_configuration(archive, session, whole, reason=reason)
    if call.json:
        emit({"witness": {"name": name}, "applied": applied})
    else:
        put(call.say(said, name=name))


@verb(
    "timestamp",
    (
        "Sign the log as it stands and have a timestamp authority (RFC 3161) say that it existed now.\n"
        "Its address and root certificates stand in muniment.toml: timestamps and timestamp_roots "
        "under [witness].",
        "签署日志的当前状态，并向时间戳机构（RFC 3161）申请时间戳。\n"
        "机构地址与根证书在 muniment.toml 的 [witness] 下设置：timestamps 和 timestamp_roots。",
    ),
)
@click.pass_obj
def timestamp(call: Invocation) -> None:
    """Have an authority say when."""
    from muniment.cli.output import emit, put
    from muniment.model import rfc3339

    with call.session() as (_, session):
        found = session.witnesses.timestamp()
    said = {"size": found.size, "time": rfc3339(found.time_us), "authority": found.authority}
    if call.json:
        emit({"timestamp": said})
    else:
        put(call.say("timestamp.stamped", size=found.size, time=said["time"], where=found.authority))


# Being a witness


@verb(
    "create",
    (
        "Make a witness in a folder of its own, on a machine that the archive's people do not run.",
        "在独立的文件夹中新建见证人；应放在档案库人员不管理的机器上。",
    ),
    note=(
        "Example: muniment log witness create /srv/witness --name witness.example.com",
        "示例：muniment log witness create /srv/witness --name witness.example.com",
    ),
)
@argument("folder", ("A new or empty folder.", "新的或空的文件夹。"), metavar="DIR")
@option("--name", required=True, metavar="NAME", words=("What it is called.", "见证人名称。"))
@click.pass_obj
def create(call: Invocation, folder: str, name: str) -> None:
    """Make a witness."""
    from muniment.cli.output import emit, put
    from muniment.evidence.witness import Witness

    made = Witness.create(Path(folder), name)
    if call.json:
        emit({"witness": {"name": name, "verifier_key": made.key.text}})
    else:
        put(made.key.text)


@verb(
    "trust",
    ("Let a witness know a log, so that it witnesses it from now on.", "让见证人登记日志。"),
)
@argument("folder", ("The witness's folder.", "见证人的文件夹。"), metavar="DIR")
@argument("key", ("The log's verifier key.", "日志的验证密钥。"), metavar="VKEY")
@click.pass_obj
def trust(call: Invocation, folder: str, key: str) -> None:
    """Let a witness know a log."""
    from muniment.cli.output import emit, put
    from muniment.evidence.witness import Witness

    known = Witness(Path(folder)).trust(key)
    if call.json:
        emit({"log": {"origin": known.name}})
    else:
        put(call.say("witness.trusted", name=known.name))


@verb(
    "serve",
    (
        "Run a witness: it answers c2sp.org/tlog-witness over plain HTTP until it is stopped.\n"
        "Put it behind what your house uses for TLS. What contradicts what it saw is kept in `evidence/`.",
        "运行见证人：以 HTTP 应答 c2sp.org/tlog-witness，直至停止。\n"
        "请置于贵单位的 TLS 代理之后。与其所见相矛盾的内容保存在 evidence/ 中。",
    ),
)
@argument("folder", ("The witness's folder.", "见证人的文件夹。"), metavar="DIR")
@option("--host", default="127.0.0.1", metavar="ADDRESS", words=("Where to listen.", "监听地址。"))
@option("--port", type=click.IntRange(0, 65535), default=8477, metavar="N", words=("The port.", "端口。"))
@click.pass_obj
def serve(call: Invocation, folder: str, host: str, port: int) -> None:
    """Run a witness."""
    import signal
    import threading

    from muniment.cli.output import talk
    from muniment.evidence.serving import witness_server
    from muniment.evidence.witness import Witness

    held = Witness(Path(folder))
    try:
        server = witness_server(held, host, port)
    except OSError:
        raise UsageError("witness.port", where=f"{host}:{port}") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        # From within the serving thread a shutdown would wait for itself.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    address = f"http://{server.server_address[0]!s}:{server.server_address[1]}"
    talk(call.say("witness.serving", name=held.name, where=address))
    with server:
        server.serve_forever(poll_interval=0.2)
