#!/usr/bin/env python3
"""NATS's monitoring numbers for Prometheus: `-varz -jsz=all -port 7777 http://localhost:8222`. A stand-in for tests."""

import argparse
import json
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TIMEOUT_S = 5.0
PAGES = ("varz", "healthz", "connz", "routez", "subz")


def metrics(url: str, what: str) -> Iterator[str]:
    """A line of Prometheus's text format for each number of a monitoring page."""
    with urllib.request.urlopen(f"{url}/{what}", timeout=TIMEOUT_S) as answer:
        page: Mapping[str, Any] = json.load(answer)
    for name, value in page.items():
        if isinstance(value, int | float):
            prefix = "jetstream_server" if what == "jsz" else f"gnatsd_{what}"
            yield f'{prefix}_{name}{{server_id="{url}"}} {float(value)}'


class Exporter(BaseHTTPRequestHandler):
    url: str
    pages: tuple[str, ...]

    def do_GET(self) -> None:
        try:
            lines = [line for page in self.pages for line in metrics(self.url, page)]
        except OSError as error:
            self.send_error(503, str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write("\n".join([*lines, ""]).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing of requests."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="prometheus-nats-exporter", allow_abbrev=False)
    for page in PAGES:
        parser.add_argument(f"-{page}", action="store_true")
    parser.add_argument("-jsz", metavar="WHAT", default="")
    parser.add_argument("-port", "-p", type=int, default=7777)
    parser.add_argument("-addr", "-a", default="0.0.0.0")
    parser.add_argument("url")
    given = parser.parse_args()
    Exporter.url = given.url.rstrip("/")
    Exporter.pages = tuple(page for page in (*PAGES, "jsz") if getattr(given, page))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the first process of a container has no default
    ThreadingHTTPServer((given.addr, given.port), Exporter).serve_forever()


if __name__ == "__main__":
    main()
