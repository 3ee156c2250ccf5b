"""What an expression of Prometheus names: metrics, each with the labels of its selectors, and labels to group by."""

import re
from typing import NamedTuple

_KEYWORDS = {"and", "or", "unless", "offset", "bool", "inf", "nan"}
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_METRIC = re.compile(r"(?<![\w:$.])([a-zA-Z_:][\w:]*)\s*(\{[^{}]*\})?(?!\s*\(|[\w:])")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


class Names(NamedTuple):
    """`metrics`: each with the labels of its selectors. `grouped`: labels after `by`, `on` and the like."""

    metrics: dict[str, set[str]]
    grouped: set[str]


def names_in(expression: str) -> Names:
    """The names in a valid expression."""
    text = re.sub(r"\[[^\]]*\]", "", re.sub(r"\"(?:[^\"\\]|\\.)*\"", '""', expression))
    grouped = {label.strip() for found in _GROUPING.findall(text) for label in found.split(",")} - {""}
    metrics: dict[str, set[str]] = {}
    for name, selector in _METRIC.findall(_GROUPING.sub(" ", text)):
        if name.lower() not in _KEYWORDS:
            metrics.setdefault(name, set()).update(_MATCHER.findall(selector))
    return Names(metrics, grouped)
