"""A server whose capacity is known exactly: ``slots`` requests at once, each held for ``ms``.

``python -m tests.support.slot_server PORT [--slots 4] [--ms 50] [--status 200]``; prints ``ready`` when it
listens. Requests wait in line for a slot.
"""

from __future__ import annotations

import argparse
import asyncio


async def serve(port: int, slots: int, seconds: float, status: int) -> None:
    free = asyncio.Semaphore(slots)
    body = b"slot\n"
    answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                async with free:
                    await asyncio.sleep(seconds)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", port, backlog=4096)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--ms", type=float, default=50.0)
    parser.add_argument("--status", type=int, default=200)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.slots, options.ms / 1000, options.status))
