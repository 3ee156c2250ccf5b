from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sens.domain.errors import Fatal
from sens.platform_api.console import Console, read_console
from sens.platform_api.edge import Edge

SCRIPT = "let reading = 1;" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("not of the console")
    dist = tmp_path / "dist"
    for name, text in {
        "index.html": "<!doctype html>the console",
        "icon.svg": "<svg/>",
        "assets/main-1a2b.js": SCRIPT,
        ".vite/manifest.json": "{}",
    }.items():
        (dist / name).parent.mkdir(parents=True, exist_ok=True)
        (dist / name).write_text(text)
    return dist


@pytest.fixture
def client(folder: Path) -> httpx.AsyncClient:
    api = Starlette(routes=[Route("/api/v1/devices", lambda _: PlainTextResponse("the API"))])
    transport = httpx.ASGITransport(Edge(Console(api, read_console(folder))))
    return httpx.AsyncClient(transport=transport, base_url="http://sens")


async def test_a_page_is_what_has_no_file_of_its_own(client: httpx.AsyncClient):
    for path in ("/", "/devices", "/devices/17?from=now-1h", "/login", "/apiary"):
        answer = await client.get(path)
        assert (answer.status_code, answer.text) == (200, "<!doctype html>the console")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/api", "/api/v1/nothing", "/healthz", "/readyz", "/version", "/metrics"])
async def test_paths_of_the_api_stay_with_the_api(client: httpx.AsyncClient, path: str):
    assert (await client.get(path)).status_code == 404
    assert (await client.get("/api/v1/devices")).text == "the API"


async def test_what_is_no_get_goes_to_the_api(client: httpx.AsyncClient):
    assert (await client.post("/devices")).status_code == 404
    assert (await client.head("/devices")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/missing.js",
        "/assets/main-old.js",
        "/assets/gone",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "//etc/passwd.txt",
        "/.vite/manifest.json",
    ],
)
async def test_only_files_of_the_console_are_served(client: httpx.AsyncClient, path: str):
    answer = await client.get(httpx.URL("http://sens").copy_with(raw_path=path.encode()))
    assert answer.status_code == 404
    assert "not of the console" not in answer.text


async def test_a_name_that_bears_a_hash_is_kept_for_good_and_the_page_is_asked_for_again(client: httpx.AsyncClient):
    script = await client.get("/assets/main-1a2b.js")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    page = await client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    again = await client.get("/devices", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_files_are_compressed_for_who_takes_that(client: httpx.AsyncClient):
    packed = await client.get("/assets/main-1a2b.js")
    plain = await client.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert packed.text == plain.text == SCRIPT
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.headers["etag"] != plain.headers["etag"]


async def test_only_scripts_of_the_console_itself_may_run(client: httpx.AsyncClient):
    headers = (await client.get("/")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_folder_without_a_console_is_refused_with_advice(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(Fatal, match="SENS_CONSOLE_DIR"):
            read_console(folder)
