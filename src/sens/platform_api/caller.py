"""Who asks: a user with a session or an API key, what that one may do, and whose data it may see."""

from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from sens.storage.api_keys import ApiKey, Scope
from sens.storage.audit import ActorKind
from sens.storage.sessions import Session
from sens.storage.users import Role, User

SCOPES: Final[dict[Role, Scope]] = {"viewer": "read", "operator": "operate", "admin": "admin"}
"""What a role may do."""
_RANKS: Final[dict[Scope, int]] = {"read": 0, "operate": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `tenant_id`, `tenant`: whose data this one sees and changes; None: all."""

    kind: ActorKind
    id: int
    name: str
    scope: Scope
    tenant_id: int | None
    tenant: str | None

    def may(self, needed: Scope) -> bool:
        """Whether this one may do what needs `needed`: admin includes operate, which includes read."""
        return _RANKS[self.scope] >= _RANKS[needed]

    def sees(self, tenant_id: int) -> bool:
        """Whether what belongs to the tenant is there for this one."""
        return self.tenant_id in (None, tenant_id)

    @classmethod
    def of_key(cls, key: ApiKey) -> "Caller":
        return cls("api_key", key.id, key.name, key.scope, key.tenant_id, key.tenant)

    @classmethod
    def of_session(cls, session: Session) -> "Caller":
        return cls("user", session.user_id, session.name, SCOPES[session.role], session.tenant_id, session.tenant)

    @classmethod
    def of_user(cls, user: User) -> "Caller":
        return cls("user", user.id, user.name, SCOPES[user.role], user.tenant_id, user.tenant)


def caller_of(request: Request) -> Caller:
    """Who asks; only behind one of the dependencies of `sens.platform_api.access`."""
    return cast(Caller, request.state.caller)


CallerOf = Annotated[Caller, Depends(caller_of)]
