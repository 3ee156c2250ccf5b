"""What would become of a message, by the configuration or by a rule that somebody tries."""

import asyncio
from typing import Annotated, Any, Literal

from pydantic import Field

from sens.decoders.registry import DECODERS
from sens.decoding import trial
from sens.decoding.trial import Message, TriedReading, try_message
from sens.domain.envelope import is_import
from sens.platform_api.models import Model, Moment
from sens.platform_api.problems import FieldProblem, ProblemError, ProblemType, invalid
from sens.platform_api.routers.series import NamedKind
from sens.platform_api.services import Services
from sens.sources.models import Configuration
from sens.sources.problems import InvalidConfiguration, Problem
from sens.sources.rule import PATH, with_rule

MAX_READINGS = 1000
_RULE_EXAMPLE = {"topic": "sens/{device}/up", "decoder": "json", "time": {"field": "ts"}}
Rule = dict[str, Any] | Annotated[str, Field(max_length=20_000)]


class Tried(Model):
    """By what the message is to be decoded."""

    rule: Rule | None = Field(
        default=None,
        description="As an entry of `topics` in `sens.yaml`, its lines or its value; left out: as the source is "
        "configured.",
        examples=[_RULE_EXAMPLE],
    )


class Reading(Model):
    """What would be stored."""

    device: str = Field(examples=["boiler-1"])
    metric: str = Field(examples=["temperature"])
    unit: str = Field(examples=["Cel"])
    kind: NamedKind
    time: Moment
    value: bool | float | str = Field(examples=[21.5])


class Trial(Model):
    """What would become of the message."""

    outcome: Literal["decoded", "ignored", "quarantined"]
    reason: str | None = Field(description="Why, where it is not decoded: a stable code.", examples=["invalid_syntax"])
    detail: str = Field(examples=["unexpected character at byte 12"])
    meaning: str = Field(description="The reason in words, and what to do.", examples=[""])
    readings: list[Reading] = Field(description=f"The first {MAX_READINGS:,}.")


async def try_by_rule(services: Services, source_name: str, message: Message, rule: Rule | None, session: str) -> Trial:
    """Decode a message of a source. One of an import is read as all imports are, unless a rule is given.

    Raises:
        ProblemError: the rule is wrong, or there is none and the source is not declared.
    """
    if rule is None and is_import(session):
        return told(await asyncio.to_thread(try_message, services.configuration, source_name, message, session))
    configuration = _configured(services.configuration, source_name, rule)
    return told(await asyncio.to_thread(try_message, configuration, source_name, message))


def told(found: trial.Trial) -> Trial:
    """A trial as the API tells it."""
    reason = found.reason or found.ignored
    return Trial.model_validate(
        {
            "outcome": found.outcome.name.lower(),
            "reason": None if reason is None else reason.value,
            "detail": found.detail,
            "meaning": found.reason.text if found.reason else "",
            "readings": [_reading(each) for each in found.readings[:MAX_READINGS]],
        }
    )


def _reading(reading: TriedReading) -> Reading:
    return Reading(
        device=reading.device,
        metric=reading.metric,
        unit=reading.unit,
        kind=reading.kind,  # pyright: ignore[reportArgumentType]  # validated from a Kind
        time=reading.time,  # pyright: ignore[reportArgumentType]  # validated from µs
        value=reading.value,
    )


def _configured(configuration: Configuration, source: str, rule: Rule | None) -> Configuration:
    if rule is None:
        if configuration.source(source) is None:
            raise invalid("body.rule", f"the source {source} is not in the configuration: give a rule to try")
        return configuration
    try:
        return with_rule(configuration, source, rule, DECODERS)
    except InvalidConfiguration as error:
        problems = [
            FieldProblem(location="body.rule" + each.path.removeprefix(PATH), message=_advice(each))
            for each in error.problems
        ]
        raise ProblemError(ProblemType.INVALID_REQUEST, problems[0].message, errors=problems) from error


def _advice(problem: Problem) -> str:
    return f"{problem.message}; {problem.hint}" if problem.hint else problem.message
