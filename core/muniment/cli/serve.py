"""``muniment serve``: the pages and the API, from the distribution that brings them."""

from __future__ import annotations

from importlib import metadata
from typing import Any, Final
from urllib.parse import urlsplit

import click

from muniment.cli.base import flag, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import NotFound, UsageError

__all__ = ["serve"]

_GROUP: Final = "muniment.server"
_LOCAL: Final = ("127.0.0.1", "::1", "localhost")


@verb(
    "serve",
    (
        "Serve the pages and the API (needs muniment-web).\n"
        "The first start prints a link that sets the owner's password. Here roles bind: whoever uses the "
        "pages cannot reach the keys.",
        "提供网页和 API（需安装 muniment-web）。\n"
        "首次启动会显示设置所有者密码的链接。网页用户接触不到密钥，角色权限因此真正有约束力。",
    ),
    note=(
        "Examples:\n"
        "  muniment serve\n"
        "  muniment serve --host 0.0.0.0 --port 443 --tls-cert fullchain.pem --tls-key privkey.pem\n"
        "  muniment serve --url https://records.example.com --proxy 10.0.0.2\n"
        "  muniment serve --invite li.na",
        "示例：\n"
        "  muniment serve\n"
        "  muniment serve --host 0.0.0.0 --port 443 --tls-cert fullchain.pem --tls-key privkey.pem\n"
        "  muniment serve --url https://records.example.com --proxy 10.0.0.2\n"
        "  muniment serve --invite li.na",
    ),
)
@option("--host", default="127.0.0.1", words=("The address to listen on.", "监听地址。"))
@option("--port", type=click.IntRange(0, 65535), default=8765, words=("The port.", "端口。"))
@option(
    "--url",
    default="",
    metavar="URL",
    words=(
        "How browsers reach the pages, where a proxy stands before them.",
        "经代理访问时浏览器使用的地址。",
    ),
)
@option("--tls-cert", default="", metavar="FILE", words=("The certificate chain, PEM.", "证书链（PEM）。"))
@option("--tls-key", default="", metavar="FILE", words=("Its key, PEM.", "证书私钥（PEM）。"))
@option(
    "--proxy",
    multiple=True,
    metavar="ADDRESS",
    words=(
        "A proxy whose X-Forwarded-For is believed; may be given several times.",
        "信任其 X-Forwarded-For 的代理地址，可多次指定。",
    ),
)
@option(
    "--idle",
    type=click.IntRange(1, 1440),
    default=30,
    metavar="MINUTES",
    words=("A sign-in ends when it is not used for so long.", "闲置多少分钟后登录失效。"),
)
@option(
    "--support",
    default="",
    metavar="TEXT",
    words=("Whom to ask for help, as the help page says it.", "帮助页显示的支持联系方式。"),
)
@option(
    "--invite",
    default="",
    metavar="LOGIN",
    words=(
        "Print a link that sets this user's password, and end.",
        "显示设置该用户密码的链接，然后结束。",
    ),
)
@option(
    "--link",
    multiple=True,
    metavar="LOGIN",
    words=(
        "Print a link that sets this user's password, then serve; may be given several times.",
        "先显示设置该用户密码的链接，再提供服务；可多次指定。",
    ),
)
@flag("--metrics", words=("Serve figures for Prometheus on /metrics.", "在 /metrics 提供 Prometheus 指标。"))
@click.pass_obj
def serve(call: Invocation, /, **options: Any) -> None:
    """Serve the pages and the API."""
    if bool(options["tls_cert"]) != bool(options["tls_key"]):
        raise UsageError("serve.tls")
    outside = urlsplit(options["url"]).scheme == "https" or options["tls_cert"]
    if options["host"] not in _LOCAL and not outside:
        raise UsageError("serve.plain", where=options["host"])
    invite = options.pop("invite")
    found = next(iter(metadata.entry_points(group=_GROUP)), None)
    if found is None:
        raise NotFound("serve.missing")
    start = found.load()
    with call.session() as (archive, session):
        start(archive, session, call.language, invite=invite, **options)
