"""Tags of a real registry: read, given once, never moved; whole indexes; access by password and by token."""

import base64
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from image_registry import ImageRegistry
from release.loopback import PLATFORMS, push_image
from release.refusal import Refusal, Unfinished
from release.registry import INDEX, Credentials, Registry

DOCUMENT = "application/vnd.sens.test+json"


def manifest(registry: Registry, image: str, reference: str) -> httpx.Response:
    """What any other client of the registry gets."""
    address, _, folder = registry.prefix.partition("/")
    return httpx.get(f"http://{address}/v2/{folder}/{image}/manifests/{reference}", headers={"Accept": INDEX})


def move(registry: Registry, image: str, tag: str, digest: str) -> None:
    """What no release does, and the registry allows."""
    address, _, folder = registry.prefix.partition("/")
    answer = manifest(registry, image, digest)
    headers = {"Content-Type": INDEX}
    url = f"http://{address}/v2/{folder}/{image}/manifests/{tag}"
    assert httpx.put(url, content=answer.content, headers=headers).is_success


def test_a_tag_names_the_whole_index_unchanged(registry: Registry) -> None:
    digest = push_image(registry, "docs", "first")
    assert registry.digest("docs", "0.1.0") is None
    registry.tag("docs", digest, "0.1.0")
    assert registry.digest("docs", "0.1.0") == digest
    assert registry.tags("docs") == {"0.1.0"}
    found = manifest(registry, "docs", "0.1.0")
    assert found.headers["Docker-Content-Digest"] == digest
    assert [entry["platform"]["architecture"] for entry in found.json()["manifests"]] == list(PLATFORMS)


def test_a_tag_that_is_there_is_given_again_without_effect_and_never_to_another_image(registry: Registry) -> None:
    first, second = push_image(registry, "docs", "first"), push_image(registry, "docs", "second")
    registry.tag("docs", first, "0.1.0")
    registry.tag("docs", first, "0.1.0")
    with pytest.raises(Refusal, match="a tag never moves"):
        registry.tag("docs", second, "0.1.0")
    assert registry.digest("docs", "0.1.0") == first


def test_a_tag_that_somebody_else_moves_meanwhile_is_told(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = push_image(registry, "docs", "first"), push_image(registry, "docs", "second")
    put = registry._put_manifest

    def put_and_lose(image: str, reference: str, content: bytes, media_type: str) -> None:
        put(image, reference, content, media_type)
        move(registry, "docs", "0.1.0", second)

    monkeypatch.setattr(registry, "_put_manifest", put_and_lose)
    with pytest.raises(Refusal, match=f"is {second}, not {first}"):
        registry.tag("docs", first, "0.1.0")


def test_an_image_that_was_not_pushed_gets_no_tag(registry: Registry) -> None:
    push_image(registry, "docs", "first")
    with pytest.raises(Refusal, match="push the images before"):
        registry.tag("docs", f"sha256:{'0' * 64}", "0.1.0")
    assert registry.tags("docs") == frozenset()


def test_an_index_that_lacks_a_platform_gets_no_tag(image_registry: ImageRegistry, registry: Registry) -> None:
    digest = push_image(registry, "docs", "first")
    lost = manifest(registry, "docs", digest).json()["manifests"][1]["digest"].removeprefix("sha256:")
    folder = registry.prefix.partition("/")[2]
    repository = image_registry.images / "docker/registry/v2/repositories" / folder / "docs"
    (repository / "_manifests/revisions/sha256" / lost / "link").unlink()
    with pytest.raises(Refusal, match="lacks its platform"):
        registry.tag("docs", digest, "0.1.0")
    assert registry.tags("docs") == frozenset()


def test_an_image_that_is_answered_with_other_content_gets_no_tag(
    image_registry: ImageRegistry, registry: Registry
) -> None:
    digest = push_image(registry, "docs", "broken")
    hexadecimal = digest.removeprefix("sha256:")
    blob = image_registry.images / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"
    blob.write_bytes(blob.read_bytes() + b" ")
    with pytest.raises((Refusal, Unfinished)):
        registry.tag("docs", digest, "0.1.0")
    assert registry.tags("docs") == frozenset()


def test_a_document_is_kept_as_it_was_written(registry: Registry) -> None:
    assert registry.document("release", "0.1.0", DOCUMENT) is None
    digest = registry.push_document("release", "0.1.0", DOCUMENT, b'{"a":1}')
    assert registry.push_document("release", "0.1.0", DOCUMENT, b'{"a":1}') == digest
    assert registry.document("release", "0.1.0", DOCUMENT) == b'{"a":1}'
    with pytest.raises(Refusal, match="a tag never moves"):
        registry.push_document("release", "0.1.0", DOCUMENT, b'{"a":2}')
    with pytest.raises(Refusal, match="is no application/other"):
        registry.document("release", "0.1.0", "application/other")


def test_all_tags_are_read_from_as_many_pages_as_there_are(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = push_image(registry, "docs", "first")
    wanted = {f"0.1.{patch}" for patch in range(5)}
    for tag in wanted:
        move(registry, "docs", tag, digest)
    first_page, call = f"{registry._path('docs')}/tags/list", registry._call

    def call_by_twos(method: str, path: str, **options: Any) -> httpx.Response:
        return call(method, f"{path}?n=2" if path == first_page else path, **options)

    monkeypatch.setattr(registry, "_call", call_by_twos)
    assert registry.tags("docs") == wanted


def test_a_registry_that_is_away_says_to_run_again() -> None:
    with pytest.raises(Unfinished, match="run this again"):
        Registry("127.0.0.1:1/sens").digest("docs", "0.1.0")


USER, PASSWORD = "releaser", "correct horse"


class TokenServer(ThreadingHTTPServer):
    """Gives who knows the password a token for what the registry asks, as GHCR does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TokenHandler)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate_of(self.key)
        self.granted: list[str] = []

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/token"

    def token(self, service: str, scope: str) -> str:
        kind, name, actions = scope.split(":")
        self.granted.append(actions)
        now = int(time.time())
        x5c = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        claims = {
            "iss": "test", "sub": USER, "aud": service, "nbf": now - 60, "iat": now, "exp": now + 600, "jti": "1",
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }  # fmt: skip
        signed = ".".join(unpadded(json.dumps(part).encode()) for part in ({"alg": "ES256", "x5c": [x5c]}, claims))
        numbers = utils.decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{unpadded(b''.join(number.to_bytes(32) for number in numbers))}"


class TokenHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, TokenServer)
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        allowed = self.headers.get("Authorization") == f"Basic {expected}"
        query = parse_qs(urlsplit(self.path).query)
        body = b"{}"
        if allowed:
            body = json.dumps({"token": self.server.token(query["service"][0], query["scope"][0])}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate_of(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tokens")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with TokenServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def guarded(tmp_path: Path, tokens: TokenServer) -> Iterator[ImageRegistry]:
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(tokens.certificate.public_bytes(serialization.Encoding.PEM))
    token = {"realm": tokens.realm, "service": "images", "issuer": "test", "rootcertbundle": str(authorities)}
    server = ImageRegistry(tmp_path / "guarded", {"auth": {"token": token}})
    server.start()
    yield server
    server.stop()


def test_a_token_is_fetched_for_what_is_asked_once_and_kept(guarded: ImageRegistry, tokens: TokenServer) -> None:
    registry = Registry(f"{guarded.address}/sens", Credentials(USER, PASSWORD))
    assert registry.digest("docs", "0.1.0") is None
    registry.tag("docs", push_image(registry, "docs", "first"), "0.1.0")
    assert [sorted(actions.split(",")) for actions in tokens.granted] == [["pull"], ["pull", "push"]]


@pytest.mark.parametrize("credentials", [None, Credentials(), Credentials(USER, "wrong")])
def test_whoever_may_not_is_told_what_to_set(guarded: ImageRegistry, credentials: Credentials | None) -> None:
    with pytest.raises(Refusal, match="set REGISTRY_USER and REGISTRY_PASSWORD"):
        Registry(f"{guarded.address}/sens", credentials).digest("docs", "0.1.0")


def test_a_password_answers_a_challenge_for_one() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization", "").startswith("Basic "):
            return httpx.Response(200, content=b"{}")
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="images"'})

    with httpx.Client(transport=httpx.MockTransport(server), auth=Credentials(USER, PASSWORD)) as client:
        assert client.get("https://registry.example.org/v2/sens/docs/manifests/0.1.0").is_success


def test_no_password_is_sent_unencrypted_on_behalf_of_an_encrypted_registry() -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://elsewhere.example.org/token",service="images"'}
    transport = httpx.MockTransport(lambda _: httpx.Response(401, headers=challenge))
    with (
        httpx.Client(transport=transport, auth=Credentials(USER, PASSWORD)) as client,
        pytest.raises(Refusal, match=re.escape("elsewhere.example.org")),
    ):
        client.get("https://registry.example.org/v2/sens/docs/manifests/0.1.0")
