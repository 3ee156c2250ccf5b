"""`examples/ha.yaml` on a real cluster: database, NATS cluster and broker are elsewhere, all over TLS with an authority
of their own. Each server is lost in turn while a device counts what it sends; the log goes on where another has it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from helm import VALUES, objects, pods
from kube import Release, eventually
from kube_api import Api, flows_on
from kube_device import DEVICE, METRIC, CountingDevice
from kube_elsewhere import NATS, SOURCE, Elsewhere

STREAMS = ("SENS_RAW", "KV_SENS_LEASES", "KV_SENS_SUBSCRIPTIONS", "KV_SENS_STATUS")
TAG = os.environ.get("CLUSTER_TAG", "")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    elsewhere = Elsewhere(f"elsewhere-{os.getpid()}", tmp_path_factory.mktemp("elsewhere"))
    yield elsewhere
    if os.environ.get("CLUSTER_KEEP") != "1":
        elsewhere.remove()


@pytest.fixture(scope="module")
def release(elsewhere: Elsewhere) -> Iterator[Release]:
    own = os.environ.get("CLUSTER_VALUES")
    release = Release("sens", f"sens-ha-{os.getpid()}", [VALUES["ha"], *([Path(own)] if own else [])])
    elsewhere.start(release)
    yield release
    if os.environ.get("CLUSTER_KEEP") != "1":
        release.kubectl("delete", "namespace", release.namespace, "--wait=true")


@pytest.fixture(scope="module")
def api(release: Release) -> Api:
    return Api(release, SOURCE)


@pytest.fixture(scope="module")
def image(release: Release, elsewhere: Elsewhere) -> str:
    """Of the platform, with its commands."""
    rendered = objects(release.render({**elsewhere.values, "imageTag": TAG}))
    return next(pod for pod in pods(rendered) if pod.component == "platform-api").spec["containers"][0]["image"]


@pytest.fixture(scope="module")
def device(release: Release, elsewhere: Elsewhere, image: str) -> CountingDevice:
    return CountingDevice(release, image, elsewhere.broker)


def test_it_installs_after_the_administrator_has_made_the_roles(
    release: Release, elsewhere: Elsewhere, image: str
) -> None:
    assert TAG, "name the tag of the images to install in CLUSTER_TAG"
    elsewhere.make_roles(release, image)
    release.upgrade({**elsewhere.values, "imageTag": TAG})
    release.wait_ready()
    assert {component: len(uids) for component, uids in release.uids().items()} == {
        "platform-api": 3, "mqtt-ingestion-worker": 2, "telemetry-worker": 2, "web-console": 2, "docs": 1,
        "migrations": 1,
    }  # fmt: skip


def test_readings_arrive_and_the_log_has_three_copies(api: Api, elsewhere: Elsewhere, device: CountingDevice) -> None:
    device.start()
    api.make_key()
    eventually(lambda: api.values(DEVICE, METRIC), "readings of the device that counts")
    flows_on(api)
    assert elsewhere.copies() == dict.fromkeys(STREAMS, 3)


@pytest.mark.parametrize("server", [*NATS, "postgres-0"])
def test_a_server_may_be_lost(api: Api, elsewhere: Elsewhere, server: str) -> None:
    elsewhere.lose(server)
    flows_on(api)


def test_intake_goes_on_with_two_servers_of_nats(api: Api, elsewhere: Elsewhere) -> None:
    elsewhere.keep_nats(2)
    flows_on(api, at_least=100)
    elsewhere.keep_nats(3)
    eventually(lambda: elsewhere.copies() == dict.fromkeys(STREAMS, 3), "the third server to have all copies again")


def test_with_one_it_stops_and_goes_on_with_three(api: Api, elsewhere: Elsewhere) -> None:
    """One server alone can't tell whether the others have more. What is stored is read on."""
    before = api.ledger()["received"]
    elsewhere.keep_nats(1)
    assert len(api.values(DEVICE, METRIC)) > 0
    elsewhere.keep_nats(3)
    assert flows_on(api)["received"] > before


def test_what_the_device_counted_is_stored_exactly_once(api: Api, device: CountingDevice) -> None:
    sent = device.stop()
    eventually(lambda: len(api.values(DEVICE, METRIC)) >= sent, "the last reading of the device that counts")
    assert api.values(DEVICE, METRIC) == [float(number) for number in range(sent)]
