"""The `influx` decoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.domain.reasons import Reason

T0 = 1_700_000_000_000_000
NS = b"1700000000000000000"


@pytest.mark.parametrize(
    ("options", "payload", "expected"),
    [
        ({}, b"cpu usage=1.5", [(None, "cpu.usage", "", 1.5, None)]),
        ({}, b"cpu usage=1.5 " + NS, [(None, "cpu.usage", "", 1.5, T0)]),
        ({}, b"cpu a=1,b=-2i,c=3u", [(None, "cpu.a", "", 1.0, None), (None, "cpu.b", "", -2.0, None),
                                     (None, "cpu.c", "", 3.0, None)]),
        ({}, b"d a=t,b=FALSE,c=True", [(None, "d.a", "", True, None), (None, "d.b", "", False, None),
                                       (None, "d.c", "", True, None)]),
        ({}, b'l m="a, b=\\"c\\" \\\\ \\n",n=1', [(None, "l.m", "", 'a, b="c" \\ \\n', None),
                                                  (None, "l.n", "", 1.0, None)]),
        ({}, b'l m="two\nlines" ' + NS, [(None, "l.m", "", "two\nlines", T0)]),
        ({}, b"a\\ b\\,c x\\ y\\=z=1", [(None, "a b,c.x y=z", "", 1.0, None)]),
        ({}, b"a=b x=1", [(None, "a=b.x", "", 1.0, None)]),
        ({}, b"p,dir=C:\\temp x=1", [(None, "p.dir=C:\\temp.x", "", 1.0, None)]),
        ({}, b"cpu,host=a,cpu=c\\ 0 u=1", [(None, "cpu.cpu=c 0.host=a.u", "", 1.0, None)]),
        ({"device_tag": "host"}, b"cpu,host=a,cpu=0 u=1", [("a", "cpu.cpu=0.u", "", 1.0, None)]),
        ({"device_tag": "host", "tags": "ignore"}, b"cpu,host=a,cpu=0 u=1", [("a", "cpu.u", "", 1.0, None)]),
        ({"tags": ["cpu"]}, b"cpu,host=a,cpu=0 u=1", [(None, "cpu.cpu=0.u", "", 1.0, None)]),
        ({"metric": "field", "tags": "ignore"}, b"cpu,host=a u=1", [(None, "u", "", 1.0, None)]),
        ({"metric": "field"}, b"cpu,host=a u=1", [(None, "host=a.u", "", 1.0, None)]),
        ({"precision": "s"}, b"c u=1 1700000000", [(None, "c.u", "", 1.0, T0)]),
        ({"precision": "ms"}, b"c u=1 1700000000123", [(None, "c.u", "", 1.0, T0 + 123_000)]),
        ({"precision": "us"}, b"c u=1 -5", [(None, "c.u", "", 1.0, -5)]),
        ({"text": False}, b'c u=1,s="x"', [(None, "c.u", "", 1.0, None)]),
        ({}, b"\n# a comment\n\n  a x=1 \r\n#b\nb y=2  " + NS + b"  \n# end",
         [(None, "a.x", "", 1.0, None), (None, "b.y", "", 2.0, T0)]),
        ({}, "m,ort=K\u00f6ln temp\u00e9=1".encode(), [(None, "m.ort=K\u00f6ln.temp\u00e9", "", 1.0, None)]),
    ],
)  # fmt: skip
def test_fields_become_readings(readings, options, payload, expected):
    assert readings("influx", options, payload) == expected


def test_the_order_of_tags_makes_no_difference(readings):
    one, other = (readings("influx", {}, line) for line in (b"m,a=1,b=2 x=1", b"m,b=2,a=1 x=1"))
    assert one == other


@pytest.mark.parametrize(
    ("options", "payload", "reason", "place"),
    [
        ({}, b"", Reason.EMPTY_PAYLOAD, ""),
        ({}, b"\n#only a comment\n", Reason.NO_READINGS, ""),
        ({"text": False}, b'c s="x"', Reason.NO_READINGS, ""),
        ({}, b"\xff x=1", Reason.INVALID_SYNTAX, "byte 0"),
        ({}, b"cpu", Reason.INVALID_SYNTAX, "character 3"),
        ({}, b"cpu usage", Reason.INVALID_SYNTAX, "character 4"),
        ({}, b"cpu usage=", Reason.INVALID_SYNTAX, "character 4"),
        ({}, b"cpu a=1,", Reason.INVALID_SYNTAX, "character 8"),
        ({}, b"cpu,a a=1", Reason.INVALID_SYNTAX, "character 3"),
        ({}, b",a=b a=1", Reason.INVALID_SYNTAX, "character 0"),
        ({}, b'cpu a="open', Reason.INVALID_SYNTAX, "character 4"),
        ({}, b"cpu a=1 12.5", Reason.INVALID_SYNTAX, "character 10"),
        ({}, b"cpu a=1 12 13", Reason.INVALID_SYNTAX, "character 10"),
        ({}, b"a x=1\nb", Reason.INVALID_SYNTAX, "character 7"),
        ({}, b"cpu a=word", Reason.INVALID_SYNTAX, "'word'"),
        ({}, b"cpu a=1_0", Reason.INVALID_SYNTAX, "'1_0'"),
        ({}, b"cpu a=1.5i", Reason.INVALID_SYNTAX, "'1.5i'"),
        ({}, b"cpu a=NaN", Reason.NOT_FINITE, "'a'"),
        ({}, b"cpu a=1e999", Reason.NOT_FINITE, "'cpu.a'"),
        ({}, b"cpu a=9223372036854775808i", Reason.INVALID_VALUE, "'a'"),
        ({}, b"cpu a=-1u", Reason.INVALID_VALUE, "'a'"),
        ({"precision": "s"}, b"cpu a=1 9999999999999999999", Reason.INVALID_TIME, "999"),
        ({"device_tag": "host"}, b"cpu a=1", Reason.MISSING_FIELD, "'host'"),
        ({"max_payload_bytes": 3}, b"c a=1", Reason.TOO_LONG, "5 bytes"),
        ({"max_name_chars": 3}, b"c abc=1", Reason.TOO_LONG, "'c.abc'"),
        ({"max_text_chars": 1}, b'c a="xy"', Reason.TOO_LONG, "'c.a'"),
        ({"max_readings": 1}, b"c a=1,b=2", Reason.TOO_MANY_READINGS, "2"),
        ({}, b'c a="\0"', Reason.NUL_IN_TEXT, "'c.a'"),
        ({}, b"c a\0=1", Reason.INVALID_NAME, "'c.a\\x00'"),
    ],
)
def test_a_message_with_a_bad_line_is_rejected_as_a_whole(rejection, options, payload, reason, place):
    found = rejection("influx", options, payload)
    assert found.reason == reason
    assert place in found.detail


PAYLOADS = st.one_of(
    st.binary(max_size=20),
    st.text(alphabet='ab,= \\"\n#1it.', max_size=25).map(str.encode),
    st.sampled_from([b"m,h=a x=1,y=2i 5", b'm,h=b x="t" 5', b"m x=t", b"m,h=a x=1\nm,h=b x=2"]),
)


@given(
    st.sampled_from([{}, {"device_tag": "h"}, {"metric": "field", "tags": "ignore"}, {"text": False}]),
    st.lists(PAYLOADS, max_size=5),
)
def test_a_batch_gives_what_its_payloads_give_one_by_one(same_alone_and_together, options, payloads):
    same_alone_and_together("influx", options, payloads)


@given(
    st.text(
        min_size=1, alphabet=st.characters(blacklist_characters="\\", blacklist_categories=("Cs", "Cc")), max_size=10
    ),
    st.text(max_size=10, alphabet=st.characters(blacklist_characters="\0", blacklist_categories=("Cs",))),
)
def test_escaped_names_and_texts_come_back_as_they_were(readings, name, text):
    escaped_name = name.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
    escaped_text = text.replace("\\", "\\\\").replace('"', '\\"')
    payload = f'm,tag={escaped_name} {escaped_name}="{escaped_text}"'.encode()
    assert readings("influx", {"metric": "field"}, payload) == [(None, f"tag={name}.{name}", "", text, None)]
