"""Options of the real decoders as a person writes them: what no message could be decoded with is told at once."""

import pytest

from sens.decoders.registry import DECODERS
from sens.sources import Problem, examine


def problems(topic: str) -> list[Problem]:
    text = f"sources:\n- name: plant-a\n  broker: mqtt://h\n  topics:\n  - {{topic: 'a/{{device}}', {topic}}}\n"
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
    ],
)
def test_a_wrong_option_is_told_with_its_place_and_what_to_write(
    options: str, path: str, message: str, hint: str
) -> None:
    found = problems(options)
    assert [problem.path for problem in found] == [f"sources[0].topics[0].{path}".rstrip(".")]
    assert message in found[0].message
    assert hint in found[0].hint
