"""Measure `mindseye serve` on loopback: many clients beside one at a time, in the same run.

    PYTHONPATH=. python benchmarks/serve.py COLLECTION --wish pose=45 --clients 32 --requests 256

Every request is about an image that nobody asked about before, so that nothing is kept of it; the
two ways take turns, so that what else the machine does meets both. With --memory N it sends N
requests more and prints the resident memory after a tenth of them and after all.
"""

import argparse
import asyncio
import io
import json
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import uvicorn

import mindseye  # noqa: TID251  beside which it is measured
from service.app import create_app
from service.metrics import resident_bytes
from service.settings import ServiceLimits, ServiceSettings, hash_of

Ask = Callable[[httpx.AsyncClient, bytes], Awaitable[float]]
ROUNDS = 4


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--wish", default="pose=45")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=128, help="of each kind and way")
    parser.add_argument("--memory", type=int, default=0, metavar="N")
    asked = parser.parse_args()
    with mindseye.open_gallery(asked.collection) as gallery:
        sources = unlike(gallery)
        with listening(asked.collection) as url:
            found = asyncio.run(measure(url, asked, sources))
        found["python"] = in_python(gallery, asked.wish)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def unlike(gallery: mindseye.Gallery) -> Iterator[bytes]:
    """Yield images that all differ: those of the gallery, each time a little brighter."""
    rows = list(gallery.images(limit=64))
    faces = [gallery.picture(row["id"], most_px=256, whole=True).convert("RGB") for row in rows]
    for number in count():
        face, more = faces[number % len(faces)], 1 + number // len(faces) % 200
        content = io.BytesIO()
        face.point([min(255, level + more) for level in range(256)] * 3).save(content, "PNG")
        yield content.getvalue()


@contextmanager
def listening(collection: Path, uploads: Path | None = None) -> Iterator[str]:
    """Serve in a thread of this process, at a free port."""
    settings = ServiceSettings(
        collections=(collection,),
        uploads=uploads,
        token_sha256=hash_of("x"),
        limits=ServiceLimits(deadline_s=600),
    )
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


async def measure(url: str, asked: argparse.Namespace, sources: Iterator[bytes]) -> dict[str, Any]:
    """Ask in both ways, in turns."""
    found: dict[str, Any] = {"collection": str(asked.collection), "clients": asked.clients}
    limits = httpx.Limits(max_connections=asked.clients)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
        kinds: dict[str, Ask] = {
            "draw": asking("/v1/draw", {"wish": asked.wish}),
            "query": asking("/v1/query", {"wish": asked.wish, "k": 10, "source": False}),
        }
        for name, ask in kinds.items():
            await ask(client, next(sources))  # weights are opened
            rates: dict[int, list[float]] = {1: [], asked.clients: []}
            costs: dict[int, list[float]] = {1: [], asked.clients: []}
            waits: dict[int, list[float]] = {1: [], asked.clients: []}
            for _ in range(ROUNDS):
                for clients in (1, asked.clients):
                    some = [next(sources) for _ in range(asked.requests // ROUNDS)]
                    rate, cost, waited = await rate_of(client, ask, some, clients)
                    rates[clients].append(rate)
                    costs[clients].append(cost)
                    waits[clients] += waited
            found[name] = told(rates, costs, waits)
        found["query, drawing kept"] = await kept(client, kinds["query"], next(sources))
        if asked.memory:
            found["memory"] = await memory(client, kinds["query"], sources, asked)
    return found


def asking(path: str, data: dict[str, Any]) -> Ask:
    """Return what asks about an image, and says how long that took, seconds."""

    async def ask(client: httpx.AsyncClient, image: bytes) -> float:
        started = time.perf_counter()
        answer = await client.post(path, files={"image": image}, data=data)
        answer.raise_for_status()
        return time.perf_counter() - started

    return ask


async def rate_of(
    client: httpx.AsyncClient, ask: Ask, images: list[bytes], clients: int
) -> tuple[float, float, list[float]]:
    """Ask about all images with so many clients.

    Returns:
        Requests a second, processor milliseconds of a request (client and server, all threads), and
        each wait, seconds.
    """
    left, waits = iter(images), []

    async def one() -> None:
        waits.extend([await ask(client, image) for image in left])

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one() for _ in range(clients)))
    took, worked = time.perf_counter() - started, time.process_time() - cpu
    return len(images) / took, 1000 * worked / len(images), waits


def told(
    rates: dict[int, list[float]], costs: dict[int, list[float]], waits: dict[int, list[float]]
) -> dict[str, Any]:
    """Say rates and costs of both ways, the ratio of rates round by round, and the waits."""
    alone, many = rates.values()
    ratios = [b / a for a, b in zip(alone, many, strict=True)]
    return {
        "requests a second": {str(n): round(statistics.median(r), 2) for n, r in rates.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(one, 2) for one in ratios],
        "cpu ms a request": {str(n): round(statistics.median(c), 1) for n, c in costs.items()},
        "p50, p95 ms": {str(n): spread(w) for n, w in waits.items()},
    }


def spread(waits: list[float]) -> list[float]:
    """Return median and 95th percentile, milliseconds."""
    at = sorted(waits)
    return [round(1000 * at[int(share * (len(at) - 1))], 1) for share in (0.5, 0.95)]


async def kept(client: httpx.AsyncClient, ask: Ask, image: bytes) -> dict[str, Any]:
    """Ask about the same image again and again: the drawing is kept."""
    return {"p50, p95 ms": spread([await ask(client, image) for _ in range(101)][1:])}


async def memory(
    client: httpx.AsyncClient, ask: Ask, sources: Iterator[bytes], asked: argparse.Namespace
) -> dict[str, Any]:
    """Ask many times; return the resident memory after a tenth of them, and after all."""
    first = asked.memory // 10
    await rate_of(client, ask, [next(sources) for _ in range(first)], asked.clients)
    early = resident_bytes()
    for _ in range(9):
        await rate_of(client, ask, [next(sources) for _ in range(first)], asked.clients)
    late = resident_bytes()
    return {"MB": [round(one / 2**20) for one in (early, late)], "ratio": round(late / early, 3)}


def in_python(gallery: mindseye.Gallery, wish: str) -> dict[str, Any]:
    """Ask the front door about one image again and again: search, and find with a drawing."""
    source = next(iter(gallery.images(limit=1)))["id"]
    (drawing,) = gallery.draw([(gallery.see(source, wish), wish)])

    def timed(call: Callable[[], object]) -> list[float]:
        waits = []
        for _ in range(51):
            started = time.perf_counter()
            call()
            waits.append(time.perf_counter() - started)
        return spread(waits[1:])

    return {
        "search p50, p95 ms": timed(lambda: gallery.search(source, wish)),
        "find p50, p95 ms": timed(lambda: gallery.find(drawing)),
    }


if __name__ == "__main__":
    main()
