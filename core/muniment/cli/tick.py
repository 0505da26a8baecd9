"""``muniment tick``: what is due today, for schedulers."""

from __future__ import annotations

import click

from muniment.cli.base import option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

__all__ = ["tick"]


@verb(
    "tick",
    (
        "Do what is due today: consents that expire, clocks of requests and incidents, proposals nobody "
        "decided, scheduled backups, warnings about keys.\n"
        "Each job is an entry of the log; running it twice does nothing twice. The exit code is 1 where "
        "a job failed.",
        "执行今日到期事项：到期的同意、请求与安全事件的期限、无人处理的变更申请、计划备份、密钥提醒。\n"
        "每项任务在日志中各记一条；重复运行不会重复执行。有任务失败时退出码为 1。",
    ),
    note=(
        "Example, in crontab: 17 * * * * muniment --archive /srv/customers tick",
        "示例（crontab）：17 * * * * muniment --archive /srv/customers tick",
    ),
)
@option("--only", multiple=True, metavar="JOB", words=("This job alone.", "仅执行此任务。"))
@click.pass_obj
def tick(call: Invocation, only: tuple[str, ...]) -> None:
    """Do what is due today."""
    from muniment.cli.output import emit, put
    from muniment.session.ticking import JOBS

    if not set(only) <= JOBS.keys():
        raise UsageError("job.unknown", known=", ".join(JOBS))
    with call.session() as (_, session):
        done = session.tick(only=only)
    if call.json:
        emit(
            {
                "jobs": [
                    {"job": one.job, "outcome": "failed" if one.code else "ok", "code": one.code or None,
                     "counts": dict(one.counts)}
                    for one in done
                ]
            }
        )  # fmt: skip
    else:
        for one in done:
            counts = ", ".join(f"{name} {count}" for name, count in one.counts.items() if count)
            put(
                call.say("job.failed", job=one.job, code=one.code)
                if one.code
                else call.say("job.done", job=one.job, counts=counts or call.say("job.nothing"))
            )
    if any(one.code for one in done):
        raise click.exceptions.Exit(1)
