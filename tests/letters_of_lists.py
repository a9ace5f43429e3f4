"""Letters and discussions as lists send them, with what is for one recipient alone."""

OURS = "lists+py@harbour.example"


def letter(number=1, **changes):
    """Return an issue of a newsletter in HTML, as bytes."""
    fields = {
        "Delivered-To": OURS,
        "List-Id": "Python Weekly <weekly.python.example>",
        "List-Unsubscribe": "<https://python.example/u/abc123>, <mailto:leave@python.example>",
        "Message-ID": f"<{1000 + number}@python.example>",
        "From": "=?utf-8?q?Ada_L=C3=B6velace?= <ada@python.example>",
        "To": OURS,
        "Date": f"Mon, 23 Nov 2026 08:{number % 60:02}:00 +0000",
        "Subject": f"=?utf-8?b?UHl0aG9uIOWRqOWIig==?= {number}",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="b1"',
    }
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"{head}\r\n{_PARTS}".encode()


_PARTS = f"""--b1
Content-Type: text/plain; charset=utf-8

The plain version.
--b1
Content-Type: text/html; charset=utf-8

<html><head><style>p {{ color: red }}</style></head><body>
<div style="display:none">Words for the preview.</div>
<table><tr><td><h1>Hello</h1></td></tr>
<tr><td><p>To {OURS}: <a href="https://blog.example/post?utm_source=x">the post</a>.</p>
<table><tr><th>version</th></tr><tr><td>3.15</td></tr></table></td></tr>
<tr><td><pre><code>print("hi")</code></pre></td><td>beside it</td></tr>
<tr><td><img src="https://track.example/o.gif" width="1" height="1">
<a href="https://python.example/u/abc123">here</a>
<a href="https://python.example/prefs">Manage your preferences</a>
<a href="https://python.example/w">在浏览器中查看</a>
<a href="https://poll.example/v?e=lists%2Bpy%40harbour.example">vote</a></td></tr></table>
</body></html>
--b1--
"""

DISCUSSION = b"""\
List-Id: <dev.c.example>
List-Post: <mailto:dev@c.example>
Archived-At: <https://lists.c.example/m/77>
Message-ID: <77@c.example>
From: Bob <bob@c.example>
To: dev@c.example
Date: Tue, 24 Nov 2026 09:00:00 +0000
Subject: [dev] Re: a patch
Content-Type: text/plain; charset=gb2312
Content-Transfer-Encoding: quoted-printable

On Monday Ada wrote:
> I think that this line is long enough to have been wrapped by a
> mail program, see https://example.org/a_b?c=3Dd.
>> Deeper.

=C4=E3=BA=C3, dev@c.example & <b>.

    int main(void) { return a < b; }

--=20
Bob
_______________________________________________
dev mailing list
unsubscribe: https://lists.c.example/leave
"""
