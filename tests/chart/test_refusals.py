"""Values that cannot be: each gets a sentence that says what to change, and nothing is rendered."""

import json
from typing import Any

import pytest

from helm import MAJOR_VERSIONS, Refused, render_text

SOURCE = {"name": "a", "broker": "mqtt://b", "topics": [{"topic": "a", "decoder": "json"}]}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    # (environment, values over its own, what must be said)
    ("test", {"imageTag": ""}, "no tag is set; set imageTag to the release to run"),
    ("test", {"imageTag": "latest"}, '"latest" is not the tag of a release; write one that never moves'),
    ("test", {"imageTag": "main"}, '"main" is not the tag of a release'),
    ("test", {"imageTag": "v0.5.0"}, '"v0.5.0" is not the tag of a release'),
    ("test", {"imageTag": "0.5"}, '"0.5" is not the tag of a release'),
    ("test", {"imageTag": "00.5.0"}, '"00.5.0" is not the tag of a release'),
    (
        "test",
        {"nats": {"image": {"tag": ""}}},
        "nats.image.tag: without a tag and a digest whatever is newest would run",
    ),
    (
        "test",
        {"timescaledb": {"exporter": {"image": {"tag": ""}}}},
        "timescaledb.exporter.image.tag: without a tag and a digest",
    ),
    (
        "test",
        {"platformApi": {"image": {"tag": "0.5.0-beta.1"}}},
        'platformApi.image.tag: "0.5.0-beta.1" is not the tag',
    ),
    (
        "test",
        {"mockMqttBroker": {"simulator": {"image": {"tag": "latest"}}}},
        'mockMqttBroker.simulator.image.tag: "latest" is not the',
    ),
    ("test", {"platformApi": {"enabled": False}}, "smokeTest.enabled: it asks platform-api, which is not installed"),
    ("production", {"config": None}, "config: no source is declared; write what sens.yaml would hold"),
    (
        "production",
        {"config": {"sources": [SOURCE, SOURCE]}},
        'config.sources: "a" stands twice; give each its own name',
    ),
    (
        "production",
        {"config": {"tenants": [{"name": "b"}, {"name": "b"}], "sources": [SOURCE]}},
        'config.tenants: "b" stands twice; give each its own name',
    ),
    (
        "production",
        {"mqttIngestionWorker": {"secretRefs": []}},
        "add to mqttIngestionWorker.secretRefs: {env: PLANT_A_PASSWORD",
    ),
    (
        "production",
        {"mqttIngestionWorker": {"env": {"PLANT_A_PASSWORD": "x"}}},
        "mqttIngestionWorker: PLANT_A_PASSWORD stands in env and in secretRefs; keep one",
    ),
    ("test", {"timescaledb": {"enabled": False}}, "set mode to external and external.host to your server"),
    ("test", {"timescaledb": {"existingSecret": ""}}, "name the Secret with the keys admin-password, owner-password"),
    ("ha", {"timescaledb": {"existingSecret": ""}}, "name the Secret with the keys owner-password, writer-password"),
    ("ha", {"timescaledb": {"external": {"host": ""}}}, "timescaledb.external.host: name your PostgreSQL server"),
    ("test", {"timescaledb": {"external": {"host": "db"}}}, "set mode to external, or leave the host empty"),
    ("ha", {"networkPolicy": {"egress": {"database": []}}}, "networkPolicy.egress.database: name the addresses"),
    ("test", {"timescaledb": {"roles": {"reader": "sens_writer"}}}, "two roles have the same name"),
    ("test", {"migrations": {"enabled": False}}, "migrations.enabled: nothing else makes the roles and the schema"),
    (
        "test",
        {"timescaledb": {"settings": {"max_wal_size": "11GB"}}},
        "max_wal_size: 11GB is more than half of the volume of 20Gi, and data needs the rest; lower it",
    ),
    (
        "test",
        {"timescaledb": {"settings": {"max_wal_size": None}, "persistence": {"size": "1Gi"}}},
        "max_wal_size: 1GB is more than half of the volume of 1Gi",
    ),
    (
        "test",
        {"timescaledb": {"settings": {"shared_buffers": "800MB"}}},
        "shared_buffers: 800MB, with the 256Mi of sharedMemory, is more than half of the memory limit of 2Gi",
    ),
    (
        "test",
        {"timescaledb": {"resources": {"limits": {"memory": "0.9G"}}}},
        "more than half of the memory limit of 0.9G, and queries need the rest; lower it, or raise",
    ),
    ("test", {"timescaledb": {"settings": {"max_wal_size": 4096}}}, "4096 is no size with its unit; write it as 256MB"),
    (
        "test",
        {"timescaledb": {"settings": {"shared_buffers": "1Gi"}}},
        "timescaledb.settings.shared_buffers: 1Gi is no size with its unit",
    ),
    (
        "test",
        {"mockMqttBroker": {"maxQueuedSize": "129Mi"}},
        "maxQueuedSize: it queues in memory, and 129Mi is more than half of the limit of 256Mi; lower it",
    ),
    ("test", {"timescaledb": {"replicas": 2}}, "timescaledb.replicas: there can be only one"),
    ("test", {"nats": {"enabled": False}}, "set mode to external and external.hosts to your servers"),
    (
        "test",
        {"nats": {"auth": {"existingSecret": ""}}},
        "nats.auth.existingSecret: name the Secret with the key nats-password",
    ),
    ("test", {"nats": {"auth": {"credentialsKey": "a.creds"}}}, "the embedded NATS knows user and password only"),
    (
        "ha",
        {"nats": {"auth": {"existingSecret": "", "credentialsKey": "a.creds"}}},
        "name the Secret that holds the credentials file",
    ),
    ("ha", {"nats": {"external": {"hosts": []}}}, "nats.external.hosts: name your NATS servers"),
    ("test", {"nats": {"external": {"hosts": ["nats"]}}}, "set mode to external, or leave it empty"),
    ("ha", {"networkPolicy": {"egress": {"nats": []}}}, "networkPolicy.egress.nats: name the addresses"),
    ("test", {"nats": {"stream": {"replicas": 3}}}, "the embedded NATS is one server and keeps one copy"),
    (
        "test",
        {"nats": {"stream": {"maxSize": "8Gi"}}},
        "does not fit the volume of 8Gi; lower it, or raise nats.persistence.size",
    ),
    ("test", {"nats": {"autoscaling": {"enabled": True}}}, "nats.replicas: there can be only one"),
    (
        "production",
        {"mockMqttBroker": {"enabled": True}},
        "the mock broker takes messages from anybody and has no place in production",
    ),
    ("production", {"mockMqttBroker": {"simulator": {"enabled": True}}}, "set mockMqttBroker.enabled to true as well"),
    (
        "test",
        {
            "config": {
                "sources": [{"name": "a", "broker": "mqtt://elsewhere", "topics": [{"topic": "a", "decoder": "json"}]}]
            }
        },
        "write mqtt://sens-mock-mqtt-broker:1883 as the broker of one in config.sources",
    ),
    (
        "test",
        {"telemetryWorker": {"ingress": {"enabled": True}}},
        "only platformApi, docs and webConsole may be published",
    ),
    (
        "test",
        {"timescaledb": {"service": {"type": "LoadBalancer"}}},
        "timescaledb.service.type: this component stays inside",
    ),
    *(
        (
            "test",
            {key: {"service": {"type": kind}}},
            f"{key}.service.type: a {kind} publishes every path, past the ingress; leave it ClusterIP",
        )
        for key in ("platformApi", "docs", "webConsole")
        for kind in ("NodePort", "LoadBalancer")
    ),
    (
        "test",
        {"mockMqttBroker": {"service": {"type": "NodePort"}}},
        "mockMqttBroker.service.type: this component stays inside the cluster; leave it ClusterIP",
    ),
    ("test", {"webConsole": {"ingress": {"enabled": True}}}, "webConsole.ingress.hosts: name the hosts"),
    ("test", {"docs": {"enabled": False}}, "docs.ingress.enabled: the component itself is disabled"),
    (
        "local",
        {"platformApi": {"enabled": False, "ingress": {"enabled": False}}},
        "the console talks to platform-api on its own host",
    ),
    (
        "test",
        {"webConsole": {"ingress": {"enabled": True, "hosts": ["api.dev.iot-sens.schlossers.at"]}}},
        "webConsole.ingress.hosts: api.dev.iot-sens.schlossers.at stands in platformApi.ingress.hosts already",
    ),
    (
        "test",
        {"docs": {"ingress": {"hosts": ["api.dev.iot-sens.schlossers.at"]}}},
        "docs.ingress.hosts: api.dev.iot-sens.schlossers.at stands in platformApi.ingress.hosts already",
    ),
    (
        "test",
        {"docs": {"ingress": {"hosts": ["docs.example.org", "docs.example.org"]}}},
        "docs.ingress.hosts: docs.example.org stands in docs.ingress.hosts already",
    ),
    ("test", {"platformApi": {"ingress": {"paths": ["/metrics"]}}}, "/metrics would publish the metrics"),
    ("test", {"platformApi": {"ingress": {"paths": ["/"]}}}, "/ would publish the metrics; name what is public"),
    (
        "test",
        {"mqttIngestionWorker": {"autoscaling": {"enabled": True}}},
        "scaling down needs `sens source drain` first",
    ),
    ("test", {"mqttIngestionWorker": {"replicas": 17}}, "at most 16 members; set 16 or fewer"),
    (
        "test",
        {"platformApi": {"autoscaling": {"enabled": True, "minReplicas": 5}}},
        "minReplicas is above maxReplicas; swap them",
    ),
    ("test", {"migrations": {"pdb": {"enabled": True}}}, "a Job has no pods to keep up"),
    (
        "test",
        {"platformApi": {"resources": {"limits": None}}},
        "platformApi.resources.limits.memory: each container has it, so that none takes the node from the others",
    ),
    ("test", {"migrations": {"resources": {"limits": {"memory": None}}}}, "migrations.resources.limits.memory: each"),
    ("test", {"docs": {"resources": None}}, "docs.resources.limits.memory: each"),
    ("test", {"nats": {"exporter": {"resources": {"limits": None}}}}, "nats.exporter.resources.limits.memory: each"),
    (
        "test",
        {"mockMqttBroker": {"simulator": {"resources": {"requests": None}}}},
        "mockMqttBroker.simulator.resources.requests.memory: each",
    ),
    (
        "test",
        {"telemetryWorker": {"resources": {"requests": {"cpu": None}}}},
        "telemetryWorker.resources.requests.cpu: each",
    ),
    *(
        (
            "test",
            {key: {"extraVolumes": [{"name": "node", "mountPath": "/node", "volume": {"hostPath": {"path": "/"}}}]}},
            f"{key}.extraVolumes: node is of the kind hostPath, which restricted pods may not have; take configMap",
        )
        for key in ("platformApi", "migrations", "nats")
    ),
    (
        "test",
        {
            "docs": {
                "extraVolumes": [
                    {
                        "name": "token",
                        "mountPath": "/token",
                        "volume": {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
                    }
                ]
            }
        },
        "docs.extraVolumes: no pod has a token for Kubernetes",
    ),
    *(
        (
            "test",
            {key: {"podAnnotations": {"checksum/config": "1"}}},
            f"{key}.podAnnotations: the chart writes checksum/config by itself, and it would stand there twice",
        )
        for key in ("telemetryWorker", "migrations")
    ),
    (
        "test",
        {"telemetryWorker": {"podAnnotations": {"prometheus.io/port": "1"}}},
        "prometheus.io/port by itself, and it would stand there twice; take it out, or set monitoring.annotations",
    ),
    ("test", {"telemetryWorker": {"persistence": {"enabled": True}}}, "this component keeps no data; leave it false"),
    (
        "production",
        {"timescaledb": {"persistence": {"enabled": False}}},
        "every restart loses what was stored; enable it in production",
    ),
    (
        "staging",
        {"nats": {"persistence": {"enabled": False}}},
        "every restart loses what was stored; enable it in staging",
    ),
    ("test", {"monitoring": {"podMonitor": {"enabled": True}}}, "scraped twice; set monitoring.annotations to false"),
    ("test", {"docs": {"metrics": {"enabled": True}}}, "docs.metrics.enabled: this component has no metrics"),
    *(
        ("test", {"networkPolicy": {end: peers}}, f"networkPolicy.{end}: {said}")
        for end in ("dns", "ingressController", "scraper")
        for peers, said in (
            ([], "the list is empty, and its ports would be open to everybody; name who it is"),
            ([{}], "an entry selects nothing, which is everybody; name who it is by labels or ipBlock"),
            ([{"namespaceSelector": {}}], "an entry selects nothing"),
            ([{"namespaceSelector": {"matchLabels": {}}, "podSelector": {}}], "an entry selects nothing"),
            ([{"ipBlock": {"cidr": "0.0.0.0/0"}}], "0.0.0.0/0 is everybody; name its addresses"),
            ([{"ipBlock": {"cidr": "::/0"}}], "::/0 is everybody; name its addresses"),
            (
                [{"ipBlock": {"cidr": "10.0.0.1/32"}, "podSelector": {"matchLabels": {"a": "b"}}}],
                "an entry has ipBlock and selectors; write two entries",
            ),
        )
    ),
    *(
        (
            "ha",
            {"networkPolicy": {"egress": {end: [{"to": peers, "ports": [1]}]}}},
            f"networkPolicy.egress.{end}: {said}",
        )
        for end in ("brokers", "database", "nats")
        for peers, said in (
            ([], "the list is empty, and everything could be reached on its ports"),
            ([{"namespaceSelector": {}}], "an entry selects nothing"),
        )
    ),
    (
        "ha",
        {"timescaledb": {"external": {"sslMode": "verify-ca", "caSecret": {"name": ""}}}},
        "verify-ca needs the authority's certificate",
    ),
]


def _said(environment: str, overrides: dict[str, Any], major: int, release: str = "sens") -> str:
    with pytest.raises(Refused) as refusal:
        render_text(environment, json.dumps(overrides), major=major, release=release)
    return str(refusal.value)


@pytest.mark.parametrize("major", MAJOR_VERSIONS)
@pytest.mark.parametrize(("environment", "overrides", "said"), REFUSED, ids=[said for _, _, said in REFUSED])
def test_a_wrong_combination_is_refused_with_what_to_change(
    environment: str, overrides: dict[str, Any], said: str, major: int
) -> None:
    assert said in _said(environment, overrides, major)


def test_a_release_with_a_name_too_long_for_its_pods_is_refused() -> None:
    assert "choose one of 30 characters or fewer" in _said("production", {}, 4, release="a" * 31)
