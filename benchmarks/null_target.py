"""A target that does nothing: nginx answering two bytes, with its own count of what it answered."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType

CONFIGURATION = """
daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout {keepalive}; lingering_close off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=16384; location / {{ return 200 "ok"; }} }}
  server {{ listen 127.0.0.1:{status_port}; location / {{ stub_status; }} }}
}}
"""


class NullTarget:
    """nginx on one CPU. Raises SystemExit, saying what to install, where there is none."""

    def __init__(self, port: int, *, keepalive: bool, cpu: int) -> None:
        binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if binary is None:
            raise SystemExit("this benchmark needs nginx: apt-get install nginx-light")
        self.url = f"http://127.0.0.1:{port}"
        self._status_url = f"http://127.0.0.1:{port + 1}/"
        self._folder = tempfile.TemporaryDirectory(prefix="floodmark-null-")
        file = Path(self._folder.name) / "nginx.conf"
        text = CONFIGURATION.format(
            folder=self._folder.name, port=port, status_port=port + 1, keepalive="3600s" if keepalive else "0"
        )
        file.write_text(text, encoding="utf-8")
        self._process = subprocess.Popen(
            [binary, "-c", str(file), "-e", f"{self._folder.name}/error.log"],
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                self.served()
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise SystemExit(f"nginx did not start on port {port}") from None
                time.sleep(0.05)
            else:
                return

    def served(self) -> int:
        """Requests answered so far, but for those that asked this."""
        with urllib.request.urlopen(self._status_url, timeout=5) as answer:
            text = answer.read().decode()
        match = re.search(r"\n\s*\d+ \d+ (\d+)", text)
        assert match is not None
        return int(match[1])

    def __enter__(self) -> NullTarget:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._folder.cleanup()
