"""The infrastructure repository, written from the template infra/gitops and what its settings.yaml says.

What people own is written once; of an Application the revisions that releases pin are kept; all else is as the template
has it, so that the repository is brought up to date by writing it again.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from .infra import pins_of, with_pins
from .refusal import Refusal

ROOT: Final = Path(__file__).resolve().parents[2]
TEMPLATE: Final = ROOT / "infra" / "gitops"
_VALUES: Final = ROOT / "infra" / "helm" / "sens-platform" / "environments"
SETTINGS: Final = "settings.yaml"
ENVIRONMENTS: Final = ("test", "staging", "production")
_PLACE: Final = re.compile(r"@([A-Z_]+)@")
_HEAD: Final = (
    "# Values of the chart for this environment; those of images stand in release.yaml.\nimageRegistry: {registry}\n"
)

Url = Annotated[str, msgspec.Meta(pattern=r"\A(https?://|ssh://|git@|file:///)\S+\Z")]
Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9]([a-z0-9.:/-]*[a-z0-9])?\Z")]
Mail = Annotated[str, msgspec.Meta(pattern=r"\A[^@\s]+@[^@\s]+\Z")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What differs between repositories that are made from the template.

    Attributes:
        platform_repository: URL of the platform's repository, as Argo CD reads it.
        infra_repository: URL of this one, as Argo CD reads it.
        image_registry: registry and owner of the images.
        argocd_host: host name of Argo CD.
        acme_mail: address that the certificate authority writes to.
        ingress_class: IngressClass of what is published.
        operator: local user of Argo CD who syncs production.
    """

    platform_repository: Url
    infra_repository: Url
    image_registry: Name
    argocd_host: Name
    acme_mail: Mail
    ingress_class: Name
    operator: Name

    def __post_init__(self) -> None:
        if "/" in self.operator or self.operator == "admin":
            raise ValueError("`operator` is the name of a local user beside admin, such as sebastian")

    @property
    def places(self) -> Mapping[str, str]:
        """What stands for what in the template."""
        return {name.upper(): str(value) for name, value in msgspec.structs.asdict(self).items()}


def write_repository(folder: Path) -> list[str]:
    """Write or update an infrastructure repository in a folder. Returns the paths that are new or other than before.

    Raises:
        Refusal: its settings.yaml was missing, and is now there to be filled in, or is not as it must be.
    """
    place = folder / SETTINGS
    if not place.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        place.write_bytes((TEMPLATE / SETTINGS).read_bytes())
        raise Refusal(f"{place} was written as an example: fill it in, and run this again")
    settings = read_settings(place)
    return [path for path, text in _files(settings, folder) if _write(folder / path, text)]


def read_settings(place: Path) -> Settings:
    """The settings in a file.

    Raises:
        Refusal: they are not as they must be.
    """
    try:
        return msgspec.yaml.decode(place.read_bytes(), type=Settings)
    except (msgspec.DecodeError, msgspec.ValidationError) as flaw:
        raise Refusal(f"{place}: {flaw}. {TEMPLATE / SETTINGS} is an example") from flaw


def _files(settings: Settings, folder: Path) -> list[tuple[str, str]]:
    """Path and text of everything that is to be written."""
    found: list[tuple[str, str]] = []
    for source in sorted(TEMPLATE.rglob("*")):
        path = source.relative_to(TEMPLATE).as_posix()
        if source.is_dir() or path == SETTINGS or (path.startswith("environments/") and (folder / path).exists()):
            continue
        text = _filled(source.read_text(), settings.places, path)
        found.append((path, _pinned_as_before(folder / path, text) if path.startswith("applications/") else text))
    for environment in ENVIRONMENTS:
        path = f"environments/{environment}/values.yaml"
        if not (folder / path).exists():
            head = _HEAD.format(registry=settings.image_registry)
            found.append((path, head + (_VALUES / f"{environment}.yaml").read_text()))
    return found


def _filled(text: str, places: Mapping[str, str], where: str) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in places:
            raise AssertionError(f"{where} of the template names {found[0]}, which no setting gives")
        return places[found[1]]

    return _PLACE.sub(value, text)


def _pinned_as_before(place: Path, text: str) -> str:
    """An Application with the revisions that it pins so far."""
    if not place.is_file():
        return text
    pins: Any = pins_of(place.read_text(), place.name)
    return with_pins(text, place.name, *pins)


def _write(place: Path, text: str) -> bool:
    if place.is_file() and place.read_text() == text:
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return True
