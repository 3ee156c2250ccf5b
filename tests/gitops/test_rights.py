"""Who may do what in Argo CD, decided by casbin with Argo CD's own model and built-in policy."""

from fnmatch import fnmatchcase
from pathlib import Path

import casbin
import pytest
from ruamel.yaml import YAML

from argo_cd_module import module

PRODUCTION, TEST, STAGING, ROOT = "sens-production/production", "sens-test/test", "sens-staging/staging", "root/root"
APPLICATIONS = (PRODUCTION, TEST, STAGING, ROOT)
ACTIONS = ("get", "create", "update", "delete", "sync", "override", "action/apps/Deployment/restart", "rollback")
RESOURCES = ("clusters", "repositories", "projects", "accounts", "certificates", "gpgkeys", "applicationsets")

Right = tuple[str, str, str]


@pytest.fixture(scope="module")
def rights(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> casbin.Enforcer:
    settings = YAML(typ="safe").load(repository / "cluster/argocd/argocd-rbac-cm.yaml")["data"]
    assert settings["policy.default"] == ""
    policy = tmp_path_factory.mktemp("rights") / "policy.csv"
    policy.write_text((module() / "assets/builtin-policy.csv").read_text() + "\n" + settings["policy.csv"])
    made = casbin.Enforcer(str(module() / "assets/model.conf"), str(policy))
    # By default Argo CD compares as file names are compared.
    made.add_function("globOrRegexMatch", fnmatchcase)
    return made


def granted(rights: casbin.Enforcer, user: str) -> set[Right]:
    asked = [("applications", action, name) for action in ACTIONS for name in APPLICATIONS]
    asked += [(resource, action, "*") for resource in RESOURCES for action in ("get", "create", "update", "delete")]
    asked += [
        (resource, action, name) for resource, action in (("logs", "get"), ("exec", "create")) for name in APPLICATIONS
    ]
    return {right for right in asked if rights.enforce(user, *right)}


def test_sebastian_may_sync_production_and_look_at_the_environments(rights: casbin.Enforcer) -> None:
    looked_at = {(what, "get", name) for what in ("applications", "logs") for name in (PRODUCTION, TEST, STAGING)}
    assert granted(rights, "sebastian") == {("applications", "sync", PRODUCTION), *looked_at}


@pytest.mark.parametrize("user", ["guest", "anonymous", "", "role:production2"])
def test_nobody_else_may_do_anything(rights: casbin.Enforcer, user: str) -> None:
    assert granted(rights, user) == set()


def test_admin_may_do_everything(rights: casbin.Enforcer) -> None:
    assert ("applications", "sync", PRODUCTION) in granted(rights, "admin")
    assert ("applications", "override", PRODUCTION) in granted(rights, "admin")


def test_there_are_no_other_users_and_no_anonymous_one(repository: Path) -> None:
    settings = YAML(typ="safe").load(repository / "cluster/argocd/argocd-cm.yaml")["data"]
    accounts = {key: value for key, value in settings.items() if key.startswith("accounts.")}
    assert accounts == {"accounts.sebastian": "login"}
    assert settings["users.anonymous.enabled"] == "false"
    assert settings["exec.enabled"] == "false"
