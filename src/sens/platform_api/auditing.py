"""Writing down who changed what, beside the change and in its transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple, cast

import structlog
from fastapi import Depends, Request

from sens.platform_api.caller import Caller, CallerOf
from sens.storage.audit import Change, write_change
from sens.storage.reads import AsyncConnection

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Subject(NamedTuple):
    """What was changed. `tenant_id` None: it is the platform's, and no tenant sees the entry."""

    kind: str
    id: int | None
    name: str
    tenant_id: int | None


@dataclass(frozen=True, slots=True)
class Auditor:
    """Writes down what a caller does within a request."""

    caller: Caller
    request_id: str

    async def write(
        self,
        connection: AsyncConnection,
        action: str,
        subject: Subject,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        """Write down that the caller did `action`, such as `device.update`; values never hold a secret."""
        change = Change(
            tenant_id=subject.tenant_id,
            actor_kind=self.caller.kind,
            actor_id=self.caller.id,
            actor=self.caller.name,
            action=action,
            object_kind=subject.kind,
            object_id=subject.id,
            object=subject.name,
            before=before,
            after=after,
            request_id=self.request_id,
        )
        await write_change(connection, change)
        log.info(action.replace(".", "_"), actor=self.caller.name, id=subject.id, name=subject.name)


def auditor(request: Request, caller: Caller) -> Auditor:
    """For a caller that came to be within the request: by logging in."""
    return Auditor(caller, cast(str, request.state.request_id))


def _auditor_of(request: Request, caller: CallerOf) -> Auditor:
    return auditor(request, caller)


AuditorOf = Annotated[Auditor, Depends(_auditor_of)]


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """The values of both that differ."""
    differing = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in differing}, {name: after[name] for name in differing}
