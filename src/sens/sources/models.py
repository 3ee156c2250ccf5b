"""The declared configuration as frozen values. The reference in the docs is generated from the descriptions.

What needs two fields, or two sources, to be judged is judged in `checks.py`, where it gets its line.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sens.domain.topics import Template, overlap, parse_template
from sens.sources.values import (
    DAY,
    Broker,
    BrokerUrl,
    ClientId,
    ConstantName,
    Count,
    Duration,
    DurationOrForever,
    FilePath,
    Flag,
    Group,
    MqttVersion,
    Name,
    Qos,
    TemplateText,
    Whole,
    parse_broker,
    wrong,
)

DEFAULT_TENANT = "default"
WEEK_S = 7 * 86_400
NEVER_EXPIRES_S = 0xFFFF_FFFF
_FIVE_YEARS = timedelta(days=5 * 365)


class Model(BaseModel):
    """Base of every part of the configuration: closed, so that a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tenant(Model):
    """Whom devices belong to."""

    name: Name = Field(description="Name of the tenant: a-z, 0-9 and -.")


class SecretReference(Model):
    """Where a secret is kept. The configuration lives in Git, so a secret itself is refused."""

    env: str | None = Field(
        default=None, min_length=1, description="Name of the environment variable that holds the secret."
    )
    file: FilePath | None = Field(
        default=None, description="Path of the file that holds the secret; a line end after it does not count."
    )


class Tls(Model):
    """How the broker's certificate is checked, and how we show ours. Only for mqtts://."""

    ca: FilePath | None = Field(
        default=None, description="PEM file of the authorities to trust. Default: those of the operating system."
    )
    certificate: FilePath | None = Field(
        default=None, description="PEM file of the client certificate, with its chain."
    )
    key: FilePath | None = Field(default=None, description="PEM file of the client certificate's private key.")
    server_name: str | None = Field(
        default=None,
        min_length=1,
        description="Name that the broker's certificate must bear. Default: the broker's host.",
    )
    verify: Flag = Field(default=True, description="false accepts any certificate: never outside a test.")


class Limits(Model):
    """What one source may use. What happens at a limit is told beside it."""

    max_devices: Count = Field(
        default=100_000, description="Most devices; messages of further ones are quarantined as too_many_devices."
    )
    max_series_per_device: Count = Field(
        default=1_000,
        description="Most series a device; messages with further ones are quarantined as too_many_series.",
    )
    max_message_bytes: Whole = Field(
        default=1_048_576,
        ge=256,
        le=268_435_455,
        description="Longest message in bytes, topic included; of a longer one the first bytes are quarantined as "
        "oversize. The NATS server's max_payload may lower it.",
    )
    quarantine_max_rows: Count = Field(
        default=100_000,
        description="Most messages in quarantine. At the limit the oldest replayed or discarded ones go first; then "
        "further messages are counted, with one sample kept for each topic and reason.",
    )
    quarantine_max_bytes: Count = Field(
        default=268_435_456, description="Most bytes of payload in quarantine; the same happens at this limit."
    )


class TimeWindow(Model):
    """Which times a reading may bear, counted from when it was received. Others are quarantined."""

    oldest: Duration = Field(default=timedelta(days=3650), description="How far before; older: time_too_old.")
    newest: Duration = Field(default=DAY, description="How far after, for clocks that run ahead; newer: time_too_new.")


class Topic(Model):
    """Which messages are read, and how. A decoder's options stand beside these keys."""

    topic: TemplateText = Field(
        description="MQTT topic; {device} and {metric} stand for one level and name it, {metric...} for all last "
        "levels, + and # as in MQTT. Quote a text that begins with {."
    )
    decoder: str | None = Field(
        default=None, description="Name of the payload's format. Needed unless the topic is ignored."
    )
    ignore: Flag = Field(
        default=False,
        description="true: messages are counted and not stored. Such a topic may overlap others and goes before "
        "them; it is subscribed only where it overlaps none.",
    )
    qos: Qos | None = Field(default=None, description="Highest QoS to receive with. Default: the source's.")
    device_name: ConstantName | None = Field(
        default=None, description="Device of all messages, where neither the topic nor the payload names one."
    )
    metric_name: ConstantName | None = Field(
        default=None, description="Metric of all messages, where the topic does not name one and the payload may not."
    )
    options: Any = Field(
        default=None,
        description="No key of the file: the decoder's options, which stand beside these keys, as an instance of its "
        "options model.",
    )

    @property
    def template(self) -> Template:
        return parse_template(self.topic)


class Source(Model):
    """A broker, and what is read from it."""

    name: Name = Field(description="Name of the source: a-z, 0-9 and -; at most 63 characters. Never change it.")
    tenant: str = Field(default=DEFAULT_TENANT, description="Tenant that the source's devices belong to.")
    broker: BrokerUrl = Field(
        description="URL of the broker: mqtt://HOST[:1883] or, with TLS, mqtts://HOST[:8883]. No WebSocket."
    )
    username: str | None = Field(default=None, min_length=1, description="User name at the broker.")
    password: SecretReference | None = Field(
        default=None,
        description="{env: NAME} or {file: PATH}: where the password is kept. A password itself is refused.",
    )
    client_id: ClientId = Field(
        default_factory=lambda given: f"sens-{given['name']}",
        description="MQTT client id; in shared mode a replica's number is added. Default: sens-<source>. "
        "The broker keeps the session under it, so a change loses what waits there.",
    )
    mqtt_version: MqttVersion = Field(default=5, description="MQTT version to speak: 5 or 3.1.1.")
    tls: Tls | None = Field(default=None, description="TLS beyond the defaults; only for mqtts://.")
    keep_alive_s: Whole = Field(default=30, ge=5, le=65_535, description="MQTT keep-alive in seconds.")
    session_expiry_s: Count = Field(
        default=WEEK_S,
        le=NEVER_EXPIRES_S,
        description="How long in seconds the broker keeps messages for us while we are away (MQTT 5; with 3.1.1 the "
        "broker decides). 4294967295: for ever.",
    )
    redelivery_wait: Duration = Field(
        default=timedelta(seconds=60),
        description="How long after a reconnect the broker may wait before it delivers again what it has no "
        "acknowledgement for; longer than its own time for that (nats-server: ack_wait).",
    )
    mode: Literal["exclusive", "shared"] = Field(
        default="exclusive",
        description="exclusive: one worker receives, others stand by. shared: all replicas receive, by "
        "$share/<group>/ subscriptions.",
    )
    group: Group = Field(
        default_factory=lambda given: f"sens-{given['name']}",
        description="Group of the shared subscriptions; only for mode shared. Default: sens-<source>.",
    )
    qos: Qos = Field(default=1, description="Highest QoS to receive with. 0: a crash loses what was in memory.")
    topics: tuple[Topic, ...] = Field(description="What is read; at least one.", json_schema_extra={"minItems": 1})
    limits: Limits = Field(default=Limits(), description="What the source may use.")
    time_window: TimeWindow = Field(default=TimeWindow(), description="Which times readings may bear.")

    @field_validator("password", mode="before")
    @classmethod
    def _no_secret_in_the_file(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        raise wrong("a password does not belong in the configuration", "write {env: NAME} or {file: PATH}")

    @property
    def address(self) -> Broker:
        return parse_broker(self.broker)

    @property
    def host(self) -> str:
        return self.address.host

    @property
    def port(self) -> int:
        return self.address.port

    @property
    def tls_enabled(self) -> bool:
        return self.address.tls

    @property
    def subscribed(self) -> tuple[Topic, ...]:
        """The topics to subscribe to: all but ignored ones whose messages come with another topic."""
        read = [topic.template.filter for topic in self.topics if not topic.ignore]
        return tuple(
            topic
            for topic in self.topics
            if not topic.ignore or not any(overlap(topic.template.filter, other) for other in read)
        )

    @property
    def filters(self) -> tuple[tuple[str, int], ...]:
        """(MQTT filter, QoS) of each subscription, with `$share/<group>/` in shared mode."""
        prefix = f"$share/{self.group}/" if self.mode == "shared" else ""
        return tuple(
            (prefix + topic.template.filter, self.qos if topic.qos is None else topic.qos) for topic in self.subscribed
        )

    def session(self, ordinal: int = 0) -> str:
        """Name of a session: the last token of its JetStream subject. `ordinal` is the replica's, from 0."""
        return f"shared-{ordinal}" if self.mode == "shared" else "exclusive"

    def session_client_id(self, ordinal: int = 0) -> str:
        """MQTT client id of a session; standbys of an exclusive source share one."""
        return f"{self.client_id}-{ordinal}" if self.mode == "shared" else self.client_id


class Retention(Model):
    """How long readings are kept. forever keeps them until the disk is full."""

    raw: DurationOrForever = Field(
        default=timedelta(days=90), description="Age at which single readings are deleted; at least 1d."
    )
    rollup: DurationOrForever = Field(
        default_factory=lambda given: None if given["raw"] is None else max(given["raw"], _FIVE_YEARS),
        description="Age at which ten-minute rollups are deleted; at least as long as raw. Default: 5y, or as raw if "
        "that is longer.",
    )


class RawStream(Model):
    """The log of raw messages."""

    replay_window: Duration = Field(
        default=timedelta(days=7),
        description="How long stored messages stay in the log for `sens replay`; above 80 % of the log's size they "
        "go earlier. What is not stored yet always stays.",
    )


class Configuration(Model):
    """All that is declared in one file."""

    tenants: tuple[Tenant, ...] = Field(
        default=(Tenant(name=DEFAULT_TENANT),), description="Tenants. Default: one, `default`."
    )
    sources: tuple[Source, ...] = Field(
        description="Brokers and what is read from them; at least one.", json_schema_extra={"minItems": 1}
    )
    retention: Retention = Field(default=Retention(), description="How long readings are kept.")
    raw_stream: RawStream = Field(default=RawStream(), description="The log of raw messages.")

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the content: comments, order of keys and written-out defaults do not count."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()

    def source(self, name: str) -> Source | None:
        """The source of that name."""
        return next((source for source in self.sources if source.name == name), None)
