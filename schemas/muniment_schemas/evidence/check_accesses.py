#!/usr/bin/env python3
"""Checks that a report of accesses leaves out no entry about its person; Python alone, no network.

    python3 check_accesses.py [FOLDER] --key VKEY

FOLDER holds report.json and the exported log, a folder for each generation; by
default the folder this file lies in. VKEY is the log's verifier key: take it
from somebody other than who made the report.

The report's tag keys belong to one person: one key, and one more for each record
that was found to be of the same person. With each of them this program computes,
for every entry of the log, the tag that the entry would bear if it were about
them, and compares the entries that bear one with those that the report lists.

It shows that no tagged entry was left out. It cannot show that the operator
tagged every access, and says nothing of entries after the checkpoint.

Exit codes: 0 complete; 1 a file or argument is wrong; 3 something does not agree.

The forms: RFC 6962 (tree), RFC 8032 (Ed25519), C2SP signed-note, tlog-checkpoint and tlog-tiles.
"""

import argparse
import base64
import hashlib
import hmac
import json
import pathlib
import sys


class Wrong(Exception):
    """Something does not agree."""


# Ed25519, RFC 8032 section 5.1, for checking one signature a log: plain and slow.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def plus(a, b):
    """The sum of two points of the curve, in affine coordinates."""
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P)
    return x % P, y % P


def multiple(number, point):
    total = (0, 1)
    for digit in bin(number)[2:]:
        total = plus(total, total)
        if digit == "1":
            total = plus(total, point)
    return total


def point_of(data):
    """The point that 32 bytes stand for."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        raise Wrong("a key or signature that is no point of the curve")
    return (P - x if x & 1 != sign else x), y


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def check_signature(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        raise Wrong("the checkpoint's signature")
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % ORDER
    if multiple(s, BASE) != plus(point_of(r), multiple(h, point_of(public))):
        raise Wrong("the checkpoint's signature")


# The log


def read_key(text):
    """The name without its generation, and the public key, of a verifier key."""
    name, _, rest = text.partition("+")
    data = base64.b64decode(rest.partition("+")[2], validate=True)
    if len(data) != 33 or data[0] != 1:
        raise Wrong("the verifier key is not an Ed25519 key of a log")
    return name.rpartition(".")[0], data[1:]


def read_checkpoint(folder, origin, base, public):
    """Size and root of a checkpoint, once its signature was checked."""
    note = (folder / "checkpoint").read_text(encoding="utf-8")
    text, blank, signatures = note.partition("\n\n")
    lines = text.split("\n")
    # One seed signs every generation of a log; only the number behind the last dot differs.
    if not blank or lines[0] != origin or origin.rpartition(".")[0] != base:
        raise Wrong(f"{folder.name}: the checkpoint is of another log")
    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
    for line in signatures.splitlines():
        name, _, blob = line.removeprefix("\u2014 ").rpartition(" ")
        data = base64.b64decode(blob, validate=True)
        if name == origin and data[:4] == key_id:
            check_signature(public, (text + "\n").encode(), data[4:])
            return int(lines[1]), base64.b64decode(lines[2], validate=True)
    raise Wrong(f"{folder.name}: the checkpoint is not signed by this key")


def entries_of(folder, size):
    """The entries of an exported log, in order."""
    for number in range((size + 255) // 256):
        width = min(256, size - 256 * number)
        digits = [f"{number % 1000:03d}"]
        while number >= 1000:
            number //= 1000
            digits.insert(0, f"x{number % 1000:03d}")
        path = folder / "tile" / "entries" / ("/".join(digits) + (f".p/{width}" if width < 256 else ""))
        data, at = path.read_bytes(), 0
        for _ in range(width):
            length = int.from_bytes(data[at : at + 2], "big")
            yield data[at + 2 : at + 2 + length]
            at += 2 + length
        if at != len(data):
            raise Wrong(f"{path}: bytes left over")


def root_of(hashes):
    """RFC 6962: hash neighbours, the odd last one as it is; gives the same root as its recursion."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    while len(hashes) > 1:
        odd = hashes[-1:] if len(hashes) % 2 else []
        pairs = zip(hashes[::2], hashes[1::2])
        hashes = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + odd
    return hashes[0]


# The question


def check(folder, key):
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    base, public = read_key(key)
    if set(report["tag_keys"]) != {report["subject"], *report["merged"]}:
        raise Wrong("there is not one tag key for each identifier of the person")
    tag_keys = [bytes.fromhex(key) for key in report["tag_keys"].values()]
    listed = {}
    for one in report["entries"]:
        place = one["log"], one["index"]
        if place in listed:
            raise Wrong(f"entry {one['index']} of {one['log']} is listed twice")
        listed[place] = one
    count = 0
    if not any(log["origin"].endswith(".0") for log in report["logs"]):
        raise Wrong("the log's first generation is not here")
    for log in report["logs"]:
        name = log["folder"]
        here = folder / pathlib.PurePosixPath(name).name
        size, root = read_checkpoint(here, log["origin"], base, public)
        hashes = []
        for index, data in enumerate(entries_of(here, size)):
            hashes.append(hashlib.sha256(b"\0" + data).digest())
            entry = json.loads(data)
            message = b"muniment/tag/v1\n" + base64.b64decode(entry["c"])
            tags = [base64.b64encode(hmac.digest(key, message, "sha256")[:16]).decode() for key in tag_keys]
            if not any(tag in entry.get("s", ()) for tag in tags):
                continue
            told = listed.pop((name, index), None)
            if told is None:
                raise Wrong(f"entry {index} of {name} is about this person, and the report leaves it out")
            if (told["kind"], told["time"]) != (entry["k"], entry["t"]):
                raise Wrong(f"entry {index} of {name} is not what the report says of it")
            count += 1
        if root_of(hashes) != root:
            raise Wrong(f"{name}: the entries are not those that were signed")
    for name, index in listed:
        raise Wrong(f"entry {index} of {name} is in the report, and not about this person")
    return count, sum(log["size"] for log in report["logs"])


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    parser.add_argument("--key", required=True, help="the log's verifier key, from elsewhere")
    given = parser.parse_args(arguments)
    try:
        count, size = check(given.folder, given.key)
    except Wrong as error:
        print(f"NOT COMPLETE: {error}")
        return 3
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"cannot be read: {type(error).__name__}: {error}")
        return 1
    print(f"complete: {count} entries about this person among {size}, none left out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
