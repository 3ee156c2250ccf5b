"""From the text of `sens.yaml` to a configuration, or to all that is wrong with it at once.

Each topic, each source and the rest are validated by themselves, so that one mistake hides no other.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from sens.domain.columns import DecoderType
from sens.sources import checks
from sens.sources.document import MAX_FILE_BYTES, Document, InvalidYaml, read
from sens.sources.explain import explain, found
from sens.sources.models import DEFAULT_TENANT, Configuration, Source, Topic
from sens.sources.problems import Finding, InvalidConfiguration, Path, Problem, shown, suggestion
from sens.sources.secrets import missing_files
from sens.sources.values import FOLDER

TOPIC_KEYS = frozenset(Topic.model_fields) - {"options"}
"""Keys of a topic that are ours; every other key is an option of its decoder."""

_EXAMPLE = "write at least a source: see docs/configuration.md"
_Checked = TypeVar("_Checked", bound=BaseModel)
_Decoders = Mapping[str, DecoderType]


@dataclass(frozen=True, slots=True)
class Examination:
    """What `sens check` says of a file.

    Attributes:
        configuration: None if there are problems.
        problems: what makes the file unusable.
        warnings: what is right in the file and yet missing here: secrets and certificates.
    """

    configuration: Configuration | None
    problems: list[Problem]
    warnings: list[Problem]


def load(path: FilePath, decoders: _Decoders) -> Configuration:
    """Read a configuration file.

    Args:
        path: the file; relative paths in it are taken from its folder.
        decoders: the registered payload formats, by name.

    Raises:
        InvalidConfiguration: the file is missing, unreadable or wrong.
    """
    return _usable(examine_file(path, decoders))


def parse(text: str, *, name: str, decoders: _Decoders, folder: FilePath = FilePath()) -> Configuration:
    """Read a configuration from its text.

    Args:
        text: YAML.
        name: what to call the text in problems.
        decoders: the registered payload formats, by name.
        folder: where relative paths start.

    Raises:
        InvalidConfiguration: with every problem of the text.
    """
    return _usable(examine(text, name=name, decoders=decoders, folder=folder))


def examine_file(path: FilePath, decoders: _Decoders) -> Examination:
    """All that is wrong with a file, as a value. Never raises for what it holds."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        return _failed(Problem(str(path), 0, 0, "", f"cannot be read: {why}", "name a readable YAML file"))
    if len(data) > MAX_FILE_BYTES:
        return _failed(Problem(str(path), 0, 0, "", f"more than {MAX_FILE_BYTES} bytes", "name a configuration file"))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        return _failed(Problem(str(path), line, column, "", "not UTF-8", "save the file as UTF-8"))
    return examine(text, name=str(path), decoders=decoders, folder=path.parent)


def examine(text: str, *, name: str, decoders: _Decoders, folder: FilePath = FilePath()) -> Examination:
    """All that is wrong with a text, as a value. Never raises for what it holds."""
    try:
        document = read(text)
    except InvalidYaml as error:
        return _failed(Problem(name, *error.position, "", error.message, error.hint))
    reader = _Reader(document, decoders, folder)
    configuration = reader.configuration()
    problems = _placed(reader.findings, document, name)
    if configuration is None or problems:
        return Examination(None, problems, [])
    return Examination(configuration, [], _placed(missing_files(configuration), document, name))


def _usable(examination: Examination) -> Configuration:
    if examination.configuration is None:
        raise InvalidConfiguration(examination.problems)
    return examination.configuration


def _failed(problem: Problem) -> Examination:
    return Examination(None, [problem], [])


def _placed(findings: Iterable[Finding], document: Document, name: str) -> list[Problem]:
    problems = set[Problem]()
    for finding in findings:
        position = finding.position or document.position(finding.path, at_key=finding.at_key)
        problems.add(Problem(name, *position, shown(finding.path), finding.message, finding.hint))
    return sorted(problems)


@dataclass(slots=True)
class _Reader:
    """One walk over one document."""

    document: Document
    decoders: _Decoders
    folder: FilePath
    findings: list[Finding] = field(init=False)

    def __post_init__(self) -> None:
        self.findings = list(self.document.findings)

    def configuration(self) -> Configuration | None:
        value = self.document.value
        if not isinstance(value, dict):
            what = "the file is empty" if value is None else f"expected {found({})}, found {found(value)}"
            return self._found(Finding((), what, _EXAMPLE))
        content = cast("dict[str, Any]", value)
        self._check_together(content)
        sources = list(self._sources(content.get("sources")))
        read = {"sources": sources} if isinstance(content.get("sources"), list) else {}
        configuration = self._validated(Configuration, content | read, (), judged=frozenset({"retention"}))
        if configuration is not None:
            self.findings += checks.check_retention(configuration.retention)
        return configuration

    def _sources(self, values: object) -> Iterator[Source]:
        for path, value in self._entries(values, ("sources",), Source):
            topics = list(self._topics(value.get("topics"), path))
            self.findings += checks.check_overlaps(topics, self.document)
            read = {"topics": [topic for _, topic in topics]} if isinstance(value.get("topics"), list) else {}
            source = self._validated(Source, value | read, path, judged=checks.SOURCE_KEYS)
            if source is not None:
                self.findings += checks.check_source(path, source)
                yield source

    def _topics(self, values: object, source_path: Path) -> Iterator[tuple[Path, Topic]]:
        for path, value in self._entries(values, (*source_path, "topics"), Topic):
            own = {key: each for key, each in value.items() if key in TOPIC_KEYS}
            others = {key: each for key, each in value.items() if key not in TOPIC_KEYS}
            right = len(self.findings)
            options = self._options(own, others, path)
            topic = self._validated(Topic, own | {"options": options}, path, judged=checks.TOPIC_KEYS)
            if topic is None:
                continue
            if len(self.findings) == right:
                self.findings += checks.check_topic(path, topic)
            yield path, topic

    def _options(self, own: dict[str, Any], others: dict[str, Any], path: Path) -> BaseModel | None:
        """The decoder's options; None where there is no decoder, or a problem was found."""
        name = own.get("decoder")
        if own.get("ignore") is True:
            if name is not None:
                self._found(Finding((*path, "decoder"), "an ignored topic has no decoder", "remove one", at_key=True))
                return None
            return self._unknown_keys(others, path)
        if name is None:
            hint = f"write decoder: one of {', '.join(sorted(self.decoders))}; or ignore: true"
            self._found(Finding((*path, "decoder"), "'decoder' is missing", hint, at_key=True))
            return self._unknown_keys(others, path)
        if not isinstance(name, str):
            return None  # its type is a problem of the topic
        if name not in self.decoders:
            hint = suggestion(name, self.decoders, "known decoders")
            return self._found(Finding((*path, "decoder"), f"unknown decoder '{name}'", hint))
        return self._validated(self.decoders[name].options, others, path, other_keys=TOPIC_KEYS)

    def _unknown_keys(self, keys: Iterable[str], path: Path) -> None:
        for key in keys:
            hint = suggestion(key, TOPIC_KEYS, "known keys")
            self._found(Finding((*path, key), f"unknown key '{key}'", hint, at_key=True))

    def _entries(self, values: object, path: Path, model: type[BaseModel]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The mappings in a list, each with its path. That a value is no list is reported with what holds it."""
        if not isinstance(values, list):
            return
        kind = model.__name__.lower()
        if not values:
            self._found(Finding(path, f"no {kind} is declared", f"declare at least one {kind}", at_key=True))
        entries = cast("list[object]", values)
        yield from _mappings(entries, path)
        for index, value in enumerate(entries):
            if not isinstance(value, dict):
                hint = f"write the keys of a {kind}, for example {'name' if model is Source else 'topic'}: …"
                self._found(Finding((*path, index), f"expected {found({})}, found {found(value)}", hint))

    def _check_together(self, content: dict[str, Any]) -> None:
        sources, tenants = (list(_mappings(content.get(key), (key,))) for key in ("sources", "tenants"))
        self.findings += checks.check_names(sources, "source", self.document)
        self.findings += checks.check_names(tenants, "tenant", self.document)
        self.findings += checks.check_clients(sources, self.document)
        known = [name for _, tenant in tenants if isinstance(name := tenant.get("name"), str)]
        self.findings += checks.check_tenants(sources, known if "tenants" in content else [DEFAULT_TENANT])

    def _validated(
        self,
        model: type[_Checked],
        value: dict[str, Any],
        path: Path,
        *,
        other_keys: Iterable[str] = (),
        judged: frozenset[str] | None = None,
    ) -> _Checked | None:
        """The value as a model.

        Where it is wrong, only what can still be checked: the model without the keys that are wrong, if none
        of them is `judged` by the checks to come.
        """
        try:
            return model.model_validate(value, context={FOLDER: self.folder})
        except ValidationError as error:
            self.findings += explain(error, value, model, path, other_keys)
            wrong = {details["loc"][0] for details in error.errors() if details["loc"]}
        if judged is None or wrong & judged:
            return None
        try:
            return model.model_validate({key: each for key, each in value.items() if key not in wrong})
        except ValidationError:
            return None

    def _found(self, finding: Finding) -> None:
        self.findings.append(finding)


def _mappings(values: object, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(values, list):
        for index, value in enumerate(cast("list[object]", values)):
            if isinstance(value, dict):
                yield (*path, index), cast("dict[str, Any]", value)
