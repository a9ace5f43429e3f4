"""A name server on loopback that knows what a test tells it."""

import socket
from contextlib import suppress
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.resolver import Resolver


class FakeDns:
    """Answers over UDP; a context manager.

    `records` is such as `{"example.org": {"MX": ["10 mail.example.org."]}}`; the value of a name
    may be None: then nobody answers for it.
    """

    def __init__(self, records):
        self.records = records
        self.asked = []

    def __enter__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def resolver(self):
        resolver = Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self._socket.getsockname()[1]
        return resolver

    def _serve(self):
        with suppress(OSError):
            while True:
                wire, asker = self._socket.recvfrom(4096)
                if not wire:
                    return
                self._socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), asker)

    def _answer(self, query):
        [question] = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        known = self.records.get(name, {})
        if known is None:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts := known.get(dns.rdatatype.to_text(question.rdtype)):
            answer.answer.append(
                dns.rrset.from_text_list(
                    question.name, 60, dns.rdataclass.IN, question.rdtype, texts
                )
            )
        return answer
