"""Mail as it comes back: reports in the shapes that mail servers give them, and what is none."""

MESSAGE_ID = "<abcdefghijklmnopqrstuvwxyz.d@example.org>"

LETTER = """\
Return-Path: <bounces@example.org>
From: The Weekly <news@example.org>
To: ann@example.org
Subject: Nine new entries
Message-ID: {message_id}
"""

ANN = "ann@example.org"


def a_report(
    to="bounces@example.org",
    *,
    recipient=ANN,
    status="5.1.1",
    action="failed",
    diagnostic="smtp; 550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown",
    message_id=MESSAGE_ID,
    delivered_to=None,
):
    """Return a report of failure as Postfix writes it."""
    head = f"Delivered-To: {delivered_to}\n" if delivered_to else ""
    return f"""\
{head}Return-Path: <>
Date: Fri, 20 Nov 2026 12:00:01 +0000 (UTC)
From: MAILER-DAEMON@relay.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4WxYz.1763640001/relay.example.net"
Message-Id: <4WxYz@relay.example.net>

This is a MIME-encapsulated message.

--4WxYz.1763640001/relay.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

--4WxYz.1763640001/relay.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.net
X-Postfix-Queue-ID: 4WxYz
Arrival-Date: Fri, 20 Nov 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: {diagnostic}

--4WxYz.1763640001/relay.example.net
Content-Description: Undelivered Message
Content-Type: message/rfc822

{LETTER.format(message_id=message_id)}
The text of the letter.

--4WxYz.1763640001/relay.example.net--
""".encode()


def a_complaint(
    to="bounces@example.org", *, kind="abuse", message_id=MESSAGE_ID, recipient="redacted"
):
    """Return a report of abuse as mailbox providers send them."""
    return f"""\
From: <feedback@isp.example>
To: <{to}>
Subject: FW: Nine new entries
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1"

--part1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--part1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounces@example.org>
Original-Rcpt-To: <{recipient}>
Reported-Domain: example.org

--part1
Content-Type: message/rfc822
Content-Disposition: inline

{LETTER.format(message_id=message_id)}
The text of the letter.
--part1--
""".encode()


EXIM = """\
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: bounces@example.org
Auto-Submitted: auto-replied
X-Failed-Recipients: ann@example.org
Content-Type: multipart/report; report-type=delivery-status; boundary=1763640001-eximdsn-1
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--1763640001-eximdsn-1
Content-type: text/plain; charset=us-ascii

A message that you sent could not be delivered to one or more of its recipients.

  ann@example.org
    host mx.example.org [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<ann@example.org>:
    550 5.1.1 no such mailbox

--1763640001-eximdsn-1
Content-type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Action: failed
Final-Recipient: rfc822;ann@example.org
Status: 5.0.0
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 no such mailbox

--1763640001-eximdsn-1
Content-type: message/rfc822

Message-ID: <abcdefghijklmnopqrstuvwxyz.d@example.org>
Subject: Nine new entries

--1763640001-eximdsn-1--
"""

EXCHANGE = """\
From: Microsoft Outlook <postmaster@example.onmicrosoft.example>
To: <bounces@example.org>
Subject: =?utf-8?B?VW5kZWxpdmVyYWJsZTogTmluZSBuZXcgZW50cmllcw==?=
Content-Type: multipart/report; report-type=delivery-status;
 boundary="b61ac0a0-a4d1-4f7d-8e7a-b83d0a1d9c8e"
MIME-Version: 1.0

--b61ac0a0-a4d1-4f7d-8e7a-b83d0a1d9c8e
Content-Type: multipart/alternative; differences=Content-Type; boundary="inner"

--inner
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Your message to ann@example.org couldn't be delivered.

--inner
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<p>Your message to ann@example.org couldn't be delivered.</p>

--inner--

--b61ac0a0-a4d1-4f7d-8e7a-b83d0a1d9c8e
Content-Type: message/delivery-status

Reporting-MTA: dns;DB9.prod.outlook.example
Received-From-MTA: dns;relay.example.net

Final-Recipient: rfc822;ANN@example.org
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found
 by SMTP address lookup

--b61ac0a0-a4d1-4f7d-8e7a-b83d0a1d9c8e
Content-Type: text/rfc822-headers

Message-ID:
 <abcdefghijklmnopqrstuvwxyz.d@example.org>

--b61ac0a0-a4d1-4f7d-8e7a-b83d0a1d9c8e--
"""

GMAIL = """\
Delivered-To: bounces@example.org
From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
To: bounces@example.org
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; boundary="00000000000000aa"; report-type=delivery-status

--00000000000000aa
Content-Type: multipart/related; boundary="00000000000000bb"

--00000000000000bb
Content-Type: text/plain; charset="UTF-8"

The recipient's inbox is full.

--00000000000000bb
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--00000000000000bb--
--00000000000000aa
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.example
Arrival-Date: Fri, 20 Nov 2026 04:00:00 -0800 (PST)
X-Original-Message-ID: <abcdefghijklmnopqrstuvwxyz.d@example.org>

Final-Recipient: rfc822; ann@example.org
Action: failed
Status: 4.2.2
Diagnostic-Code: smtp; 452-4.2.2 The recipient's inbox is out of storage space.
 452 4.2.2 Please direct the recipient to clear space.
Last-Attempt-Date: Fri, 20 Nov 2026 04:00:01 -0800 (PST)

--00000000000000aa
Content-Type: message/rfc822

Message-ID: <abcdefghijklmnopqrstuvwxyz.d@example.org>
--00000000000000aa--
"""

CHINESE = """\
From: =?gb18030?B?08q8/s+1zbM=?= <postmaster@mx.example.cn>
To: bounces@example.org
Content-Type: multipart/report; report-type=delivery-status; boundary="----=_Part_1"
MIME-Version: 1.0

------=_Part_1
Content-Type: text/plain; charset=gb18030
Content-Transfer-Encoding: base64

zfXA
------=_Part_1
Content-Type: message/delivery-status
Content-Transfer-Encoding: 8bit

Reporting-MTA: dns; mx.example.cn

Final-Recipient: rfc822; ann@example.org
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 550 5.2.2 收件人邮箱已满

------=_Part_1
Content-Type: text/rfc822-headers

Message-ID: <abcdefghijklmnopqrstuvwxyz.d@example.org>

------=_Part_1--
"""

QMAIL = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: bounces@example.org
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<ann@example.org>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 unknown user
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Message-ID: <abcdefghijklmnopqrstuvwxyz.d@example.org>
"""

VACATION = """\
From: Ann <ann@example.org>
To: bounces@example.org
Subject: Out of office: Nine new entries
Auto-Submitted: auto-replied (vacation)
Precedence: bulk
X-Autoreply: yes

I am away until 5.1.1970, at 550 Long Street.
"""

CHALLENGE = """\
From: ann-confirm@example.org
To: bounces@example.org
Subject: Please confirm that you are human

Press this link and I will deliver your message: https://example.org/5.1.1
"""

QUESTION = """\
From: Ann <ann@example.org>
To: bounces@example.org
Subject: Re: Nine new entries
In-Reply-To: <abcdefghijklmnopqrstuvwxyz.d@example.org>

My other address says 550 5.1.1 user unknown. What does that mean?
"""

WARNING = """\
From: MAILER-DAEMON@mx.example.net
To: bounces@example.org
Subject: Warning: could not send message for past 4 hours

THIS IS A WARNING MESSAGE ONLY. Deferred: 451 4.4.1 connection timed out
"""
