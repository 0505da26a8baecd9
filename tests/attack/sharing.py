"""One of several processes that write and read one archive at once; no test itself.

Run as ``python sharing.py FOLDER NUMBER TURNS``; waits for a line on stdin, so
that all begin together, and prints what it did as JSON.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from muniment.errors import Conflict, MunimentError
from muniment.testing import open_again


def main(folder: Path, number: int, turns: int) -> None:
    dice = random.Random(number)
    done: dict[str, int] = {"created": 0, "added": 0, "conflicts": 0, "reads": 0, "lists": 0, "retried": 0}
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        common = session.list("product").records[0].id
        people = [record.id for record in session.list("person").records]
        print("ready", flush=True)
        sys.stdin.readline()
        for turn in range(turns):
            kind = dice.choice(("create", "add", "add", "get", "list", "retry"))
            if kind == "create":
                session.create(
                    "person", {"name": f"Person {number} {turn}", "phone": "030 1234567"}, reason="x"
                )
                done["created"] += 1
            elif kind == "retry":
                # Every process asks for the same under the same key: one of them does it.
                session.create(
                    "visit",
                    {"person": people[0], "subject": f"{turn // 10}"},
                    idempotency_key=f"v{turn // 10}",
                )
                done["retried"] += 1
            elif kind == "add":
                # A counter that loses nothing, because whoever saw an old version is told so.
                while True:
                    seen = session.get(common)
                    price = int(str(seen.fields["price"].amount)) + 1
                    try:
                        session.update(common, {"price": f"{price} EUR"}, expected_version=seen.version)
                        break
                    except Conflict:
                        done["conflicts"] += 1
                done["added"] += 1
            elif kind == "get":
                session.get(dice.choice(people))
                done["reads"] += 1
            else:
                session.list("person", where={"phone": "+49 30 1234567"}, limit=10)
                done["lists"] += 1
            if dice.random() < 0.1:
                session.checkpoint()
            if dice.random() < 0.05:
                archive.log.verify()
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    except MunimentError as error:
        print(json.dumps({"error": f"{error.code} {error}"}), flush=True)
