"""A light load: so many clients on raw sockets in one process, each with one request under way.

    python -m placing.load PORT CLIENTS SECONDS < requests      # one request a line, as JSON: its bytes in latin-1

Prints JSON: how many answers of each status, the seconds, and the latencies' percentiles in ms. A request whose
connection breaks is sent again until it is answered (`--insist`), as a client does that never got its reply.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator


class Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last is whole."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.buffer = b""
        self.sent: bytes | None = None
        self.at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        """Send one more, or end."""
        if self.sent is None:
            self.sent = None if time.perf_counter() > self.run.until else next(self.run.requests, None)
        if self.sent is None:
            self.run.ended(self)
            return
        self.at = time.perf_counter()
        self.transport.write(self.sent)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        place = self.buffer.lower().find(b"content-length:", 0, head)
        length = int(self.buffer[place + 15 : self.buffer.find(b"\r\n", place)]) if place >= 0 else 0
        chunked = place < 0 and b"transfer-encoding: chunked" in self.buffer[:head].lower()
        if len(self.buffer) < head + 4 + length or (chunked and not self.buffer.endswith(b"0\r\n\r\n")):
            return
        self.run.took.append(time.perf_counter() - self.at)
        status = int(self.buffer[9:12])
        self.run.statuses[status] += 1
        if status >= 400 and len(self.run.samples) < 5:
            self.run.samples.append(self.buffer[:600].decode(errors="replace"))
        self.buffer, self.sent = b"", None
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        self.run.lost(self)


class Run:
    """All clients together."""

    def __init__(self, port: int, seconds: float, requests: Iterator[bytes], *, insist: bool) -> None:
        self.port, self.requests, self.insist = port, requests, insist
        self.until = time.perf_counter() + seconds
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.samples: list[str] = []
        self.broken = 0
        self.going = 0
        self.done = asyncio.Event()

    async def start(self, clients: int) -> None:
        """Until all have ended."""
        self.going = clients
        for _ in range(clients):
            await self.connect(None)
        await self.done.wait()

    async def connect(self, unanswered: bytes | None) -> None:
        """Open one connection; with `insist` as long as it takes."""
        loop = asyncio.get_running_loop()
        while True:
            client = Client(self)
            client.sent = unanswered
            try:
                await loop.create_connection(lambda c=client: c, "127.0.0.1", self.port)
                return
            except OSError:
                if not self.insist:
                    raise
                await asyncio.sleep(0.05)

    def ended(self, client: Client) -> None:
        """One has nothing more to send."""
        client.run = _ENDED
        client.transport.close()
        self.going -= 1
        if not self.going:
            self.done.set()

    def lost(self, client: Client) -> None:
        """A connection broke."""
        self.broken += 1
        if self.insist:
            task = asyncio.get_running_loop().create_task(self.connect(client.sent))
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)
        else:
            self.going -= 1
            if not self.going:
                self.done.set()


class _Ended:
    def lost(self, client: Client) -> None:
        """Nobody minds any more."""


_ENDED: Run = _Ended()  # type: ignore[assignment]
_tasks: set[asyncio.Task[None]] = set()


def main() -> None:
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    requests = iter([json.loads(line).encode("latin-1") for line in sys.stdin])

    async def go() -> None:
        run = Run(port, seconds, requests, insist="--insist" in sys.argv)
        begin = time.perf_counter()
        await run.start(clients)
        elapsed = time.perf_counter() - begin
        took = sorted(run.took) or [0.0]
        told = {
            "statuses": run.statuses,
            "seconds": elapsed,
            "rate_s": sum(n for status, n in run.statuses.items() if status < 400) / elapsed,
            "p50_ms": 1000 * took[len(took) // 2],
            "p99_ms": 1000 * took[int(len(took) * 0.99)],
            "broken": run.broken,
            "cpu_s": time.process_time(),
            "samples": run.samples,
        }
        print(json.dumps(told))

    asyncio.run(go())


if __name__ == "__main__":
    main()
