"""A server whose capacity is known exactly: ``slots`` requests at once, each held for ``ms``.

``python -m testbed.slot_server PORT [--slots 4] [--ms 50] [--status 200]``; prints ``ready`` when it
listens. Requests wait in line for a slot; ``/heavy`` takes ``--heavy`` times as long. With ``--queue N``, one that
would be the N + 1st in line gets a 503 at once; with ``--limit-rps R``, more than R a second get a 429 at once.
``--stall-ms`` of every ``--stall-every-s`` it stands still: requests that come then wait for the end. With ``--die-at
N`` it ends at once when N requests are inside.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time


def stalled_s(now: float, stall_s: float, every_s: float) -> float:
    """How long the server still stands still."""
    return max(0.0, stall_s - now % every_s) if stall_s else 0.0


async def serve(options: argparse.Namespace) -> None:
    free = asyncio.Semaphore(options.slots)
    seconds, stall_s = options.ms / 1000, options.stall_ms / 1000
    body = b"slot\n"
    answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (options.status, len(body), body)
    refused = b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"
    too_many = b"HTTP/1.1 429 X\r\nContent-Length: 0\r\nRetry-After: 1\r\n\r\n"
    inside = 0
    next_at = 0.0

    def turned_away() -> bytes | None:
        """The answer to a request that is not served; None if it is."""
        nonlocal next_at
        if options.queue >= 0 and inside >= options.slots + options.queue:
            return refused
        if options.limit_rps:
            now = time.monotonic()
            if now < next_at:
                return too_many
            next_at = max(next_at, now - 1 / options.limit_rps) + 1 / options.limit_rps
        return None

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal inside
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                away = turned_away()
                if away is not None:
                    writer.write(away)
                    await writer.drain()
                    continue
                service_s = seconds * (options.heavy if b" /heavy " in head[:40] else 1)
                inside += 1
                if inside == options.die_at:
                    os._exit(1)
                async with free:
                    await asyncio.sleep(service_s + stalled_s(time.monotonic(), stall_s, options.stall_every_s))
                inside -= 1
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", options.port, backlog=4096)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--ms", type=float, default=50.0)
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--stall-ms", type=float, default=0.0)
    parser.add_argument("--stall-every-s", type=float, default=10.0)
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--queue", type=int, default=-1)
    parser.add_argument("--limit-rps", type=float, default=0.0)
    parser.add_argument("--heavy", type=float, default=1.0)
    asyncio.run(serve(parser.parse_args()))
