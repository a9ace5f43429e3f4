"""Letters of a newsletter that comes by mail only."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

KEY = "signal-flags.harbour.example"

_SUBJECTS = (
    "Signal Flags: what a retry says",
    "信号旗: 重试之前先等多久",
)
_BODIES = (
    """<p>A retry without a pause is a second storm. Wait <code>base * 2**attempt</code> seconds, and
a random part of it, or all clients come back at once.</p>
<pre><code>pause = random.uniform(0, base * 2**attempt)</code></pre>""",
    """<p>第 n 次重试之前等待的时间应当随机取自 \\(0\\) 到 \\(b \\cdot 2^n\\) 之间&#xff0c;否则所有客户端会同时回来。</p>""",
)
_FRAME = """<html><body><div style="display:none">Words for the list of letters.</div>
<table><tr><td>{body}</td></tr>
<tr><td>You are flags@reader.example. <a href="https://harbour.example/leave/k3w9">Unsubscribe</a></td></tr>
</table></body></html>"""


def letters(now: datetime) -> Iterator[bytes]:
    """Yield the last letters, the newest of the day before `now`."""
    for age, (subject, body) in enumerate(zip(_SUBJECTS, _BODIES, strict=True)):
        message = EmailMessage()
        message["List-Id"] = f"Signal Flags <{KEY}>"
        message["List-Unsubscribe"] = "<https://harbour.example/leave/k3w9>"
        message["From"] = "Signal Flags <flags@harbour.example>"
        message["To"] = "flags@reader.example"
        message["Date"] = format_datetime(now - timedelta(days=1 + 3 * age))
        message["Message-ID"] = f"<{age}.{now:%Y%m%d%H%M%S}@harbour.example>"
        message["Subject"] = subject
        message.set_content(_FRAME.format(body=body), subtype="html")
        yield message.as_bytes()
