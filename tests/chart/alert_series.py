"""Made-up series, minute by minute, and the form of a case.

Values are written as promtool has it: `0+2x10` begins at 0 and goes up by 2 ten times, `_x5` is five minutes
of nothing.
"""

from dataclasses import dataclass, field

Labels = dict[str, str]
Series = dict[str, str]

CLAIM = "data-plant-timescaledb-0"


@dataclass(frozen=True, slots=True)
class Case:
    """`fires`: the labels of the one alert that is there `at_min`, beside name and severity; None: it is quiet."""

    alert: str
    what: str
    series: Series
    at_min: int
    fires: Labels | None = field(default=None)


def one(name: str, values: str, pod: str = "a", **labels: str) -> Series:
    """A series of a pod in the namespace `plant`."""
    every = {"namespace": "plant", "pod": pod, "instance": f"{pod}:9090"} | labels
    return {name + "{" + ", ".join(f'{key}="{value}"' for key, value in every.items()) + "}": values}


def ingestion(name: str, values: str, pod: str = "a") -> Series:
    return one(f"sens_ingestion_{name}", values, pod, source="boiler")


def telemetry(name: str, values: str, pod: str = "t", **labels: str) -> Series:
    return one(f"sens_telemetry_{name}", values, pod, **labels)


def lost(values: str, pod: str = "t") -> Series:
    return telemetry("lost_messages", values, pod, source="boiler")


def balanced(values: str, pod: str = "t") -> Series:
    return telemetry("ledger_balanced", values, pod, source="boiler")


def requests(status: str, values: str, route: str = "/api/v1/devices") -> Series:
    return one("sens_api_http_requests_total", values, status=status, route=route)


def answered(fast: str, every: str, route: str = "/api/v1/devices") -> Series:
    """Requests that took less than a second, and all of them, none longer than five."""
    buckets = {"1": fast, "5": every, "+Inf": every}
    series = one("sens_api_http_request_seconds_count", every, route=route)
    for bound, values in buckets.items():
        series |= one("sens_api_http_request_seconds_bucket", values, route=route, le=bound)
    return series


def loop_lag(fast: str, every: str) -> Series:
    bounds = {"0.01": fast, "1": every, "+Inf": every}
    return {
        key: values
        for bound, counts in bounds.items()
        for key, values in one("sens_process_loop_lag_seconds_bucket", counts, le=bound).items()
    }


def build(values: str = "1x2000", pod: str = "a", component: str = "telemetry-worker") -> Series:
    return one("sens_build_info", values, pod, component=component)


def volume(free: str) -> Series:
    return {
        f'kubelet_volume_stats_available_bytes{{namespace="plant", persistentvolumeclaim="{CLAIM}"}}': free,
        f'kubelet_volume_stats_capacity_bytes{{namespace="plant", persistentvolumeclaim="{CLAIM}"}}': "100x2000",
    }


PLANT = {"namespace": "plant"}
BOILER = PLANT | {"source": "boiler"}
POD = PLANT | {"pod": "a", "instance": "a:9090"}
VOLUME = PLANT | {"persistentvolumeclaim": CLAIM}
LEADS = telemetry("leader", "1x2000")
STANDS_BY = telemetry("leader", "0x2000", "s")


def _well_and_idle() -> Series:
    """Two replicas of each worker, of which one works and one stands by; nothing was ever sent."""
    counters = ("messages_received", "reconnects", "sessions_lost", "stream_full", "fenced", "oversize")
    series: Series = {}
    for pod, works in (("i-0", 1), ("i-1", 0)):
        series |= build("1x1700", pod, "mqtt-ingestion-worker") | ingestion("stream_fill_ratio", "0.01x1700", pod)
        series |= ingestion("owned", f"{works}x1700", pod) | ingestion("connected", f"{works}x1700", pod)
        for name in counters:
            series |= ingestion(f"{name}_total", "0x1700", pod)
    for pod, leads in (("t", 1), ("s", 0)):
        series |= build("1x1700", pod) | telemetry("leader", f"{leads}x1700", pod)
        series |= telemetry("lag_seconds", "0x1700", pod) | telemetry("store_delay_seconds_count", "0x1700", pod)
    series |= balanced("1x1700") | lost("0x1700") | telemetry("rollup_watermark_age_seconds", "700x1700", mark="read")
    for pod in ("i-0", "i-1", "t", "s"):
        series |= one("up", "1x1700", pod) | one("sens_process_ready", "1x1700", pod, check="nats")
        series |= one("sens_process_start_time_seconds", "7x1700", pod)
    for pod in ("t", "s"):
        series |= one("sens_process_ready", "1x1700", pod, check="postgresql")
    servers = one("pg_up", "1x1700", "db") | one("gnatsd_healthz_status_value", "1x1700", "nats", value="ok")
    return series | servers | volume("90x1700")


WELL_AND_IDLE = _well_and_idle()
