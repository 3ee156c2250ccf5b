"""MQTT topic filters, and topic templates that name parts of a topic.

A template is a filter in which levels may bear names: `sens/{device}/telemetry`. `{name}` stands for
one level (`+`), `{name...}` for all last levels (`#`; joined by `/`, "" where the topic has none, since `a/#` also
matches `a`); `+` and `#` stand as in MQTT.
Source: MQTT 5.0, section 4.7.
"""

import re
from dataclasses import dataclass

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)(\.\.\.)?\}")


class InvalidTemplate(ValueError):
    """The text is no topic template; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed topic template.

    Attributes:
        text: as declared.
        filter: the MQTT filter to subscribe to.
        names: level index → name.
        rest: name of the last levels, if `{name...}` ends the template.
    """

    text: str
    filter: str
    names: tuple[tuple[int, str], ...]
    rest: str | None

    def match(self, topic: str) -> dict[str, str] | None:
        """The named parts of `topic`, or None where the filter does not match it."""
        if not matches(self.filter, topic):
            return None
        levels = topic.split("/")
        parts = {name: levels[index] for index, name in self.names}
        if self.rest is not None:
            parts[self.rest] = "/".join(levels[self.filter.count("/") :])
        return parts


def parse_template(text: str) -> Template:
    """Parse a template.

    Raises:
        InvalidTemplate: empty, a wildcard inside a level, `#` before the end, a name given twice.
    """
    if not text:
        raise InvalidTemplate("an empty topic: write for example sens/{device}/telemetry")
    levels, names, rest = text.split("/"), list[tuple[int, str]](), None
    for index, level in enumerate(levels):
        named = _NAME.fullmatch(level)
        if named and named[2]:
            if index != len(levels) - 1:
                raise InvalidTemplate(f"{level} stands for all last levels, so it must end the topic")
            rest, levels[index] = named[1], "#"
        elif named:
            names.append((index, named[1]))
            levels[index] = "+"
        else:
            _check_level(level, last=index == len(levels) - 1)
    given = [name for _, name in names] + ([rest] if rest else [])
    if len(given) != len(set(given)):
        raise InvalidTemplate(f"a name stands twice in {text}: name each part once")
    return Template(text, "/".join(levels), tuple(names), rest)


def _check_level(level: str, *, last: bool) -> None:
    if level in ("+", "") or (level == "#" and last):
        return
    if level == "#":
        raise InvalidTemplate("# stands for all last levels, so it must end the topic")
    if "+" in level or "#" in level:
        raise InvalidTemplate(f"'{level}': a wildcard must be a whole level")
    if "{" in level or "}" in level:
        raise InvalidTemplate(f"'{level}': a name must be a whole level, in lower case: {{device}} or {{metric...}}")
    if "\0" in level:
        raise InvalidTemplate("a NUL character")


def matches(filter_: str, topic: str) -> bool:
    """Whether an MQTT filter matches a topic. `+` and `#` at the start do not match `$…` topics."""
    want, have = filter_.split("/"), topic.split("/")
    if topic.startswith("$") and want[0] in ("+", "#"):
        return False
    for index, level in enumerate(want):
        if level == "#":
            return True
        if index >= len(have) or level not in ("+", have[index]):
            return False
    return len(want) == len(have)


def overlap(one: str, other: str) -> bool:
    """Whether some topic matches both filters."""
    a, b = one.split("/"), other.split("/")
    if a[0].startswith("$") != b[0].startswith("$") and (a[0] in ("+", "#") or b[0] in ("+", "#")):
        return False
    for x, y in zip(a, b, strict=False):
        if "#" in (x, y):
            return True
        if x != y and "+" not in (x, y):
            return False
    if len(a) == len(b):
        return True
    shorter, longer = sorted((a, b), key=len)
    parent_alone = longer[len(shorter)] == "#" and len(longer) == len(shorter) + 1
    # "/#" has a parent without a character, which is no topic.
    return parent_alone and longer != ["", "#"]
