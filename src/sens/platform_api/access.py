"""Who may do what: dependencies that let a request through, or end it with 401 or 403."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from sens.platform_api.keys import allows
from sens.platform_api.problems import ProblemError, ProblemType
from sens.platform_api.services import services_of
from sens.storage.api_keys import ApiKey, Scope

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="`Authorization: Bearer sens_…`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey", description="`X-API-Key: sens_…`")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sens"'}


def _requires(scope: Scope) -> Callable[..., Awaitable[ApiKey]]:
    async def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        header: Annotated[str | None, Security(_header)],
    ) -> ApiKey:
        token = bearer.credentials if bearer else header
        key = await services_of(request).keyring.verify(token) if token else None
        if key is None:
            raise ProblemError(ProblemType.NOT_AUTHENTICATED, headers=_CHALLENGE)
        if not allows(key.scope, scope):
            raise ProblemError(
                ProblemType.SCOPE_MISSING, f"this needs the scope {scope}, the key {key.name} has {key.scope}"
            )
        request.state.token = token  # a stream asks again whether it is still valid
        return key

    return check


READ: Any = Depends(_requires("read"))
OPERATE: Any = Depends(_requires("operate"))
ADMIN: Any = Depends(_requires("admin"))
