"""The null server: it does nothing as cheaply as Python can, so the rate against it is the generator's own limit.

``python -m target_apps.null_server HOST:PORT [--close]`` prints ``ready`` when it listens. It answers GET requests
without reading them. ``GET /count`` returns the number of requests answered so far.
"""

from __future__ import annotations

import argparse
import select
import socket

END = b"\r\n\r\n"
COUNT = b"GET /count "
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok"


def serve(host: str, port: int, *, close: bool) -> None:
    """Serve until killed."""
    answer = ANSWER % (b"Connection: close\r\n" if close else b"")
    listener = socket.create_server((host, port), backlog=4096)
    listener.setblocking(False)
    print("ready", flush=True)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    peers: dict[int, socket.socket] = {}
    answered = 0
    while True:
        for fd, _ in epoll.poll():
            peer = peers.get(fd)
            if peer is None:
                accepted, _address = listener.accept()
                accepted.setblocking(False)
                peers[accepted.fileno()] = accepted
                epoll.register(accepted.fileno(), select.EPOLLIN)
                continue
            try:
                data = peer.recv(65536)
                requests = data.count(END)
                if data.startswith(COUNT):
                    text = b"%d" % answered
                    peer.send(
                        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
                    )
                    data = b""
                elif requests:
                    peer.send(answer * requests)
                    answered += requests
            except OSError:
                data = b""
            if not data or close:
                del peers[fd]
                peer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bind", metavar="HOST:PORT")
    parser.add_argument("--close", action="store_true", help="close every connection after one answer")
    options = parser.parse_args()
    host, _, port = options.bind.rpartition(":")
    serve(host, int(port), close=options.close)


if __name__ == "__main__":
    main()
