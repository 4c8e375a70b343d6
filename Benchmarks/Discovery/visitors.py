"""Clients that send requests at a steady rate on connections that stay, and want every single one answered well."""

import asyncio
import time
from dataclasses import dataclass

from processes import HarnessError

PATIENCE = 20


@dataclass(frozen=True)
class Visits:
    """What they counted; the longest time in milliseconds."""

    requests: int
    longest_ms: float


async def _visit(port, path, rate, until, shift):
    loop, count, longest = asyncio.get_running_loop(), 0, 0.0
    reader = writer = None
    due = loop.time() + shift
    while due < until:
        await asyncio.sleep(max(0, due - loop.time()))
        start = time.monotonic()
        if writer is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: visited\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise HarnessError(f"after {count} requests one was answered by {head.decode(errors='replace')}")
        await asyncio.wait_for(reader.readexactly(int(fields[b"content-length"])), PATIENCE)
        if fields.get(b"connection") == b"close":
            # A listener that changed asks for another connection; that is no failure.
            writer.close()
            writer = None
        count += 1
        longest = max(longest, time.monotonic() - start)
        due += 1 / rate
    if writer is not None:
        writer.close()
    return count, longest


async def _all(port, path, visitors, rate, seconds):
    until = asyncio.get_running_loop().time() + seconds
    # One after the other, so that the requests are spread over each period.
    return await asyncio.gather(*(_visit(port, path, rate, until, number / visitors / rate) for number in range(visitors)))


def visit(port, path, visitors, rate, seconds):
    """Each of `visitors` sends `rate` requests a second; the first that is not answered by 200 is an error."""
    try:
        results = asyncio.run(_all(port, path, visitors, rate, seconds))
    except (OSError, EOFError, TimeoutError) as error:
        raise HarnessError(f"a request was not answered: {error!r}") from error
    return Visits(sum(count for count, _ in results), max(longest for _, longest in results) * 1e3)
