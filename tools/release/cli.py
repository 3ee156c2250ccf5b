"""The command line of releases, as workflows and people call it in a checkout of the platform's repository."""

import os
import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sens.cli.smoke import ask_until_well

from . import play as loopback_play
from . import rules
from .audit import differences
from .checkout import Checkout
from .environment import smoke as look
from .git import Branch
from .gitops import write_repository
from .infra import Infra
from .record import Release, Smoke, write
from .refusal import Refusal
from .registry import Registry
from .steps import Delivery, Project
from .telling import told
from .version import Version, parse

app = typer.Typer(
    help="Release the platform. Each step looks first, and run again it completes what is not done.\n\n"
    "Environment: IMAGE_PREFIX (ghcr.io/OWNER/sens-platform), REGISTRY_USER, REGISTRY_PASSWORD, INFRA_REPOSITORY and"
    " PLATFORM_REPOSITORY (URLs for Git; the latter is where the checkout came from, if it is not set).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Run = Annotated[int, typer.Option(min=1, help="Number of the workflow run.")]
Attempt = Annotated[int, typer.Option(min=1, help="Number of its attempt.")]
ApiUrl = Annotated[str, typer.Option("--api", help="URL of the API; else by the environment's values.")]
DocsUrl = Annotated[str, typer.Option("--docs", help="URL of the docs; else by the environment's values.")]
DocumentFile = Annotated[Path | None, typer.Option("--document", help="Write the release's document there.")]
EnvironmentName = Annotated[str, typer.Argument(help="test, staging or production.")]


@app.command()
def play() -> None:
    """Play a whole release on this machine, told step by step."""
    loopback_play.play()


@app.command("version")
def print_version(run: Run, attempt: Attempt) -> None:
    """Print the version of a build of the commit that is checked out."""
    print(_alpha(run, attempt))


@app.command()
def alpha(
    run: Run,
    attempt: Attempt,
    ci_run: Annotated[str, typer.Option(help="Address of the workflow run.")],
    images: Annotated[list[str], typer.Argument(metavar="IMAGE=sha256:…", help="Every image with its digest.")],
    branch: Annotated[str, typer.Option(help="For people.")] = "main",
    document: DocumentFile = None,
) -> None:
    """Publish a build of main, whose images are in the registry by digest, and let test run it."""
    release = Checkout(Path()).release(_alpha(run, attempt), _digests(images), branch, ci_run)
    with _delivery() as delivery:
        delivery.release_alpha(release)
    _write_document(release, document)


@app.command()
def stage(api: ApiUrl = "", docs: DocsUrl = "") -> None:
    """Publish what test runs as a release candidate, and let staging run it. The URLs are test's."""
    with _delivery(api, docs) as delivery:
        delivery.promote_staging()


@app.command()
def promote(
    promotion: Annotated[str, typer.Option(help="Name of this promotion: the same when it is run again.")],
    api: ApiUrl = "",
    docs: DocsUrl = "",
    document: DocumentFile = None,
) -> None:
    """Publish what test runs as a stable release, for production to be synced to. The URLs are test's."""
    with _delivery(api, docs) as delivery:
        delivery.promote_production(promotion)
        release = _document(delivery, delivery.released_by(promotion))
    print(f"production is to run {release.version}: sync it in Argo CD")
    _write_document(release, document)


@app.command()
def deploy(
    environment: EnvironmentName,
    version: Annotated[str, typer.Argument(help="One that is published.")],
    back: Annotated[bool, typer.Option("--back", help="It is lower than what runs, and that is meant.")] = False,
) -> None:
    """Let an environment run a published version."""
    with _delivery() as delivery:
        delivery.deploy(_environment(environment), parse(version), back=back)


@app.command("smoke")
def smoke_test(
    environment: EnvironmentName,
    api: ApiUrl = "",
    docs: DocsUrl = "",
    version: Annotated[str, typer.Option(help="What must run; else what it is to run.")] = "",
    wait: Annotated[float, typer.Option(help="Seconds until it must work.")] = 0.0,
) -> None:
    """Look whether an environment works and runs what it shall."""
    with _infra() as infra:
        wanted = version or str(infra.desired(_environment(environment)).version)
        urls = _urls(infra, environment, api, docs)
    _, found = ask_until_well(*urls, wanted, wait)
    if found:
        raise Refusal(f"{environment} does not work: {'; '.join(found)}")
    print(f"{environment} runs {wanted} and works")


@app.command()
def check(
    version: Annotated[str, typer.Argument(help="One that is published.")],
    api: Annotated[str, typer.Option(help="URL of the API of an environment that shall run it.")] = "",
    docs: Annotated[str, typer.Option(help="URL of its docs.")] = "",
) -> None:
    """Compare the document of a release with the labels of its images and with what runs."""
    with _delivery() as delivery:
        release = _document(delivery, parse(version))
    running = look(api, docs or api) if api else None
    if found := differences(release, Registry.of_environment(), running):
        raise Refusal(f"{version} is not what its document says: {'; '.join(found)}")
    print(f"{version} is commit {release.git_sha}, built by {release.ci_run}")


@app.command("infra")
def write_infra(
    folder: Annotated[Path, typer.Argument(help="A checkout of the infrastructure repository, or a new folder.")],
) -> None:
    """Write or update the infrastructure repository: the first time an example of its settings."""
    changed = write_repository(folder)
    print("\n".join(changed) if changed else "nothing to change")


@contextmanager
def _delivery(api: str = "", docs: str = "") -> Generator[Delivery]:
    """All that a step needs, in clones that go with the end of the block. The URLs are test's."""
    checkout = Checkout(Path())
    with _infra() as infra, tempfile.TemporaryDirectory(prefix="release") as folder:
        url = os.environ.get("PLATFORM_REPOSITORY") or checkout.origin
        project = Project(Branch(url, Path(folder) / "platform"))

        def test() -> Smoke:
            return look(*_urls(infra, rules.TEST, api, docs))

        yield Delivery(Registry.of_environment(), infra, project, test, lambda action: print(told(action), flush=True))


@contextmanager
def _infra() -> Generator[Infra]:
    with tempfile.TemporaryDirectory(prefix="release") as folder:
        yield Infra(Branch(_needed("INFRA_REPOSITORY"), Path(folder) / "infra"))


def _needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Refusal(f"{name} is not set: it is the URL of the infrastructure repository, for Git")
    return value


def _urls(infra: Infra, environment: str, api: str, docs: str) -> tuple[str, str]:
    """Where an environment is: as it was said, else as its values publish it."""
    if api and docs:
        return api, docs
    published = infra.urls(environment)
    return api or published[0], docs or published[1]


def _environment(name: str) -> str:
    if name not in rules.KINDS:
        raise Refusal(f"{name} is no environment: there are {', '.join(rules.KINDS)}")
    return name


def _alpha(run: int, attempt: int) -> Version:
    return Checkout(Path()).next_version.alpha(run, attempt)


def _digests(images: list[str]) -> dict[str, str]:
    found = {image: digest for image, _, digest in (each.partition("=") for each in images)}
    wrong = [image for image, digest in found.items() if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest)]
    if wrong or len(found) != len(images):
        raise Refusal(f"{' '.join(images)}: name each image once, as IMAGE=sha256:… with 64 hexadecimal digits")
    return found


def _document(delivery: Delivery, version: Version) -> Release:
    published = delivery.published(version)
    if published.release is None or not published.complete:
        raise Refusal(f"{version} is not published whole: run the step that publishes it again")
    return published.release


def _write_document(release: Release, place: Path | None) -> None:
    if place is not None:
        place.write_bytes(write(release))
