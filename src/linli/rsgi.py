"""The web process's entry under granian: orders of the API by the batch, everything else Django, in threads.

Django's own asynchronous handler is slow by itself (a tenth of the synchronous one's requests), so Django stays
synchronous and is handed its requests as WSGI does.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from linli.wsgi import application as django  # sets Django up: everything else comes after it

from linli import warming  # isort: skip
from linli.web.api import ORDERS_PATH  # isort: skip

if TYPE_CHECKING:
    from linli.web.api.fast_orders import Answer

THREADS = int(os.environ.get("LINLI_WEB_THREADS", "4"))
CHUNK = 64 * 1024
_under_way: list[int] = []
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="django")

# The batch's thread computes while the other one reads requests: it lets go of the interpreter sooner than after 5 ms.
SWITCH_S = 0.001


async def app(scope: Any, protocol: Any) -> None:
    """One request (RSGI)."""
    if scope.proto != "http":
        protocol.close(404)
        return
    body = await protocol()
    if scope.method == "POST" and scope.path == ORDERS_PATH:
        answer = await _batched(scope, body)
        if answer is not None:
            protocol.response_bytes(answer.status, answer.headers, answer.body)
            return
    loop = asyncio.get_running_loop()
    _under_way.append(1)
    try:
        status, headers, chunks = await loop.run_in_executor(_pool, _django, _environ(scope, body))
    finally:
        _under_way.pop()
    if isinstance(chunks, bytes):
        protocol.response_bytes(status, headers, chunks)
        _warm()
        return
    transport = protocol.response_stream(status, headers)
    try:
        while (chunk := await loop.run_in_executor(_pool, next, chunks, None)) is not None:
            await transport.send_bytes(chunk)
    finally:
        await loop.run_in_executor(_pool, chunks.close)


@cache
def _warm() -> None:
    """Once the first page is out, in the background."""
    warming.begin(lambda: bool(_under_way))


async def _batched(scope: Any, body: bytes) -> Answer | None:
    from linli.web.api.fast_orders import BATCHER, Came  # the shop's rooms, which the first page does without

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer | None] = loop.create_future()

    def tell(answer: Answer | None) -> None:
        if not future.done():
            future.set_result(answer)

    came = Came(dict(scope.headers.items()), body, scope.scheme, scope.client, scope.query_string)

    def settle(answer: Answer | None) -> None:
        loop.call_soon_threadsafe(tell, answer)

    BATCHER.put(came, settle)
    return await future


def _django(environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], Any]:
    """Django's answer: whole as bytes, or a stream to be read chunk by chunk."""
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        started[:] = [int(status.split(" ", 1)[0]), headers]

    response: Any = django(environ, start)
    if getattr(response, "streaming", False) or not hasattr(response, "content"):
        return started[0], started[1], _Stream(response)
    try:
        return started[0], started[1], response.content
    finally:
        response.close()


class _Stream:
    """A streaming response, read in a thread."""

    def __init__(self, response: Iterable[bytes]) -> None:
        self._response = response
        self._chunks = iter(response)

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        if hasattr(self._response, "close"):
            self._response.close()


def _environ(scope: Any, body: bytes) -> dict[str, Any]:
    """The request as PEP 3333 writes it."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        key = name.upper().replace("-", "_")
        if key == "HOST" and "HTTP_HOST" in environ:
            continue
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            environ[key] = value
        else:
            key = f"HTTP_{key}"
            joined = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = f"{environ[key]}{joined}{value}" if key in environ else value
    if "HTTP_HOST" not in environ and scope.authority:  # HTTP/2
        environ["HTTP_HOST"] = scope.authority
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


sys.setswitchinterval(SWITCH_S)

# A batch makes thousands of values that die with it: what Django keeps need not be walked over for them again and again.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
