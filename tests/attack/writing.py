"""Writes into archives until it is killed, and says after each write what was acknowledged; no test itself.

Run as ``python writing.py``; each line on stdin is a JSON list of a folder, a
seed and a round. A fork of this process, with everything imported already, does
the work; its first line is its process id, every other one an acknowledgement.
"""

from __future__ import annotations

import json
import os
import random
import sys
from importlib import import_module
from pathlib import Path

from muniment.session import Change
from muniment.testing import open_again

# What is imported only when it is needed is needed soon; killing an import would prove nothing.
import_module("muniment.seal._files")


def values_of(number: int) -> dict[str, object]:
    """Values in three seal groups and the clear state that belong together; the number tells all of them."""
    return {
        "score": number,
        "name": f"Person {number}",
        "secret": f"secret {number}",
        "phone": f"030 {1_000_000 + number}",
        "notes": " ".join([f"note {number}"] * (1 + number % 50)),
    }


def work(folder: Path, seed: int, round_number: int) -> None:
    dice = random.Random(seed * 1_000_003 + round_number)
    mine: list[tuple[str, int]] = []
    count = 0

    def say(**members: object) -> None:
        os.write(1, json.dumps(members).encode() + b"\n")

    say(pid=os.getpid())
    archive = open_again(folder)
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        while True:
            count += 1
            number = round_number * 100_000 + count
            mark = f"{round_number}-{count}"
            kind = dice.choice(("create", "update", "update", "many", "changes", "file", "read"))
            if kind in ("update", "file", "read") and not mine:
                kind = "create"
            if kind == "create":
                saved = session.create(
                    "person", {**values_of(number), "number": f"{mark}-0"}, reason="walk-in"
                )
                mine.append((saved.id, 1))
                say(created=[saved.id], mark=mark)
            elif kind == "many":
                wanted = dice.randrange(2, 60)
                changes = [
                    Change("create", "person", values={**values_of(number), "number": f"{mark}-{place}"})
                    for place in range(wanted)
                ]
                say(many=mark, wanted=wanted)
                done = session.write(changes, reason="a list", idempotency_key=mark)
                mine += [(one.id, 1) for one in done]
                say(created=[one.id for one in done], mark=mark)
            elif kind == "changes" and len(mine) > 3:
                places = dice.sample(range(len(mine)), 3)
                changes = [
                    Change("update", record=_bytes(mine[place][0]), values=values_of(number))
                    for place in places
                ]
                for place, one in zip(places, session.write(changes), strict=True):
                    mine[place] = (one.id, one.version)
                say(updated=[[*mine[place], number] for place in places])
            elif kind == "file":
                path = folder.with_name(f"given-{round_number}.txt")
                path.write_text(f"file {number} " * dice.randrange(1, 5_000))
                place = dice.randrange(len(mine))
                saved = session.attach(mine[place][0], "contract", path)
                mine[place] = (saved.id, saved.version)
                say(updated=[[saved.id, saved.version, None]])
            elif kind == "read":
                session.get(dice.choice(mine)[0])
            else:
                place = dice.randrange(len(mine)) if mine else None
                if place is None:
                    continue
                identifier, version = mine[place]
                saved = session.update(
                    identifier, values_of(number), expected_version=version, reason="moved"
                )
                mine[place] = (saved.id, saved.version)
                say(updated=[[saved.id, saved.version, number]])
            if dice.random() < 0.02:
                session.checkpoint()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def main() -> None:
    for line in sys.stdin:
        folder, seed, round_number = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                work(Path(folder), seed, round_number)
            except BaseException as error:
                os.write(1, json.dumps({"error": repr(error)}).encode() + b"\n")
            os._exit(1)
        os.waitpid(pid, 0)
        os.write(1, json.dumps({"dead": pid}).encode() + b"\n")


if __name__ == "__main__":
    main()
