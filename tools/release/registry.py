"""The registry of images, by the OCI distribution API.

A client of its own over httpx: the one library for it, oras-py, gives manifests parsed and writes them anew, so that
their digests change, and checks none.
"""

import hashlib
import json
import os
import re
from collections.abc import Generator, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from .refusal import Refusal, Unfinished

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
_INDEXES: Final = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS: Final = (*_INDEXES, MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_REPOSITORY_OF_PATH: Final = re.compile(r"/v2/(.+)/(?:manifests|blobs|tags)/")
_LOOPBACK: Final = ("localhost", "127.0.0.1")
_TIMEOUT_S: Final = 30.0


class Credentials(httpx.Auth):
    """Answers a registry's challenge: by a bearer token of the realm it names, or by name and password."""

    requires_response_body = True

    def __init__(self, user: str = "", password: str = "") -> None:
        self._basic = httpx.BasicAuth(user, password) if user else None
        self._kept: dict[str, str] = {}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        found = _REPOSITORY_OF_PATH.match(request.url.path)
        repository = found[1] if found else ""
        if repository in self._kept:
            request.headers["Authorization"] = self._kept[repository]
        response = yield request
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if scheme.lower() == "bearer":
            answer = yield self._token_request(request.url, dict(_PARAMETER.findall(rest)))
            if not answer.is_success:
                return  # the challenge stands as the answer: the caller tells that access was refused
            told = answer.json()
            request.headers["Authorization"] = f"Bearer {told.get('token') or told['access_token']}"
        elif scheme.lower() == "basic" and self._basic:
            self._sign(request)
        else:
            return
        self._kept[repository] = request.headers["Authorization"]
        yield request

    def _token_request(self, registry: httpx.URL, challenge: dict[str, str]) -> httpx.Request:
        realm = challenge.pop("realm")
        if registry.scheme == "https" and urlsplit(realm).scheme != "https":
            raise Refusal(f"{registry.host} wants its password sent to {realm}, unencrypted: it is not sent there")
        request = httpx.Request("GET", realm, params=challenge)
        self._sign(request)
        return request

    def _sign(self, request: httpx.Request) -> None:
        if self._basic:
            next(self._basic.auth_flow(request))


class Registry:
    """A folder of a registry, such as `ghcr.io/owner/sens-platform`; images are named without it.

    Every method raises Unfinished if the registry does not answer, or answers with something else than the digest says.
    Plain HTTP is spoken on loopback only.
    """

    def __init__(self, prefix: str, credentials: Credentials | None = None) -> None:
        host, _, self._folder = prefix.partition("/")
        scheme = "http" if host.partition(":")[0] in _LOOPBACK else "https"
        self.prefix = prefix
        self._client = httpx.Client(
            base_url=f"{scheme}://{host}/v2/", auth=credentials, timeout=_TIMEOUT_S, follow_redirects=True
        )

    @classmethod
    def of_environment(cls) -> "Registry":
        """The one of IMAGE_PREFIX, with REGISTRY_USER and REGISTRY_PASSWORD (a token of GHCR) if they are set."""
        user, password = os.environ.get("REGISTRY_USER", ""), os.environ.get("REGISTRY_PASSWORD", "")
        prefix = os.environ.get("IMAGE_PREFIX")
        if not prefix:
            raise Refusal("IMAGE_PREFIX is not set: it is where the images are, such as ghcr.io/OWNER/sens-platform")
        return cls(prefix, Credentials(user, password))

    def tags(self, image: str) -> frozenset[str]:
        """All tags of an image; none if there is no such image."""
        return frozenset(self._pages_of_tags(image))

    def digest(self, image: str, tag: str) -> str | None:
        """The digest that a tag names, computed from what the registry gives for it; None without such a tag."""
        answer = self._get_manifest(image, tag)
        return None if answer is None else _digest(answer.content)

    def tag(self, image: str, digest: str, tag: str) -> None:
        """Give an image that is there, with all its platforms, a tag. The tag is there already: nothing is done.

        Raises:
            Refusal: the tag names another digest, or the image is not whole.
        """
        there = self.digest(image, tag)
        if there is None:
            manifest = self._whole(image, digest)
            self._put_manifest(image, tag, manifest.content, manifest.headers["Content-Type"])
            there = self.digest(image, tag)
        if there != digest:
            raise Refusal(
                f"{self.prefix}/{image}:{tag} is {there}, not {digest}: a tag never moves. Find out who wrote it;"
                " release what was meant under the next version"
            )

    def push_document(self, image: str, tag: str, media_type: str, document: bytes) -> str:
        """Write a document as an artifact of one layer, under a tag. Returns the artifact's digest."""
        layer = self.push_blob(image, document)
        empty = self.push_blob(image, b"{}")
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": {"mediaType": EMPTY, "digest": empty, "size": 2},
            "layers": [{"mediaType": media_type, "digest": layer, "size": len(document)}],
        }
        digest = self.push_manifest(image, manifest)
        self.tag(image, digest, tag)
        return digest

    def push_manifest(self, image: str, manifest: Mapping[str, Any]) -> str:
        """Write a manifest or an index under its digest alone. Returns that."""
        content = encoded(manifest)
        digest = _digest(content)
        self._put_manifest(image, digest, content, manifest["mediaType"])
        return digest

    def push_blob(self, image: str, content: bytes) -> str:
        """Write what a manifest names. Returns its digest."""
        digest = _digest(content)
        path = f"{self._path(image)}/blobs"
        if self._call("HEAD", f"{path}/{digest}", absent=True).status_code == HTTPStatus.NOT_FOUND:
            upload = self._call("POST", f"{path}/uploads/")
            place = upload.request.url.join(upload.headers["Location"]).copy_merge_params({"digest": digest})
            headers = {"Content-Type": "application/octet-stream"}
            self._call("PUT", str(place), content=content, headers=headers)
        return digest

    def document(self, image: str, tag: str, media_type: str) -> bytes | None:
        """The document that was written under a tag; None without such a tag.

        Raises:
            Refusal: there is something else under it.
        """
        answer = self._get_manifest(image, tag)
        if answer is None:
            return None
        layers = answer.json().get("layers", [])
        if [layer["mediaType"] for layer in layers] != [media_type]:
            raise Refusal(f"{self.prefix}/{image}:{tag} is no {media_type}: somebody else wrote it")
        digest = layers[0]["digest"]
        return _checked(self._call("GET", f"{self._path(image)}/blobs/{digest}"), digest).content

    def labels(self, image: str, digest: str) -> dict[str, dict[str, str]]:
        """The labels of an image for each of its platforms, by what the platform is called.

        Raises:
            Refusal: the image is not whole.
        """
        answer = self._whole(image, digest)
        index = answer.json()
        if "manifests" not in index:
            return {"its only platform": self._labels(image, index)}
        # What is said about an image, such as its SBOM, is for the platform `unknown`.
        entries = [each for each in index["manifests"] if each["platform"]["os"] != "unknown"]
        return {_platform(each): self._labels(image, self._manifest(image, each["digest"])) for each in entries}

    def _labels(self, image: str, manifest: Mapping[str, Any]) -> dict[str, str]:
        digest = manifest["config"]["digest"]
        config = _checked(self._call("GET", f"{self._path(image)}/blobs/{digest}"), digest).json()
        return config.get("config", {}).get("Labels") or {}

    def _manifest(self, image: str, digest: str) -> Mapping[str, Any]:
        answer = self._get_manifest(image, digest)
        assert answer is not None  # the image is whole
        return answer.json()

    def _whole(self, image: str, digest: str) -> httpx.Response:
        """The manifest of an image of which each platform's is there too."""
        answer = self._get_manifest(image, digest)
        if answer is None:
            raise Refusal(f"{self.prefix}/{image} has no {digest}: push the images before they are tagged")
        for platform in _platforms(answer):
            if self._get_manifest(image, platform) is None:
                raise Refusal(f"{self.prefix}/{image}@{digest} lacks its platform {platform}: push the whole index")
        return answer

    def _get_manifest(self, image: str, reference: str) -> httpx.Response | None:
        accept = {"Accept": ", ".join(_MANIFESTS)}
        answer = self._call("GET", f"{self._path(image)}/manifests/{reference}", headers=accept, absent=True)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        return _checked(answer, reference) if reference.startswith("sha256:") else answer

    def _put_manifest(self, image: str, reference: str, content: bytes, media_type: str) -> None:
        headers = {"Content-Type": media_type}
        self._call("PUT", f"{self._path(image)}/manifests/{reference}", content=content, headers=headers)

    def _pages_of_tags(self, image: str) -> Iterator[str]:
        place: str | None = f"{self._path(image)}/tags/list"
        while place:
            answer = self._call("GET", place, absent=True)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return
            yield from answer.json()["tags"] or ()
            following = answer.links.get("next", {}).get("url")
            place = str(answer.request.url.join(following)) if following else None

    def _path(self, image: str) -> str:
        return f"{self._folder}/{image}" if self._folder else image

    def _call(self, method: str, path: str, *, absent: bool = False, **options: Any) -> httpx.Response:
        """A request that succeeds; with `absent`, 404 is an answer too."""
        try:
            answer = self._client.request(method, path, **options)
        except httpx.HTTPError as failure:
            raise Unfinished(f"{self.prefix} does not answer ({failure}): run this again when it does") from failure
        if answer.is_success or (absent and answer.status_code == HTTPStatus.NOT_FOUND):
            return answer
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise Refusal(
                f"{self.prefix} refuses {method} {path}: set REGISTRY_USER and REGISTRY_PASSWORD to those of somebody"
                " who may"
            )
        raise Unfinished(f"{self.prefix} answers {answer.status_code} to {method} {path}: {answer.text[:500]}")


def encoded(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, separators=(",", ":")).encode()


def _platform(entry: Mapping[str, Any]) -> str:
    platform = entry["platform"]
    return f"{platform['os']}/{platform['architecture']}"


def _platforms(manifest: httpx.Response) -> list[str]:
    """The digests of an index; none of an image for one platform."""
    return [entry["digest"] for entry in manifest.json().get("manifests", ())]


def _checked(answer: httpx.Response, digest: str) -> httpx.Response:
    if (got := _digest(answer.content)) != digest:
        raise Unfinished(f"{answer.request.url} was answered with {got}: what lies between is broken, or lies")
    return answer


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
