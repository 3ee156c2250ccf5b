"""The lines that declare a source."""

from sens.sources.pieces import pieces

TEXT = """\
# Of the plant.
retention: {raw: 30d}
sources:
  - name: plant-a   # the old one
    broker: mqtt://a
    topics:
      - {topic: "a/{device}", decoder: json}

  # The new one.
  - broker: mqtt://b
    name: plant-b
    topics: [{topic: "b/{device}", decoder: json}]
tenants:
  - name: home
"""


def test_each_source_has_its_lines():
    found = pieces(TEXT)
    assert found["plant-a"].splitlines()[:2] == ["  - name: plant-a   # the old one", "    broker: mqtt://a"]
    assert "plant-b" not in found["plant-a"]
    assert (
        found["plant-b"]
        == """\
  - broker: mqtt://b
    name: plant-b
    topics: [{topic: "b/{device}", decoder: json}]"""
    )


def test_what_is_no_configuration_has_none():
    for text in ("", "a: [", "sources: 1", "- 1", "sources: [1]"):
        assert pieces(text) == {}


def test_sources_on_one_line_share_it():
    text = "sources: [{name: a, broker: x}, {name: b, broker: y}]"
    assert pieces(text) == {"a": text, "b": text}
