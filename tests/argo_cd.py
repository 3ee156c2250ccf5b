"""The Argo CD of the cluster of the current KUBECONFIG, asked as its local users ask it."""

import base64
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from kube import Object, eventually, forwarded, run

NAMESPACE = "argocd"
_TIMEOUT_S = 60.0


class ArgoCd:
    """Its API server by a forwarded port. Users log in by `as_user()`; without, one is anonymous."""

    def __init__(self, url: str) -> None:
        self.anonymous = httpx.Client(base_url=f"{url}/api/v1", timeout=_TIMEOUT_S)

    def as_user(self, name: str, password: str) -> "User":
        # Not by the client itself, which would keep the cookie and be anonymous no more.
        url = f"{self.anonymous.base_url}session"
        answer = httpx.post(url, json={"username": name, "password": password}, timeout=_TIMEOUT_S)
        answer.raise_for_status()
        return User(self.anonymous, answer.json()["token"])


class User:
    """Somebody who has logged in; without a token, nobody."""

    def __init__(self, client: httpx.Client, token: str = "") -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def sync(self, application: str, **request: Any) -> httpx.Response:
        """Ask for a sync with pruning; `request` has further fields of it."""
        return self._post(f"/applications/{application}/sync", {"prune": True, **request})

    def roll_back(self, application: str, history_id: int) -> httpx.Response:
        return self._post(f"/applications/{application}/rollback", {"id": history_id})

    def see(self, application: str) -> httpx.Response:
        return self._client.get(f"/applications/{application}", headers=self._headers)

    def delete(self, application: str) -> httpx.Response:
        # Argo CD takes no change without this type, though there is no body.
        headers = {**self._headers, "content-type": "application/json"}
        return self._client.delete(f"/applications/{application}", headers=headers)

    def change(self, application: str, patch: Mapping[str, Any]) -> httpx.Response:
        body = {"name": application, "patch": json.dumps(patch), "patchType": "merge"}
        return self._client.patch(f"/applications/{application}", json=body, headers=self._headers)

    def set_password(self, user: str, own: str, new: str) -> None:
        """Give another user a password, by one's own."""
        body = {"name": user, "currentPassword": own, "newPassword": new}
        self._client.put("/account/password", json=body, headers=self._headers).raise_for_status()

    def _post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return self._client.post(path, json=body, headers=self._headers)


def application(name: str) -> Object:
    """The Application as the cluster has it."""
    return json.loads(run("kubectl", "--namespace", NAMESPACE, "get", "application", name, "--output", "json"))


def sync_status(name: str) -> str:
    return application(name).get("status", {}).get("sync", {}).get("status", "Unknown")


def is_deployed(name: str) -> bool:
    """Whether what is desired now has been synced, hooks included, and works."""
    seen = application(name)
    status = seen.get("status", {})
    pinned = [source["targetRevision"] for source in seen["spec"]["sources"]]
    done = status.get("operationState", {})
    return (
        status.get("sync", {}).get("status") == "Synced"
        and status["sync"].get("revisions") == pinned
        and status.get("health", {}).get("status") == "Healthy"
        and "operation" not in seen
        and done.get("phase") == "Succeeded"
        and done.get("syncResult", {}).get("revisions") == pinned
    )


def refresh(name: str) -> None:
    """Have its repository looked at now, instead of within three minutes."""
    run(
        "kubectl", "--namespace", NAMESPACE, "annotate", "application", name, "--overwrite",
        "argocd.argoproj.io/refresh=hard",
    )  # fmt: skip


def initial_password() -> str:
    """The admin's, as Argo CD made it."""
    text = run("kubectl", "--namespace", NAMESPACE, "get", "secret", "argocd-initial-admin-secret", "--output", "json")
    return base64.b64decode(json.loads(text)["data"]["password"]).decode()


@contextmanager
def argo_cd() -> Generator[ArgoCd]:
    """The API server, which speaks HTTP: TLS ends at the ingress controller."""
    with forwarded(NAMESPACE, "service/argocd-server", 80) as port:
        found = ArgoCd(f"http://127.0.0.1:{port}")
        eventually(lambda: found.anonymous.get("/settings").is_success, "Argo CD's API server")
        yield found
