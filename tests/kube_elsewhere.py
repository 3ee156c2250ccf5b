"""Servers on a cluster that are not the platform's, over TLS: PostgreSQL, a NATS cluster of three, an MQTT broker."""

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from certificates import make_certificate
from kube import Release, eventually, forwarded, one_shot_pod, run
from sens.storage.privileges import Role

MANIFEST = Path(__file__).parent / "cluster" / "elsewhere.yaml"
NATS = ("nats-0", "nats-1", "nats-2")
SOURCE = "plant"


class Elsewhere:
    """The servers, in a namespace of their own, for a release of `examples/ha.yaml`."""

    def __init__(self, namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self._folder = folder
        self._pods = Release("elsewhere", namespace, [])
        self._admin_password = secrets.token_hex(24)
        self._broker_password = secrets.token_hex(24)

    @property
    def values(self) -> Mapping[str, Any]:
        """What a release that uses them has over `examples/ha.yaml`; without an ingress or Prometheus' operator."""
        peer = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}}]
        authority = {"name": "ca", "mountPath": "/run/ca", "volume": {"secret": {"secretName": "sens-postgres-ca"}}}
        source = {
            "name": SOURCE,
            "broker": f"mqtts://{self._host('broker')}:8883",
            "username": "sens",
            "password": {"env": "PLANT_A_PASSWORD"},
            "tls": {"ca": "/run/ca/ca.crt"},
            "topics": [{"topic": "sens/{device}/telemetry", "decoder": "json", "time": {"field": "ts"}}],
        }
        # As small as its node may be; how much a production needs is not what is tested.
        small = {"resources": {"requests": {"cpu": "20m"}}}
        return {
            "platformApi": {"ingress": {"enabled": False}, **small},
            "webConsole": {"ingress": {"enabled": False}},
            "mqttIngestionWorker": {"extraVolumes": [authority], **small},
            "telemetryWorker": small,
            "timescaledb": {"external": {"host": self._host("postgres")}},
            "nats": {
                "external": {"hosts": [self._host(f"{name}.nats") for name in NATS]},
                "stream": {"maxSize": "512Mi"},
            },
            "networkPolicy": {
                "egress": {
                    "brokers": [{"to": peer, "ports": [8883]}],
                    "database": [{"to": peer, "ports": [5432]}],
                    "nats": [{"to": peer, "ports": [4222]}],
                }
            },
            "monitoring": {"podMonitor": {"enabled": False}, "rules": {"enabled": False}},
            "config": {"sources": [source]},
        }

    @property
    def broker(self) -> str:
        """Host name of the broker, whose port 1883 is open to devices."""
        return self._host("broker")

    def start(self, release: Release) -> None:
        """Servers first; then the release's Secrets by the commands in the docs."""
        self._pods.make_namespace()
        release.make_namespace()
        release.make_secrets()
        self._make_certificates()
        where = {"PLANT_A_PASSWORD": self._broker_password}
        release.run_documented("create secret generic sens-brokers", folder=self._folder, variables=where)
        nats = f'authorization {{ user: sens, password: "{release.secret("sens-nats", "nats-password")}" }}\n'
        self._make_secret(
            "access", {"postgres": self._admin_password, "broker": self._broker_password, "nats.conf": nats}
        )
        self._pods.kubectl("apply", "--filename", str(MANIFEST))
        self.wait_ready()

    def _make_certificates(self) -> None:
        authority = make_certificate(self._folder, "ca", None)
        for name in ("postgres", "broker"):
            make_certificate(self._folder, name, authority, host=self._host(name))
        make_certificate(self._folder, "nats", authority, host=self._host("*.nats"))
        for name in ("postgres", "nats"):
            (self._folder / f"{name}-ca.crt").write_bytes((self._folder / "ca.pem").read_bytes())
        files = sorted(path.name for path in self._folder.glob("*.*") if path.stem in {"postgres", "broker", "nats"})
        self._make_secret("certificates", {name: (self._folder / name).read_text() for name in files})

    def _make_secret(self, name: str, texts: Mapping[str, str]) -> None:
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        self._pods.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})

    def make_roles(self, release: Release, image: str) -> None:
        """By the command in docs/database-roles.md, with the passwords of the release's Secret."""
        where = f"host=postgres dbname=sens user=postgres password={self._admin_password} sslmode=require"
        env = {"SENS_DATABASE_URL": where}
        for role in Role:
            env[f"SENS_DATABASE_{role.upper()}_ROLE"] = f"sens_{role}"
            env[f"SENS_DATABASE_{role.upper()}_PASSWORD"] = release.secret("sens-database", f"{role}-password")
        container = {
            "name": "roles", "image": image, "command": ["sens", "migrate", "--create-roles"],
            "env": [{"name": name, "value": value} for name, value in env.items()],
        }  # fmt: skip
        self._pods.apply(one_shot_pod("roles", {}, container))
        eventually(lambda: self._pods.ended("roles"), "the roles to be made")

    def wait_ready(self) -> None:
        for name in ("postgres", "nats"):
            self._pods.kubectl("rollout", "status", f"statefulset/{name}", "--timeout=600s")
        self._pods.kubectl("wait", "pod/broker", "--for=condition=Ready", "--timeout=600s")

    def lose(self, pod: str) -> None:
        """Delete it, and wait until another is there in its place."""
        self._pods.kubectl("delete", "pod", pod, "--wait=true")
        self.wait_ready()

    def keep_nats(self, servers: int) -> None:
        """Only so many of the three, until it is called again. Without most of them none is ready."""
        self._pods.kubectl("scale", "statefulset/nats", f"--replicas={servers}")
        for name in NATS[servers:]:
            self._pods.kubectl("wait", f"pod/{name}", "--for=delete", "--timeout=300s")
        if servers == len(NATS):
            self.wait_ready()

    def copies(self) -> dict[str, int]:
        """How many servers hold each stream, by its name; only those that are not behind, as its leader knows it."""
        found: dict[str, int] = {}
        for server in NATS:
            with forwarded(self.namespace, f"pod/{server}", 8222) as port:
                told = httpx.get(f"http://127.0.0.1:{port}/jsz?streams=true&accounts=true", timeout=20).json()
            streams = [stream for account in told["account_details"] for stream in account.get("stream_detail", [])]
            for stream in (stream for stream in streams if stream["cluster"]["leader"] == server):
                others = stream["cluster"].get("replicas", [])
                found[stream["name"]] = 1 + sum(each["current"] for each in others)
        return found

    def remove(self) -> None:
        run("kubectl", "delete", "namespace", self.namespace, "--wait=true")

    def _host(self, name: str) -> str:
        return f"{name}.{self.namespace}"
