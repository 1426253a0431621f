"""Send `mindseye serve` requests that nobody would send on purpose, and see that it stays upright.

    PYTHONPATH=. python benchmarks/serve_fuzz.py mindseye-demo/collection --requests 10000

The collection is copied. Addresses and methods are those of the service's OpenAPI, with what they
hold made up: texts of odd letters, numbers out of range, paths, damaged images, missing and
doubled fields. Counted are answers by status, and what must not be: a 5xx that is not 503 or 504,
a traceback or a path in an answer, an answer that is not as OpenAPI says an error is, a file
outside of the collection and its uploads. Ends with an error where there is one of these.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from serve import listening, unlike

import mindseye  # noqa: TID251  images come from it

TOKEN = "x"  # noqa: S105  of no service but this one
BY_DESIGN = (503, 504)
NASTY = (
    *("", " ", "0", "-1", "1", "7", "2147483647", "2147483648", "9" * 40, "1e308", "nan", "-inf"),
    *("pose=45", "pose=", "=45", "pose=45 * 0", "not pose=45", "not", "pose=45 * nan", "*" * 50),
    *("../../etc/passwd", "/etc/passwd", "..%2f..%2fetc%2fpasswd", "C:\\\\con", "~root/x"),
    *("identity = 'a' or 1=1 --", "pose in (45", "(" * 400, "id >= 0", "path ~ '/*'", "not not"),
    *("\x00", "\ud7ff", "\u202e", "ß" * 300, "\n\r\n", "<script>", "{{7*7}}", "%s%n", "null"),
    *("face", "0,0,0,0", "0,0,1,1", "-5,-5,10,10", "1e9,1e9,1,1", "true", "identity", "pose"),
)


def main() -> None:
    """Send, count, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)  # noqa: S311  requests, no secrets
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = Path(shutil.copytree(asked.collection, folder / "own"))
        with mindseye.open_gallery(own) as gallery:
            sources = unlike(gallery)
            images = [next(sources) for _ in range(4)]
        service = listening(own, uploads=folder / "uploads")
        with service as url, httpx.Client(base_url=url) as client:
            found = fuzz(client, asked.requests, chance, images)
        outside = sorted(one.name for one in folder.iterdir() if one.name not in ("own", "uploads"))
    found |= {"seed": asked.seed, "files outside": outside}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    sys.exit(bool(outside or found["wrong"]))


def fuzz(
    client: httpx.Client, requests: int, chance: random.Random, images: Sequence[bytes]
) -> dict[str, Any]:
    """Send requests; return counts of statuses, and what was wrong."""
    said = client.get("/openapi.json").json()
    operations = [
        (method, path, operation)
        for path, methods in said["paths"].items()
        for method, operation in methods.items()
        if not path.endswith("/events")  # a stream that lasts as long as its job
    ]
    statuses: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []
    for number in range(requests):
        method, path, operation = chance.choice(operations)
        made = request(said, path, operation, chance, images)
        try:
            answer = client.request(method.upper(), timeout=120, **made)
        except (httpx.InvalidURL, httpx.LocalProtocolError):
            statuses["not sent: no client can"] += 1
            continue
        statuses[str(answer.status_code)] += 1
        about = {"number": number, "request": f"{method} {path}"}
        wrong.extend({**about, "what": what} for what in faults(answer))
    return {"requests": requests, "statuses": dict(sorted(statuses.items())), "wrong": wrong}


def request(
    said: dict[str, Any],
    path: str,
    operation: dict[str, Any],
    chance: random.Random,
    images: Sequence[bytes],
) -> dict[str, Any]:
    """Make up a request to an operation, for `httpx.Client.request`."""
    query: list[tuple[str, str]] = []
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", chance.choice((*NASTY, "1", "2", "3")) or "0")
        elif chance.random() < 0.5:
            query += [(one["name"], chance.choice(NASTY))] * chance.choice((1, 1, 2))
    made: dict[str, Any] = {"url": path, "params": query}
    if chance.random() < 0.9:
        made["headers"] = {"Authorization": f"Bearer {TOKEN}"}
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        made |= form(names_of(said, content["multipart/form-data"]["schema"]), chance, images)
    elif content:
        made |= body(names_of(said, content["application/json"]["schema"]), chance)
    return made


def names_of(said: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return the fields of a schema, which may stand elsewhere in the document."""
    while "$ref" in schema or "allOf" in schema:
        place = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = said["components"]["schemas"][place.rpartition("/")[2]]
    return list(schema.get("properties", ()))


def form(names: Sequence[str], chance: random.Random, images: Sequence[bytes]) -> dict[str, Any]:
    """Make up the fields and files of a form."""
    data: dict[str, list[str]] = {}
    files = []
    for name in names:
        if name == "image":
            count = chance.choice((0, 1, 1, 1, 2, 3))
            files += [("image", (chance.choice(NASTY), file(chance, images))) for _ in range(count)]
        elif chance.random() < 0.5:
            data[name] = [chance.choice(NASTY) for _ in range(chance.choice((1, 1, 2, 5)))]
    return {"data": data, "files": files} if files else {"data": data}


def file(chance: random.Random, images: Sequence[bytes]) -> bytes:
    """Make up a file: an image, a damaged one, or none."""
    whole = chance.choice(images)
    damaged = bytearray(whole)
    for _ in range(20):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    cut = whole[: chance.randrange(len(whole))]
    return chance.choice((whole, bytes(damaged), cut, b"", chance.randbytes(300), b"GIF89a"))


def body(names: Sequence[str], chance: random.Random) -> dict[str, Any]:
    """Make up JSON; it removes nothing, so that there is something to ask about until the end."""
    values = (None, True, -1, 1, 2**70, 1.5, "", [], {}, [1], [[]], {"a": None}, *NASTY)
    said = {name: chance.choice(values) for name in names if chance.random() < 0.7}
    if "dry_run" in names:
        said["dry_run"] = True
    broken = chance.random() < 0.1
    text = chance.choice(("{", "[]", "null", '{"ids": [1,')) if broken else json.dumps(said)
    return {"content": text.encode(), "headers": {"Authorization": f"Bearer {TOKEN}"}}


def faults(answer: httpx.Response) -> list[str]:
    """Say what of an answer must not be."""
    found = []
    if answer.status_code >= 500 and answer.status_code not in BY_DESIGN:
        found.append(f"{answer.status_code}: {answer.text[:200]}")
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        kind = answer.headers.get("content-type", "")
        if kind != "application/problem+json" and answer.url.path != "/readyz":
            found.append(f"an error as {kind!r}")
        told = answer.text
        if "Traceback" in told or 'File "' in told or str(Path.home()) in told:
            found.append(f"tells of the inside: {told[:200]}")
    return found


if __name__ == "__main__":
    main()
