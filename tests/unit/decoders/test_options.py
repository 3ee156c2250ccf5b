"""Options of the real decoders as a person writes them: what no message could be decoded with is told at once."""

import pytest

from sens.decoders.registry import DECODERS
from sens.sources import Problem, examine


def problems(topic: str) -> list[Problem]:
    topics = f"[{{topic: 'a/{{device}}/{{metric...}}', {topic}}}]"
    text = f"sources:\n- name: plant-a\n  broker: mqtt://h\n  topics: {topics}\n"
    return examine(text, name="sens.yaml", decoders=DECODERS).problems


@pytest.mark.parametrize(
    ("options", "path", "message", "hint"),
    [
        ("decoder: json, fields: {t: {metric: ' '}}", "fields.t.metric", "the name is empty", ""),
        (
            "decoder: json, fields: {t: , u: {metric: v}, w: {metric: t}}",
            "fields",
            "'t' and 'w' are both the metric 't'",
            "",
        ),
        ('decoder: json, fields: {t: {unit: "\\a"}}', "fields.t.unit", "the name holds a control character", ""),
        (
            "decoder: json, time: ts",
            "time",
            "'time': expected keys and values, found a text",
            "write time: {field: ts}",
        ),
        ("decoder: json, time: 3", "time", "expected keys and values, found a whole number", "known keys: field, for"),
        ("decoder: json, time: '}{'", "time", "expected keys and values", "known keys: field, format, missing"),
        ("decoder: json, fields: {t: temp}", "fields.t", "expected keys and values", "known keys: kind, metric, off"),
        ("decoder: json, fields: t", "fields", "or expected a list, found a text", "begin each entry with '- '"),
        ("decoder: json, metric: {field: m}", "metric", "declare value as well", ""),
        ("decoder: json, max_depth: true", "max_depth", "expected a whole number, found true or false", ""),
        ("decoder: json, max_depth: '3'", "max_depth", "expected a whole number, found a text", "without quotes"),
        ("decoder: json, max_depth: 3.0", "max_depth", "expected a whole number, found a number", ""),
        ("decoder: json, text: 1", "text", "expected true or false, found a whole number", ""),
        ("decoder: json, fields: {t: {scale: '2'}}", "fields.t.scale", "expected a number", "without quotes"),
        ("decoder: json, fields: {t: {offset: false}}", "fields.t.offset", "expected a number", ""),
        ("decoder: plain, true_words: 3", "true_words", "expected a list, found a whole number", "- "),
        ("decoder: plain, true_words: [3]", "true_words[0]", "expected a text", "quotes"),
        ("decoder: plain, true_words: [a], false_words: [b, A]", "false_words", "'A' is among true_words and", ""),
        ("decoder: plain, true_words: [OFF]", "", "'off' is among true_words and false_words", ""),
        ("decoder: influx, tags: 3", "tags", "or expected a list", "known values: ignore, join"),
    ],
)
def test_a_wrong_option_is_told_with_its_place_and_what_to_write(
    options: str, path: str, message: str, hint: str
) -> None:
    found = problems(options)
    assert [problem.path for problem in found] == [f"sources[0].topics[0].{path}".rstrip(".")]
    assert message in found[0].message
    assert hint in found[0].hint


@pytest.mark.parametrize(
    "options",
    [
        "decoder: json, fields: {t: {scale: 2, offset: 1e-3}}, max_depth: 3",
        "decoder: json, metric: {field: m}, value: {field: v}",
        "decoder: plain, true_words: [an], false_words: [aus], scale: 1",
        "decoder: influx, tags: [cpu], device_tag: host",
        "decoder: senml, device: topic, text: false",
    ],
)
def test_right_options_are_taken(options: str) -> None:
    assert problems(options) == []


def test_the_line_of_an_option_is_that_of_its_key() -> None:
    text = "sources:\n- name: a\n  broker: mqtt://h\n  topics:\n  - topic: a/{device}\n    decoder: json\n    "
    [problem] = examine(f"{text}metric:\n      field: m\n", name="sens.yaml", decoders=DECODERS).problems
    assert (problem.line, problem.column) == (7, 5)
