"""Filters match as MQTT says, `overlap` tells the truth about every pair, templates name what they match."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.domain.topics import InvalidTemplate, matches, overlap, parse_template

LEVELS = ["a", "b", "", "$s"]
TOPICS = ["/".join(levels) for length in range(1, 5) for levels in product(LEVELS, repeat=length)]
# No MQTT client can send to the empty topic.
TOPICS.remove("")


def reference_match(filter_: str, topic: str) -> bool:
    """MQTT 5.0, section 4.7, by recursion over levels."""

    def rest(want: list[str], have: list[str]) -> bool:
        if want == ["#"]:
            return True
        if not want or not have:
            return not want and not have
        return want[0] in ("+", have[0]) and rest(want[1:], have[1:])

    if topic[:1] == "$" and filter_[0:1] in ("+", "#"):
        return False
    return rest(filter_.split("/"), topic.split("/"))


level = st.sampled_from([*LEVELS, "+"])
filters = st.tuples(st.lists(level, max_size=3), st.sampled_from([*LEVELS, "+", "#"])).map(
    lambda parts: "/".join([*parts[0], parts[1]]) or "a"
)


@pytest.mark.parametrize(
    ("filter_", "topic", "expected"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "a/b", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/a", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/a", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        ("A", "a", False),
    ],
)
def test_a_filter_matches_as_the_specification_s_examples(filter_: str, topic: str, expected: bool) -> None:
    assert matches(filter_, topic) is expected


@given(filter_=filters, topic=st.sampled_from(TOPICS))
def test_a_filter_matches_as_the_specification_s_rules(filter_: str, topic: str) -> None:
    assert matches(filter_, topic) == reference_match(filter_, topic)


@given(one=filters, other=filters)
def test_overlap_is_that_some_topic_matches_both(one: str, other: str) -> None:
    # Filters have at most four levels, so if any topic matches both, one of these does.
    witnesses = [topic for topic in TOPICS if matches(one, topic) and matches(other, topic)]
    assert overlap(one, other) == overlap(other, one) == bool(witnesses)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a/#", "a", True),
        ("a/#", "+", True),
        ("a/+/#", "a", False),
        ("/#", "+", False),
        ("a/+", "+/b", True),
        ("a/+", "a/b/c", False),
        ("a/x/#", "a/+/c", True),
        ("#", "$SYS/#", False),
        ("+/a", "$SYS/a", False),
        ("$SYS/+", "$SYS/a", True),
        ("a", "b", False),
    ],
)
def test_overlap_of_pairs_that_people_write(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is expected


@given(st.lists(st.sampled_from(["a", "", "{x}", "{y}", "+", "{rest...}", "#", "{z_1}"]), min_size=1, max_size=5))
def test_a_template_that_parses_names_levels_of_what_its_filter_matches(levels: list[str]) -> None:
    text = "/".join(levels)
    try:
        template = parse_template(text)
    except InvalidTemplate:
        assert text == "" or len(set(levels)) < len(levels) or {"{rest...}", "#"} & set(levels[:-1])
        return
    for topic in TOPICS:
        parts = template.match(topic)
        assert (parts is not None) == matches(template.filter, topic)
        if parts is not None:
            have = topic.split("/")
            assert all(parts[name] == have[index] for index, name in template.names)
            assert template.rest is None or parts[template.rest] == "/".join(have[len(levels) - 1 :])


def test_a_template_becomes_a_filter_and_names() -> None:
    template = parse_template("sens/{device}/+/{metric...}")
    assert template.filter == "sens/+/+/#"
    assert template.match("sens/d1/x/a/b") == {"device": "d1", "metric": "a/b"}
    assert template.match("sens/d1/x/a") == {"device": "d1", "metric": "a"}
    assert template.match("sens/d1/x") == {"device": "d1", "metric": ""}
    assert template.match("other/d1/x/a") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty topic"),
        ("a/#/b", "must end the topic"),
        ("a/{rest...}/b", "must end the topic"),
        ("a#", "must be a whole level"),
        ("a/b+", "must be a whole level"),
        ("a/x{device}", "a name must be a whole level"),
        ("{Device}", "in lower case"),
        ("{}", "in lower case"),
        ("{device", "in lower case"),
        ("{a}/{a}", "a name stands twice"),
        ("{a}/{a...}", "a name stands twice"),
        ("a/\0", "NUL"),
    ],
)
def test_what_is_no_template_is_told_what_to_write(text: str, message: str) -> None:
    with pytest.raises(InvalidTemplate, match=message):
        parse_template(text)
