"""The declared configuration (`sens.yaml`), parsed and checked; and the way from a topic to its rule."""

from sens.sources.defaults import simulator_configuration
from sens.sources.models import (
    Configuration,
    Limits,
    RawStream,
    Retention,
    SecretReference,
    Source,
    Tenant,
    TimeWindow,
    Tls,
    Topic,
)
from sens.sources.parsing import Examination, examine, examine_file, load, parse
from sens.sources.problems import InvalidConfiguration, Problem
from sens.sources.routing import Ignored, Route, Router
from sens.sources.secrets import Credentials, MissingSecret, resolve_secrets

__all__ = [
    "Configuration",
    "Credentials",
    "Examination",
    "Ignored",
    "InvalidConfiguration",
    "Limits",
    "MissingSecret",
    "Problem",
    "RawStream",
    "Retention",
    "Route",
    "Router",
    "SecretReference",
    "Source",
    "Tenant",
    "TimeWindow",
    "Tls",
    "Topic",
    "examine",
    "examine_file",
    "load",
    "parse",
    "resolve_secrets",
    "simulator_configuration",
]
