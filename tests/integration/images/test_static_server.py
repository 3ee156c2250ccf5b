"""The web server of the images web-console and docs: nginx with their configuration, as a user that nobody knows."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from sens.platform_api.console import Console, read_console
from sens.platform_api.edge import SECURITY_HEADERS, Edge
from servers import Process, answers, free_port, missing, wait_until

STATIC = Path(__file__).resolve().parents[3] / "infra/docker/static"
USER_ID = 12345
SEARCH = f"{os.environ['PATH']}:/usr/sbin"
SCRIPT = "let reading = 1;" * 100
PAGE = "<!doctype html><title>a page</title>" + "<p>text</p>" * 50
CONSOLE = {
    "index.html": PAGE,
    "icon.svg": "<svg/>" * 100,
    "color-scheme.js": SCRIPT,
    "assets/main-1a2b.js": SCRIPT,
    "assets/main-3c4d.css": "body {}" * 100,
    "assets/font-5e6f.woff2": "no text",
}
DOCS = {
    "index.html": PAGE,
    "404.html": "<!doctype html>no such page",
    "getting-started/index.html": PAGE + "<script>here()</script>",
    "search/search_index.json": '{"docs": []}' * 100,
    "assets/stylesheets/main.0a1b2c3d.min.css": "body {}" * 100,
    "assets/images/favicon.png": "no text",
}
COMPARED = ("content-type", "content-encoding", *SECURITY_HEADERS)
BESIDE = [
    "/../beside.txt",
    "/%2e%2e/beside.txt",
    "/..%2fbeside.txt",
    "/assets/../../beside.txt",
    "//../beside.txt",
]


class StaticServer(Process):
    """nginx started as the image starts it, told other folders and another port."""

    def __init__(self, folder: Path, site: str, files: dict[str, str]) -> None:
        super().__init__(folder / "log", "nginx")
        self.port = free_port()
        self.site = folder / "srv" / "site"
        for name, text in files.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        subprocess.run([sys.executable, STATIC / "prepare_site.py", self.site], check=True)
        (self.site.parent / "beside.txt").write_text("not of the site")
        scratch = folder / "tmp"
        scratch.mkdir()
        scratch.chmod(0o777)
        for source, target in (("nginx.conf", "nginx.conf"), (f"{site}.conf", "site.conf")):
            text = (STATIC / source).read_text()
            text = text.replace("/tmp/", f"{scratch}/").replace("listen 8080", f"listen 127.0.0.1:{self.port}")
            (self.site.parent / target).write_text(text)
        if os.getuid() == 0:
            self.log_path.touch()
            os.chown(self.log_path, USER_ID, USER_ID)  # what runs containers gives their output to their user, too
            self.prefix = ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]

    def command(self) -> list[str]:
        return ["/usr/sbin/nginx", "-e", "stderr", "-p", str(self.site.parent), "-c", "nginx.conf"]

    def ready(self) -> bool:
        return answers(self.port)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}")


Start = Callable[[str, dict[str, str]], StaticServer]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    if not shutil.which("nginx", path=SEARCH):
        missing("nginx", "on Debian or Ubuntu: sudo tools/install-debian-packages nginx")
    servers: list[StaticServer] = []
    folder = Path(tempfile.mkdtemp(prefix="static"))  # pytest's own folders are closed to another user
    folder.chmod(0o755)

    def started(site: str, files: dict[str, str]) -> StaticServer:
        server = StaticServer(folder / f"{len(servers)}", site, files)
        server.start()
        servers.append(server)
        return server

    yield started
    for server in servers:
        server.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def console(start: Start) -> StaticServer:
    return start("web-console", CONSOLE)


@pytest.fixture(scope="module")
def docs(start: Start) -> StaticServer:
    return start("docs", DOCS)


def raw(server: StaticServer, path: str) -> httpx.Response:
    """Asked for with the path as it is written."""
    with server.client() as client:
        return client.get(httpx.URL(f"http://127.0.0.1:{server.port}").copy_with(raw_path=path.encode()))


@pytest.mark.parametrize(
    "path", ["/", "/devices", "/devices/17?from=now-1h", "/assets", "/apiary"] + [f"/{name}" for name in CONSOLE]
)
async def test_the_console_is_answered_as_by_the_api(console: StaticServer, path: str):
    api = Edge(Console(Starlette(), read_console(console.site)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://sens") as client:
        expected = await client.get(path)
    with console.client() as client:
        found = client.get(path)
    assert (found.status_code, found.text) == (expected.status_code, expected.text)
    assert {name: found.headers.get(name) for name in COMPARED} == {
        name: expected.headers.get(name) for name in COMPARED
    }


@pytest.mark.parametrize(
    "path",
    ["/missing.js", "/assets/main-old.js", "/assets/gone", "/assets/", "/api", "/api/v1/x", "/version", "/icon.svg.gz"],
)
def test_the_console_has_nothing_else_and_says_so_only_for_now(console: StaticServer, path: str):
    answer = raw(console, path)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*BESIDE, "/assets%00/main-1a2b.js", "/beside.txt"])
@pytest.mark.parametrize("site", ["console", "docs"])
def test_no_path_leads_out_of_the_site(request: pytest.FixtureRequest, site: str, path: str):
    answer = raw(request.getfixturevalue(site), path)
    assert answer.status_code in (400, 404)
    assert "not of the site" not in answer.text


def test_a_page_that_has_not_changed_is_not_sent_again(console: StaticServer):
    with console.client() as client:
        first = client.get("/devices")
        again = client.get("/devices", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"


def test_texts_are_compressed_ahead_for_who_takes_that(console: StaticServer):
    with console.client() as client:
        packed = client.get("/assets/main-1a2b.js")
        plain = client.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert packed.text == plain.text == SCRIPT
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


def test_nothing_is_taken_and_the_server_tells_no_version(console: StaticServer):
    with console.client() as client:
        assert client.post("/devices").status_code == 405
        assert client.put("/icon.svg", content=b"x").status_code == 405
        assert client.get("/").headers["server"] == "nginx"


@pytest.mark.parametrize("site", ["console", "docs"])
def test_the_probe_is_answered_and_not_logged(request: pytest.FixtureRequest, site: str):
    server: StaticServer = request.getfixturevalue(site)
    with server.client() as client:
        assert client.get("/healthz").text == "alive\n"
        client.get("/seen")
    wait_until(lambda: '"uri":"/seen"' in server.log_tail(), what="the line in the log")
    assert "/healthz" not in server.log_tail()


def test_a_folder_of_the_docs_is_a_page(docs: StaticServer):
    with docs.client() as client:
        there = client.get("/getting-started")
        assert (there.status_code, there.headers["location"]) == (301, "/getting-started/")
        assert client.get("/getting-started/").text == DOCS["getting-started/index.html"]
        assert client.get("/search/search_index.json").headers["content-type"] == "application/json"
        gone = client.get("/gone/")
    assert (gone.status_code, gone.text) == (404, DOCS["404.html"])


def test_of_the_docs_only_names_with_a_hash_are_kept(docs: StaticServer):
    with docs.client() as client:
        kept = client.get("/assets/stylesheets/main.0a1b2c3d.min.css").headers["cache-control"]
        asked_again = {
            client.get(path).headers["cache-control"] for path in ("/", "/assets/images/favicon.png", "/gone")
        }
    assert (kept, asked_again) == ("public, max-age=31536000, immutable", {"no-cache"})


def test_a_script_in_a_page_of_the_docs_is_allowed_by_its_hash_and_no_other(docs: StaticServer, console: StaticServer):
    with docs.client() as client:
        policy = client.get("/").headers["content-security-policy"]
    with console.client() as client:
        strict = client.get("/").headers["content-security-policy"]
    sha = " 'sha256-UYYjkfFE/03FDy1/wtsAnpnz+Ck7E+2+DtsrmYzZE6g='"
    assert policy.replace(sha, "") == strict
    assert "script-src 'self';" in strict


def test_a_request_under_way_is_answered_before_the_end(start: Start):
    server = start("docs", DOCS | {"large.txt": "0123456789" * 5_000_000})
    with (
        server.client() as client,
        client.stream("GET", "/large.txt", headers={"Accept-Encoding": "identity"}) as answer,
    ):
        chunks = answer.iter_bytes()
        got = len(next(chunks))
        os.kill(server.pid, signal.SIGQUIT)
        wait_until(lambda: not answers(server.port), what="no more to be accepted")
        got += sum(len(chunk) for chunk in chunks)
    assert got == 50_000_000
    assert server.stop() == 0
