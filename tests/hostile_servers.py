"""Servers made to hurt who asks them, by what they do; and the words of the error each leads to."""

import asyncio
import gzip
import socket
import struct
import zlib
from dataclasses import dataclass

from fake_publisher import Script, answer, dripping, hanging_up, redirect, silence
from feed_documents import atom, items

MAX_SIZE = 1_000_000
"""Bytes of a document, so that what is larger is sent in no time."""

SMALL = {"FETCH__MAX_SIZE": str(MAX_SIZE)}
"""Settings for those who come to an end: the usual deadlines, which no busy machine misses."""

HURRY = SMALL | {
    "FETCH__CONNECT_TIMEOUT": "2s",
    "FETCH__FIRST_BYTE_TIMEOUT": "2s",
    "FETCH__READ_TIMEOUT": "2s",
    "FETCH__TOTAL_TIMEOUT": "5s",
}
"""Deadlines, so that those who never end are given up in no time."""

STRAIN = SMALL | {"FETCH__TOTAL_TIMEOUT": "5s"}
"""The same for those who keep the processor busy meanwhile, and let their neighbours wait."""

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FEED = atom(*items(3))

SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "127.0.0.1.",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "0.0.0.0",
    "0",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "".join(chr(ord(letter) + 0xFEE0) for letter in "localhost"),  # full width
    "user@127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
]
"""Addresses that are not public, each in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server answers, and words of the error that it leads to; none if it is read."""

    script: bytes | Script
    said: str | None = None


def bodies():
    """Servers whose documents are not what their headers say, or too much."""
    huge = gzip.compress(bytes(20 * MAX_SIZE))
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    raw = deflate.compress(bytes(20 * MAX_SIZE)) + deflate.flush()
    return {
        "a bomb": Server(script=_encoded(huge, "gzip"), said="larger"),
        "a bomb of many members": Server(
            script=_encoded(gzip.compress(b"") * 20_000, "gzip"), said="not encoded as it claims"
        ),
        "a bomb in a bomb": Server(
            script=_encoded(gzip.compress(huge), "gzip, gzip"), said="none we asked for"
        ),
        "a bomb of deflate": Server(script=_encoded(raw, "deflate"), said="larger"),
        "brotli": Server(script=_encoded(b"\x8b\x03\x80x\x03", "br"), said="none we asked for"),
        "zstd": Server(script=_encoded(b"\x28\xb5\x2f\xfd", "zstd"), said="none we asked for"),
        "twenty encodings": Server(
            script=_encoded(huge, ", ".join(["gzip"] * 20)), said="none we asked for"
        ),
        "an encoding of 10 kB": Server(
            script=_encoded(gzip.compress(FEED), "br," * 3_000), said="content encoding"
        ),
        "half a gzip": Server(
            script=_encoded(gzip.compress(FEED)[:-20], "gzip"), said="ends early"
        ),
        "a false encoding": Server(
            script=_encoded(b"\xff" * 99, "gzip"), said="not encoded as it claims"
        ),
        "gzip behind gzip's back": Server(script=answer(body=huge), said="larger"),
        "too much, and saying so": Server(script=answer(body=bytes(MAX_SIZE + 1)), said="larger"),
        "too much, in silence": Server(script=_flood(OK + b"\r\n", bytes(65_536)), said="larger"),
        "chunks for ever": Server(
            script=_flood(CHUNKED, b"10000\r\n" + bytes(65_536) + b"\r\n"), said="larger"
        ),
        "less than it says": Server(
            script=hanging_up(answer(body=FEED, Content_Length=len(FEED) + 9)), said="ends early"
        ),
        "more than it says": Server(
            script=hanging_up(answer(body=FEED, Content_Length=40)), said="cannot"
        ),
        "a length of nonsense": Server(script=answer(body=FEED, Content_Length="-1"), said="HTTP"),
        "a length beyond all": Server(
            script=hanging_up(answer(body=FEED, Content_Length=10**30)), said="Content-Length"
        ),
        "a reset": Server(
            script=_reset(answer(body=FEED, Content_Length=10**5)), said="ends early"
        ),
        "nothing": Server(script=answer(), said="an empty document"),
        "a page to log in": Server(
            script=answer(
                body=b"<!doctype html><form><input type=password>", Content_Type="text/html"
            ),
            said="an HTML page",
        ),
    }


def heads():
    """Servers whose headers are a trap, or no headers at all."""
    return {
        "a header of 20 MB": Server(
            script=hanging_up(OK + b"X: " + b"x" * 20_000_000 + b"\r\n\r\n"), said="HTTP"
        ),
        "200,000 headers": Server(script=hanging_up(OK + b"X: x\r\n" * 200_000), said="HTTP"),
        "headers for ever": Server(script=_flood(OK, b"X: x\r\n" * 1000), said="HTTP"),
        "status 999": Server(script=answer("999 " + "x" * 5000), said="999"),
        "no status": Server(script=hanging_up(b"HTTP/1.1 abc\r\n\r\n"), said="HTTP"),
        "HTTP/0.9": Server(script=hanging_up(FEED), said="HTTP"),
        "an SSH server": Server(script=hanging_up(b"SSH-2.0-OpenSSH_9.9\r\n"), said="HTTP"),
        "a mail server": Server(script=hanging_up(b"220 mail.example ESMTP\r\n"), said="HTTP"),
        "a folded header": Server(script=hanging_up(OK + b"X: a\r\n b\r\n\r\n" + FEED)),
        "an ETag of 20 kB": Server(script=answer(body=FEED, ETag='"' + "x" * 20_000 + '"')),
        "an ETag of 1 MB": Server(script=answer(body=FEED, ETag="x" * 1_000_000), said="HTTP"),
        "an ETag with controls": Server(script=answer(body=FEED, ETag='"a\x1b[31mb"')),
        "an ETag of wild bytes": Server(script=answer(body=FEED, ETag='"\udcff\udcfe"')),
        "a type of 20 kB": Server(script=answer(body=FEED, Content_Type="text/" + "x" * 20_000)),
        "a charset of nonsense": Server(
            script=answer(body=FEED, Content_Type="text/xml; charset=unicode_escape")
        ),
        "an age beyond all": Server(
            script=answer(body=FEED, Cache_Control=f"max-age={10**40}", Age="-1", Expires="0")
        ),
        "a pause beyond all": Server(
            script=answer("503 Service Unavailable", Retry_After="9" * 5000), said="503"
        ),
        "a pause until the end of time": Server(
            script=answer("503 x", Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"), said="503"
        ),
        "a negative pause": Server(script=answer("503 x", Retry_After="-1"), said="503"),
    }


def floods():
    """Servers that never come to an end, and send all they can."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    return {
        "small chunks for ever": Server(
            script=_flood(CHUNKED, b"1\r\nx\r\n" * 1000), said="cannot fetch"
        ),
        "a chunk extension for ever": Server(
            script=_flood(CHUNKED + b"1;", b"x" * 65_536), said="cannot fetch"
        ),
        # Cannot be fetched, or read: that nothing came in the body may be known before the rest.
        "trailers for ever": Server(
            script=_flood(CHUNKED + b"0\r\n", b"X: x\r\n" * 1000), said="cannot "
        ),
        "hints for ever": Server(script=_flood(b"", early), said="within"),
    }


def delays():
    """Servers that never come to an end, and send next to nothing."""
    return {
        "silence": Server(script=silence, said="no answer within 2 s"),
        "headers in drops": Server(
            script=dripping(OK, b"X: x\r\n", pause=0.3), said="no answer within 2 s"
        ),
        "a body in drops": Server(
            script=dripping(OK + b"\r\n", b"x", pause=0.5), said="not done within 5 s"
        ),
        "a body that stops": Server(
            script=dripping(OK + b"\r\n", b"x", pause=60), said="nothing more came within 2 s"
        ),
        "chunks in drops": Server(
            script=dripping(CHUNKED, b"1\r\nx\r\n", pause=0.2), said="not done within 5 s"
        ),
        "hints in drops": Server(
            script=dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pause=0.3),
            said="no answer within 2 s",
        ),
        "gzip in drops": Server(
            script=dripping(OK + b"Content-Encoding: gzip\r\n\r\n", b"\x1f", pause=0.3),
            said="cannot fetch",
        ),
    }


def redirects(canary):
    """Servers that send us where we must not go; `canary` is a port where nobody may knock."""
    places = {
        "itself": ("/feed", "more than 5 redirects"),
        "nowhere": ("", "redirect without a location"),
        "a file": ("file:///etc/passwd", "not a valid http(s) address"),
        "a script": ("javascript:alert(1)", "not a valid http(s) address"),
        "another protocol": (f"gopher://127.0.0.1:{canary}/", "not a valid http(s) address"),
        "half an address": ("http://[::1", "not a valid http(s) address"),
        "an address with a control": ("http://127.0.0.1\x00.example/", "cannot fetch"),
        "an address of 30 kB": ("http://" + "a" * 30_000 + "/", "cannot fetch"),
        "credentials": (f"http://user:secret@127.0.0.1:{canary}/", "credentials"),
        "a host behind a backslash": (f"http://127.0.0.1:{canary}\\@example.org/", "cannot fetch"),
        "a host behind a mark": (f"http://127.0.0.1:{canary}#@example.org/", "not public"),
        "a port of mail": ("http://127.0.0.1:25/", "port 25 is not for the web"),
        "the metadata": ("http://169.254.169.254/latest/", "not public"),
    } | {
        name: (f"http://{name}:{canary}/", "cannot fetch")
        for name in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0x7f.1")
    }
    return {
        f"{status[:3]} to {name}": Server(script=redirect(location, status), said=said)
        for status in ("302 Found", "308 Permanent Redirect")
        for name, (location, said) in places.items()
    }


def _encoded(body, encoding):
    return answer(body=body, Content_Encoding=encoding)


def _flood(head, piece):
    async def script(writer):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return script


def _reset(data):
    async def script(writer):
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.1)
        hard = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
        writer.transport.abort()

    return script
