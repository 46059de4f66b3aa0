"""JSON documents, right and wrong, written for these tests along RFC 8259.

The names begin as those of JSONTestSuite do: `y_` has to be accepted, `n_` to be refused, `i_` is left open by the
standard: an implementation may do either. `suite` adds the documents of a checkout of that suite.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

_WORDS = (b"true", b"false", b"null")
_SPACES = (b" ", b"\t", b"\r", b"\n", b" \t\r\n ")
_GOOD_NUMBERS = (
    *(b"0", b"-0", b"7", b"-7", b"10", b"1234567890", b"0.0", b"-0.0", b"0.5", b"-1.25", b"3.0"),
    *(b"0.000000001", b"0e0", b"0E0", b"0e-0", b"1e5", b"1E5", b"1e+5", b"1e-5", b"1.5e5", b"-1.5E-5"),
    *(b"1e00005", b"0.1e+01", b"1e308", b"1e-307", b"9007199254740993", b"18446744073709551615"),
    *(b"-9223372036854775808",),
)
_BAD_NUMBERS = (
    *(b"-", b"+", b"+1", b"--1", b"++1", b"- 1", b"01", b"-01", b"00", b"1.", b"-1.", b".5", b"-.5", b"."),
    *(b"0..5", b"0.5.5", b"1e", b"1E", b"1e+", b"1e-", b"1.e1", b"1ee1", b"1e1e1", b"1e1.5", b"e1", b"1+1"),
    *(b"1 000", b"1_000", b"1,000.5.", b"0x1F", b"0b1", b"0o7", b"1f", b"1L", b"NaN", b"-NaN", b"nan"),
    *(b"Infinity", b"-Infinity", b"+Infinity", b"Inf", b"inf", b"1#", b"1a", b"\xef\xbc\x91", b"\xd9\xa1"),
    *(b"1\xff", b"1e\xff", b"-\xff", b"\xc2\xbd"),
)
_GOOD_TEXTS = (
    *(
        b"",
        b" ",
        b"plain",
        b"/",
        b"// no comment",
        b"/* nor this */",
        b"'",
        b"[{,:}]",
        b"\x7f",
        b"caf\xc3\xa9",
    ),
    *(b"\xe2\x82\xac", b"\xf0\x9d\x84\x9e", b"\xe2\x80\xa8\xe2\x80\xa9", b"\xef\xbb\xbf", b"\xef\xbf\xbf"),
    *(b"\xc2\x85", b"\xf4\x8f\xbf\xbf", b"\xef\xb7\x90", b"\xe2\x80\x8b", b"\\u0000", b"\\u000a", b"\\u001F"),
    *(b"\\u007f", b"\\u00e9", b'\\"', b"\\\\", b"\\/", b"\\b\\f\\n\\r\\t", b'\\\\\\"', b"\\\\u0041"),
    *(
        b"\\u0022",
        b"\\u005C",
        b"\\uFFFF",
        b"\\uFDD0",
        b"\\uD834\\uDD1E",
        b"\\ud834\\udd1e",
        b"\\uDBFF\\uDFFF",
    ),
    *(b"a\\uD800\\uDC00b", b"long " * 60),
)
_BAD_TEXTS = (
    *(b'"', b'"abc', b'abc"', b'"a"b"', b"'a'", b"`a`", b'"a\\"', b'"\\"', b'"\\', b'"\\\\\\"', b'"\\x41"'),
    *(b'"\\a"', b'"\\0"', b'"\\u"', b'"\\u1"', b'"\\u12"', b'"\\u123"', b'"\\u12G4"', b'"\\U0041"'),
    *(b'"\\u 041"', b'"\\\xff"', b'"\\\x00"', b'"\\\n"', b'"\\\xc3\xa9"', b'"\\u00\xc3\xa9"', b'"\\uD834\\"'),
    *(b'"\\uD834\\u"', b'"\\uD834\\uD"', b'"\\uD834\\uDD1"', b'"\x00"', b'"\x01"', b'"\x1f"', b'"a\tb"'),
    *(b'"a\nb"', b'"a\rb"', b'"\x08"', b"\\n", b"\\u0022a\\u0022", b"caf\xc3\xa9"),
)
_BAD_WORDS = (
    *(b"True", b"TRUE", b"False", b"NULL", b"None", b"nil", b"undefined", b"yes", b"tru", b"fals", b"nul"),
    *(b"truee", b"true false", b"truefalse", b"nulll", b"t", b"*", b"a", b"<.>", b"<null>", b"\xc3\xa9"),
    *(b"\xe2\x81\xa0", b"\xff", b"\x00"),
)
_BAD_ARRAYS = (
    *(b"[", b"]", b"[[", b"]]", b"[[]", b"[]]", b"[,", b"[,]", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1,,2]"),
    *(b"[1,2,,]", b"[1 2]", b"[1;2]", b"[1:2]", b'["a":1]', b'["a" "b"]', b"[1}", b"[1]]", b"[1],", b"[1]1"),
    *(b"[1]a", b"[][]", b"[] []", b"[1,\n2\n,3", b"[1 true]", b"[[1] [2]]", b"[{]", b"[{}", b'["a', b'["a"'),
    *(
        b"[tru]",
        b"[-]",
        b"[\x0c]",
        b"[\x0b1]",
        b"[\xc2\xa0]",
        b"[\xe2\x80\xa8]",
        b"[\xef\xbb\xbf]",
        b"[\xff]",
    ),
    *(b"[1,\xff]", b"[1]#", b"[1]//x", b"[1]/**/", b"[/**/1]", b"[1]\x00", b"[*]", b"(1)", b"<1>", b"[1,2"),
    *(b"[\n", b'[""', b"[],", b"[1,...]", b"[0-1]"),
)
_BAD_OBJECTS = (
    *(
        b"{",
        b"}",
        b"{{",
        b"{{}}",
        b"{,}",
        b'{"a"}',
        b'{"a":}',
        b'{"a" 1}',
        b'{"a",1}',
        b'{"a"::1}',
        b'{"a":1',
    ),
    *(b'{"a":1,', b'{"a":1,}', b'{"a":1,,}', b'{,"a":1}', b'{"a":1 "b":2}', b'{"a":1;"b":2}', b'{"a"=1}'),
    *(b'{"a"=>1}', b"{a:1}", b"{'a':1}", b"{1:1}", b"{null:1}", b"{true:1}", b"{[]:1}", b"{{}:1}", b"{:1}"),
    *(b'{"a":1]', b'{"a":1}}', b'{"a":1}1', b'{"a":1}#', b'{"a":1}//x', b'{"a":1}/**/', b'{"a":/**/1}'),
    *(b'{"a":1 2}', b'{"a":1}{"b":2}', b'{"a":1},', b'{"a', b'{"a"', b'{"a":', b'{"a":"b', b'{"a":b}', b"{]"),
    *(b"{[", b'{"a":1,"b"}', b'{"a":1,"b":}', b'{"a":1,2}', b'{"a":1:2}', b'{"\xff":1}', b'{"a\nb":1}'),
    *(b'{"a":1}\x00', b'{"a":[}', b'{"a":[1}', b'{"a":{"b":1}', b'{"a":tru}', b'{"a": NaN}', b'{"a":01}'),
    *(b"{\x00}",),
)
_OPEN = (  # what the standard leaves to an implementation, or what is no UTF-8
    *(b"1e400", b"-1e400", b"1e99999", b"-1e99999", b"1e-400", b"123456789012345678901234567890"),
    *(b"-99999999999999999999999999999999999999999999999999", b'"\\uD800"', b'"\\uDC00"', b'"\\uD800x"'),
    *(b'"\\uD800\\n"', b'"\\uD800\\uD800"', b'"\\uDC00\\uD800"', b'"\\uD834\\u0041"', b'{"\\uDC00":1}'),
    *(b'"\xff"', b'"\xc3"', b'"\xe9"', b'"\x80"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xf4\xbf\xbf\xbf"'),
    *(b'"\xe2\x82"', b'"\xfc\x83\xbf\xbf\xbf\xbf"', b'\xff\xfe[\x00"\x00a\x00"\x00]\x00'),
    *(b'\x00[\x00"\x00a\x00"\x00]', b"\xef\xbb\xbf{}", b"[" * 500 + b"]" * 500),
)
_NESTED = (
    *(
        b"[" * 120 + b"]" * 120,
        b'{"a":' * 120 + b"1" + b"}" * 120,
        b'[{"a":' * 60 + b"[]" + b"}]" * 60,
        b"[[[[]],[]]]",
    ),
    *(
        b'{"a":{"a":{"a":1}}}',
        b'[{"a":1},{"a":1}]',
        b'{"":0}',
        b'{"a":1,"A":2}',
        b'{"\\u0000":1}',
        b'{"a b":[]}',
    ),
    *(
        b'[1,"a",null,true,{},[]]',
        b'{"a":[],"b":{},"c":"","d":0}',
        b"[" + b"1," * 500 + b"1]",
        b"[null,null]",
    ),
)
_BOMBS = (
    b"[" * 100_000,
    b'[{"":' * 50_000,
    b"[" * 100_000 + b"]" * 99_999,
    b'{"a":' * 100_000 + b"}" * 100_000,
)

REFUSED_BY_RULE = {
    # valid JSON that is refused all the same, and the rule's words
    b'{"a":1,"a":1}': "duplicate key",
    b'{"a":1,"a":2}': "duplicate key",
    b'{"a":1,"\\u0061":2}': "duplicate key",
    b'[{"b":{"a":1,"c":2,"a":3}}]': "duplicate key",
    b"[" * 129 + b"]" * 129: "nested deeper than 128 levels",
    b'{"a":' * 129 + b"1" + b"}" * 129: "nested deeper than 128 levels",
    b"9" * 65: "a number of 65 characters",
    b"0." + b"0" * 63 + b"1": "a number of 66 characters",
    b"1." + b"5" * 80 + b"e3": "a number of 84 characters",
}


def _named(prefix: str, *groups: tuple[bytes, ...]) -> dict[str, bytes]:
    return {
        f"{prefix}{len(data)}_{data[:40]!r}": data
        for data in dict.fromkeys(each for group in groups for each in group)
    }


def own() -> dict[str, bytes]:
    """Our own documents by name."""
    texts = tuple(b'"%b"' % text for text in _GOOD_TEXTS)
    scalars = (*_GOOD_NUMBERS, *texts, *_WORDS, b"[]", b"{}")
    good = (
        *scalars,
        *(b"[%b]" % value for value in scalars),
        *(b'{"a":%b}' % value for value in scalars),
        *(b"{%b:0}" % text for text in texts),
        *(
            space.join((b"", b"[", b"1", b",", b"{", b'"a"', b":", b"2", b"}", b"]", b""))
            for space in _SPACES
        ),
    )
    broken = (*_BAD_NUMBERS, *_BAD_TEXTS, *_BAD_WORDS)
    bad = (
        b"",
        b" ",
        b"\xef\xbb\xbf",
        b"\xef\xbb",
        b"\xef\xbb{}",
        *broken,
        *(shape % value for shape, value in product((b"[%b]", b'{"a":%b}', b"[1,%b]"), broken)),
        *(b"{%b:0}" % text for text in _BAD_TEXTS),
        *_BAD_ARRAYS,
        *_BAD_OBJECTS,
        *_BOMBS,
    )
    return _named("y_", good, _NESTED) | _named("n_", bad) | _named("i_", _OPEN)


def suite(folder: Path) -> dict[str, bytes]:
    """The documents of a folder of files named as those of JSONTestSuite."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[yni]_*.json"))}
