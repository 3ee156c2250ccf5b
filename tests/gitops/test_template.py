"""The infrastructure repository is written once and brought up to date, and keeps what people and releases wrote."""

import re
import shutil
from pathlib import Path

import pytest

from release.git import Branch
from release.gitops import ENVIRONMENTS, SETTINGS, TEMPLATE, write_repository
from release.infra import Infra, pins_of, with_pins
from release.loopback import make_repository
from release.refusal import Refusal


def test_the_first_time_it_writes_an_example_of_its_settings(tmp_path: Path) -> None:
    folder = tmp_path / "infra"
    with pytest.raises(Refusal, match="fill it in, and run this again"):
        write_repository(folder)
    assert [path.name for path in folder.iterdir()] == [SETTINGS]
    (folder / SETTINGS).write_text((folder / SETTINGS).read_text().replace("OWNER", "acme"))
    assert write_repository(folder)
    assert write_repository(folder) == []


@pytest.mark.parametrize(
    ("old", "new", "flaw"),
    [
        ("operator: sebastian", "operator: admin", "a local user beside admin"),
        ("acmeMail: operations@example.org", "acmeMail: nobody", "acmeMail"),
        ("ingressClass: traefik", "ingresClass: traefik", "ingresClass"),
        ("https://github.com/acme/sens-platform.git", "sens-platform", "platformRepository"),
    ],
)
def test_wrong_settings_are_refused_with_their_name(tmp_path: Path, old: str, new: str, flaw: str) -> None:
    settings = (TEMPLATE / SETTINGS).read_text().replace("OWNER", "acme")
    assert old in settings
    (tmp_path / SETTINGS).write_text(settings.replace(old, new))
    with pytest.raises(Refusal, match=flaw):
        write_repository(tmp_path)


def test_the_example_as_it_stands_is_refused(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text((TEMPLATE / SETTINGS).read_text())
    with pytest.raises(Refusal, match="imageRegistry"):
        write_repository(tmp_path)


def test_an_update_keeps_what_people_and_releases_wrote(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "infra"
    shutil.copytree(repository, folder)
    values, manifest = folder / "environments/test/values.yaml", folder / "environments/test/manifests/secret.yaml"
    values.write_text("environment: test\n")
    manifest.write_text("kind: SealedSecret\n")
    application = folder / "applications/production.yaml"
    application.write_text(
        with_pins(application.read_text(), "it", "a" * 40, "b" * 40).replace("sens-prod", "elsewhere")
    )
    (folder / "cluster/policies/production.yaml").unlink()
    assert set(write_repository(folder)) == {"applications/production.yaml", "cluster/policies/production.yaml"}
    assert values.read_text() == "environment: test\n"
    assert manifest.exists()
    assert pins_of(application.read_text(), "it") == ("a" * 40, "b" * 40)
    assert "elsewhere" not in application.read_text()


def test_until_the_first_release_an_application_pins_no_commit(repository: Path) -> None:
    for name in ENVIRONMENTS:
        assert pins_of((repository / f"applications/{name}.yaml").read_text(), name) == ("0" * 40, "0" * 40)


def test_the_steps_of_a_release_read_it(repository: Path, tmp_path: Path) -> None:
    files = {
        path.relative_to(repository).as_posix(): path.read_text() for path in repository.rglob("*") if path.is_file()
    }
    infra = Infra(Branch(make_repository(tmp_path / "made", files), tmp_path / "clone"))
    assert infra.desired("test").version is None
    assert infra.urls("test") == ("https://api.dev.iot-sens.schlossers.at", "https://docs.dev.iot-sens.schlossers.at")
    assert infra.urls("production") == ("https://api.iot-sens.schlossers.at", "https://docs.iot-sens.schlossers.at")
    with pytest.raises(Refusal, match="publishes no API or no docs"):
        infra.urls("staging")


def test_no_place_stays_open_and_no_secret_is_in_it(repository: Path) -> None:
    for path in repository.rglob("*"):
        if path.is_file() and path.name != SETTINGS:
            text = path.read_text()
            assert not re.search(r"@[A-Z_]+@", text), path
            assert "kind: Secret\n" not in text, path
