"""What only shows when several fields, topics or sources are seen together. Each check is a generator of findings."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from pydantic_core import PydanticCustomError

from sens.domain.topics import overlap
from sens.sources.document import Document
from sens.sources.models import DEFAULT_TENANT, Retention, SecretReference, Source, Topic
from sens.sources.problems import Finding, Path, suggestion
from sens.sources.values import DAY, parse_broker

Entries = Sequence[tuple[Path, Mapping[str, object]]]
"""Sources as they stand in the file, right or wrong, and where."""

SOURCE_KEYS = frozenset({"broker", "tls", "username", "password", "mqtt_version", "mode", "group"})
"""Keys of a source that `check_source` looks at."""
TOPIC_KEYS = frozenset({"topic", "ignore"})
"""Keys of a topic that `check_overlaps` looks at."""


def check_topic(path: Path, topic: Topic) -> Iterator[Finding]:
    """A topic that is read gives a device and a metric in exactly one declared way."""
    if topic.ignore:
        for key in ("device_name", "metric_name"):
            if getattr(topic, key) is not None:
                yield Finding((*path, key), f"'{key}' for an ignored topic", f"remove {key} or ignore", at_key=True)
        return
    template = topic.template
    named = {name for _, name in template.names} | {template.rest}
    for part in ("device", "metric"):
        key = f"{part}_name"
        if part in named and getattr(topic, key) is not None:
            message = f"both {{{part}}} in the topic and {key} name the {part}"
            yield Finding((*path, key), message, f"write + instead of {{{part}}}, or remove {key}", at_key=True)
    if not ("device" in named or topic.device_name or getattr(topic.options, "names_device", False)):
        hint = f"write {{device}} in the topic, or device_name: NAME, or an option of '{topic.decoder}' that names it"
        yield Finding((*path, "topic"), "nothing names the device of this topic's messages", hint)
    if not ("metric" in named or topic.metric_name or getattr(topic.options, "names_metric", True)):
        hint = "write {metric} in the topic, or metric_name: NAME"
        yield Finding((*path, "topic"), f"nothing names the metric: '{topic.decoder}' payloads bear none", hint)


def check_source(path: Path, source: Source) -> Iterator[Finding]:
    """Settings of one source that do not go together."""
    if source.tls and not source.tls_enabled:
        yield Finding((*path, "tls"), "tls for a broker without TLS", "write mqtts:// or remove tls", at_key=True)
    if source.tls and (source.tls.certificate is None) != (source.tls.key is None):
        given, other = ("key", "certificate") if source.tls.key else ("certificate", "key")
        yield Finding(
            (*path, "tls", given), f"'{given}' without '{other}'", f"write {other}: PATH as well", at_key=True
        )
    if source.tls and not source.tls.verify and (source.tls.ca or source.tls.server_name):
        hint = "remove verify: false, or ca and server_name"
        yield Finding((*path, "tls", "verify"), "verify: false checks neither ca nor server_name", hint, at_key=True)
    if source.password:
        yield from _check_password((*path, "password"), source.password)
        if source.username is None and source.mqtt_version != 5:
            hint = "write username: NAME"
            yield Finding((*path, "password"), "MQTT 3.1.1 takes no password without a user name", hint, at_key=True)
    if source.mode == "exclusive" and "group" in source.model_fields_set:
        hint = "write mode: shared or remove group"
        yield Finding((*path, "group"), "only the shared mode has a group", hint, at_key=True)


def _check_password(path: Path, password: SecretReference) -> Iterator[Finding]:
    if (password.env is None) == (password.file is None):
        yield Finding(path, "a secret is kept in exactly one place", "write {env: NAME} or {file: PATH}")


def check_overlaps(topics: Sequence[tuple[Path, Topic]], document: Document) -> Iterator[Finding]:
    """No message may match two topics that are read: a broker may deliver it once for each.

    An ignored topic may overlap one that is read: it says which of its messages do not count.
    """
    for (one_path, one), (path, other) in combinations(topics, 2):
        if one.ignore == other.ignore and overlap(one.template.filter, other.template.filter):
            line = document.position((*one_path, "topic")).line
            message = f"topic '{other.topic}' overlaps '{one.topic}' of line {line}: a message could match both"
            yield Finding((*path, "topic"), message, "make them disjoint, or keep one")


def check_names(entries: Entries, kind: str, document: Document) -> Iterator[Finding]:
    """No two sources, and no two tenants, bear the same name."""
    first = dict[str, Path]()
    for entry_path, entry in entries:
        name, path = entry.get("name"), (*entry_path, "name")
        if not isinstance(name, str):
            continue
        if name in first:
            line = document.position(first[name]).line
            yield Finding(path, f"the {kind} '{name}' stands twice, first in line {line}", "give each its own name")
        first.setdefault(name, path)


def check_tenants(entries: Entries, known: Sequence[str]) -> Iterator[Finding]:
    """Each source belongs to a declared tenant."""
    for path, entry in entries:
        tenant = entry.get("tenant", DEFAULT_TENANT)
        if isinstance(tenant, str) and tenant not in known:
            written = "tenant" in entry
            message = f"unknown tenant '{tenant}'" if written else "the source has no tenant"
            yield Finding((*path, "tenant") if written else path, message, suggestion(tenant, known, "tenants"))


def check_clients(entries: Entries, document: Document) -> Iterator[Finding]:
    """A broker throws out a client when another one comes with its id, and splits a group's messages."""
    first = dict[tuple[str, str, str, int], tuple[Path, object]]()
    for path, entry in entries:
        for key, value in _identities(entry):
            try:
                broker = parse_broker(str(entry.get("broker")))
            except PydanticCustomError:
                continue  # reported with the source
            other_path, other_name = first.setdefault((key, value, broker.host, broker.port), (path, entry.get("name")))
            if other_path != path and other_name != entry.get("name"):
                line = document.position(other_path).line
                message = f"the same broker and {key} '{value}' as source '{other_name}' of line {line}"
                yield Finding((*path, key), message, f"give each source its own {key}", at_key=True)


def _identities(entry: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What must be a source's own at its broker."""
    keys = ("client_id", "group") if entry.get("mode") == "shared" else ("client_id",)
    for key in keys:
        yield key, str(entry.get(key, f"sens-{entry.get('name')}"))


def check_retention(retention: Retention) -> Iterator[Finding]:
    """Rollups are made of raw readings, so they stay at least as long."""
    raw, rollup = retention.raw, retention.rollup
    if raw is not None and raw < DAY:
        yield Finding(("retention", "raw"), "raw readings are kept for at least a day", "write 1d or more")
    if rollup is not None and (raw is None or rollup < raw):
        message = "rollups would go before the readings they are made of"
        yield Finding(("retention", "rollup"), message, "write at least the duration of raw, or forever")
