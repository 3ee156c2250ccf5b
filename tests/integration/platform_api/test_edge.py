"""What holds for every request, whatever its route."""

import asyncio
import re

import httpx
import pytest

from api import KEYS, Api, assert_problem
from sens.platform_api import body
from sens.platform_api.app import make_app, make_routes
from sens.platform_api.edge import Edge, unreadable_request
from sens.platform_api.services import Services
from sens.runtime.catalogue import render
from sens.runtime.http import serve


async def test_every_answer_bears_security_headers_and_a_request_id(api: Api):
    for answer in (await api.get("/devices"), await api.get("/nowhere"), await api.get("/healthz", key=None)):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert len(answer.headers["x-request-id"]) == 16
        assert "server" not in answer.headers


async def test_a_request_id_from_outside_is_kept_if_it_is_harmless(api: Api):
    given = await api.request("GET", "/nowhere", headers={"X-Request-ID": "trace-0123456789"})
    assert assert_problem(given, 404, "not-found")["request_id"] == "trace-0123456789"
    forged = await api.request("GET", "/nowhere", headers={"X-Request-ID": 'x"\\n{}' * 3})
    assert len(assert_problem(forged, 404, "not-found")["request_id"]) == 16


async def test_paths_and_methods_that_are_not_there_are_problems(api: Api):
    assert_problem(await api.get("/devices/"), 404, "not-found")
    for path, allowed in (
        ("/devices", "GET, HEAD"),
        ("/api-keys", "GET, HEAD, POST"),
        ("/api-keys/1", "DELETE"),
        ("/openapi.json", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
    ):
        answer = await api.request("PUT", path)
        assert_problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/devices", "/devices/4711", "/ledger", "/nowhere", "/openapi.json", "/readyz"])
async def test_head_is_answered_as_get_is_without_the_body(api: Api, path: str):
    get, head = await api.get(path), await api.request("HEAD", path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "content-length", "content-security-policy"):
        assert head.headers[name] == get.headers[name]
    assert f'method="HEAD",route="{route_of(path)}",status="{get.status_code}"' in render("platform-api").decode()


def route_of(path: str) -> str:
    return {
        "/devices/4711": "/api/v1/devices/{device_id}",
        "/nowhere": "unmatched",
        "/openapi.json": "unmatched",
        "/readyz": path,
    }.get(path, f"/api/v1{path}")


async def test_head_of_what_has_no_end_ends(api: Api, services: Services):
    async with asyncio.timeout(20):
        answer = await api.request("HEAD", "/live")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert services.live.streams == 0


async def test_after_head_the_connection_serves_on(services: Services):
    async with (
        serve(make_app(services), "127.0.0.1", 0, port_variable="P") as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        head, get = await client.head("/version"), await client.get("/version")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.extensions["network_stream"] is get.extensions["network_stream"]


async def test_head_of_what_is_only_written_is_refused(api: Api):
    answer = await api.request("HEAD", "/api-keys/1")
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (405, b"", "DELETE")


async def test_an_answer_that_cannot_be_made_is_a_problem_without_its_cause(
    api: Api, services: Services, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services, "log", None)
    answer = await api.get("/ledger")
    problem = assert_problem(answer, 500, "internal")
    assert "NoneType" not in answer.text
    assert problem["request_id"]


async def test_each_path_tells_the_methods_that_it_is_documented_with(api: Api):
    for path, operations in make_routes().openapi()["paths"].items():
        answer = await api.client.request("OPTIONS", re.sub(r"{\w+}", "1", path))
        allowed = set(answer.headers["allow"].lower().split(", ")) - {"head"}
        assert allowed == operations.keys() & {"get", "post", "put", "patch", "delete"}, path


async def test_a_misspelt_parameter_is_refused_with_advice(api: Api):
    problem = assert_problem(await api.get("/series/1/readings", form="now-1d"), 422, "invalid-request")
    assert problem["detail"] == "there is no parameter 'form' here; did you mean from?"
    assert_problem(await api.get("/ledger", source="plant-a"), 422, "invalid-request")


async def test_a_parameter_that_has_one_value_is_refused_twice(api: Api):
    problem = assert_problem(await api.get("/devices", limit=[1, 2]), 422, "invalid-request")
    assert problem["errors"] == [{"location": "query.limit", "message": "limit may be given once"}]
    assert (await api.get("/series", id=[1, 2])).status_code == 200


async def test_a_body_has_a_limit_declared_or_not(api: Api):
    large = b'{"name": "' + b"x" * body.MAX_BODY_BYTES + b'"}'

    async def in_parts():
        for start in range(0, len(large), 10_000):
            yield large[start : start + 10_000]

    for content in (large, in_parts()):
        answer = await api.request("POST", "/api-keys", content=content, headers={"Content-Type": "application/json"})
        assert "65536 bytes" in assert_problem(answer, 413, "body-too-large")["detail"]


async def test_a_body_that_does_not_come_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.2)

    async def stalling():
        yield b"{"
        await asyncio.sleep(30)
        yield b"}"

    answer = await api.request("POST", "/api-keys", content=stalling())
    assert_problem(answer, 408, "request-timeout")


async def test_a_body_that_cannot_be_read_is_explained(api: Api):
    for content in (b"{", b"\xff", b"[]", b'"\\ud800"', b"{" * 5000, b"[" * 60_000):
        answer = await api.request("POST", "/api-keys", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), content[:10]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_answer_that_takes_too_long_is_given_up(services: Services):
    async def slow(scope, receive, send):
        await asyncio.sleep(30)

    transport = httpx.ASGITransport(Edge(slow, timeout_s=0.2))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.get("/api/v1/devices")
    assert_problem(answer, 503, "timed-out")
    assert answer.headers["retry-after"] == "2"


async def test_beyond_the_limit_of_requests_only_probes_are_answered():
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def waiting(scope, receive, send):
        if scope["path"] != "/healthz":
            under_way.set()
            await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    transport = httpx.ASGITransport(Edge(waiting, max_requests=1))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        first = asyncio.create_task(client.get("/api/v1/devices"))
        await under_way.wait()
        refused = await client.get("/api/v1/devices")
        assert_problem(refused, 503, "overloaded")
        assert (await client.get("/healthz")).status_code == 200
        go_on.set()
        assert (await first).status_code == 200


async def test_metrics_name_the_route_and_never_an_id(api: Api):
    await api.get("/devices/4711")
    await api.get("/no/such/path/4711")
    text = render("platform-api").decode()
    assert 'sens_api_http_requests_total{method="GET",route="/api/v1/devices/{device_id}",status="404"}' in text
    assert 'route="unmatched",status="404"' in text
    assert "/4711" not in text


async def test_the_probes_are_public_and_tell_what_fails(api: Api, services: Services):
    assert (await api.get("/healthz", key=None)).json()["status"] == "alive"
    assert (await api.get("/readyz", key=None)).status_code == 503
    services.probes.readiness.register("nats", lambda: answer("NATS is away"))
    ready = await api.get("/readyz", key=None)
    assert ready.json() == {"status": "failing", "checks": {"nats": {"ok": False, "reason": "NATS is away"}}}
    assert (await api.get("/version", key=None)).json()["component"] == "platform-api"


async def answer(text: str) -> str:
    return text


@pytest.mark.parametrize(
    "request_bytes",
    [b"\x16\x03\x01\r\n\r\n", b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /" + b"a" * 200_000],
    ids=["no http", "no text", "too long"],
)
async def test_what_is_no_request_is_answered_with_a_problem(services: Services, request_bytes: bytes):
    async with (
        serve(make_app(services), "127.0.0.1", 0, port_variable="P", unreadable=unreadable_request) as port,
        asyncio.timeout(20),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes)
        header, _, content = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert 'method="other",route="unmatched",status="400"' in render("platform-api").decode()
    status, *lines = header.decode().split("\r\n")
    assert status == "HTTP/1.1 400 Bad Request"
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["connection"] == "close"
    assert_problem(httpx.Response(400, headers=headers, content=content), 400, "bad-request")


async def test_unknown_hosts_paths_and_bytes_do_no_harm(services: Services):
    transport = httpx.ASGITransport(make_app(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        for path in ("/%00", "/api/v1/devices/%00", "/api/v1/devices?prefix=%00", "/api/v1/devices?prefix=%ff", "//"):
            answer = await client.get(path, headers={"X-API-Key": KEYS["read"]})
            assert answer.status_code < 500, path
