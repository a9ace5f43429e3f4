"""Mail that comes back: whatever it holds, reading it ends, and gives what can be kept."""

from hypothesis import given
from hypothesis import strategies as st

import bounce_reports
from bounce_reports import a_complaint, a_report
from tidings.mail.reports import MAX_ADDRESSES, MAX_DIAGNOSTIC, read_incoming

LINES = sorted(
    {
        line
        for report in (a_report(), a_complaint(), bounce_reports.EXCHANGE.encode())
        for line in report.splitlines()
    }
    | {
        b"Content-Type: multipart/mixed; boundary*=\"utf-8''%E6%96%87\"",
        b"Content-Type: multipart/mixed; boundary*=a\0b''c",
        b"Content-Type: message/delivery-status; charset=\xff",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Transfer-Encoding: \xff",
        b"--",
        b"",
    }
)
SOUPS = st.lists(st.sampled_from(LINES) | st.binary(max_size=20), max_size=40).map(b"\n".join)


@given(st.binary() | SOUPS)
def test_any_bytes_can_be_read(raw):
    found = read_incoming(raw)

    assert len(found.sent_to) <= MAX_ADDRESSES
    if found.report:
        assert found.report.diagnostic.isprintable()
        assert len(found.report.diagnostic) <= MAX_DIAGNOSTIC
        "".join([found.report.diagnostic, *found.report.recipients, *found.sent_to]).encode()


@given(st.binary(max_size=30), st.integers(0, 3000), st.integers(0, 30))
def test_a_report_that_is_damaged_can_be_read(noise, at, missing):
    report = a_report()

    read_incoming(report[:at] + noise + report[at + missing :])
