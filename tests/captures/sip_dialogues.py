#!/usr/bin/python3
"""Writes sip-dialogues.pcap: SIP as text, each scene between a phone of its own and one proxy, the same
bytes every time.

    sip_dialogues.py FILE

tests/kernel compares what is decided on it with what Linux decided. Scenes in which sluice knowingly
does otherwise are in tests/helpers/sip.c instead.
"""
import re
import sys

from forge import *

PROXY = "192.0.2.10"
SCENES = []


def scene(function):
    SCENES.append(function)
    return function


def audio(port):
    return "m=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n" % port


def video(port):
    return "m=video %d RTP/AVP 31\r\n" % port


class Call:
    """A phone and the proxy. Each phone has ports of its own, so that NAT can keep all of them."""

    def __init__(self, t, number):
        self.t, self.phone, self.port, self.base = t, "10.1.0.%d" % (10 + number), 5070 + number, 1000 * number
        self.contact = "Contact: <sip:alice@%s:%d>\r\n" % (self.phone, self.port)
        self.peer = "Contact: <sip:bob@%s:5060>\r\n" % PROXY

    def text(self, first, number, method, headers="", body="", via=None):
        message = first + "\r\nVia: %s;branch=z9hG4bK%d\r\n" % (via or "SIP/2.0/UDP %s:%d" % (self.phone, self.port), number)
        message += "From: <sip:alice@%s:%d>;tag=1\r\nTo: <sip:bob@%s:5060>\r\n" % (self.phone, self.port, PROXY)
        message += "Call-ID: 1@%s\r\nCSeq: %d %s\r\n%s" % (self.phone, number, method, headers)
        if body:
            message += "Content-Type: application/sdp\r\n"
        return (message + "Content-Length: %d\r\n\r\n" % len(body) + body).encode()

    def ask(self, method, number, headers="", body="", **more):
        self.t.udp((self.phone, self.port), (PROXY, 5060),
                   self.text("%s sip:bob@%s:5060 SIP/2.0" % (method, PROXY), number, method, headers, body, **more))
        return self

    def answer(self, status, number, method, headers="", body="", **more):
        self.t.udp((PROXY, 5060), (self.phone, self.port),
                   self.text("SIP/2.0 " + status, number, method, headers, body, **more))
        return self

    def sdp(self, media, own=True, connection=True):
        who = self.phone if own else PROXY
        media = re.sub(r"(?<=audio )4\d{4}|(?<=video )4\d{4}", lambda m: str(int(m.group()) - self.base), media)
        c = "c=IN IP4 %s\r\n" % who if connection else ""
        return "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\n%st=0 0\r\n%s" % (who, c, media)

    def media(self, source, destination, from_proxy=True):
        ends = (PROXY, source), (self.phone, destination - self.base)
        if not from_proxy:
            ends = (self.phone, source - self.base), (PROXY, destination)
        self.t.udp(*ends, b"r" * 20)
        return self


@scene
def whole_call(c):
    c.ask("INVITE", 1, c.contact, c.sdp(audio(49170))).answer("100 Trying", 1, "INVITE")
    c.answer("183 Session Progress", 1, "INVITE", c.peer, c.sdp(audio(30000), False)).media(30000, 49170)
    c.answer("200 OK", 1, "INVITE", c.peer, c.sdp(audio(30000), False)).ask("ACK", 1, c.contact)
    c.media(49170, 30000, False).media(49171, 30001, False)
    c.ask("BYE", 2).answer("200 OK", 2, "BYE")


@scene
def busy(c):
    c.ask("INVITE", 1, c.contact, c.sdp(audio(49170) + video(49172))).answer("486 Busy Here", 1, "INVITE")


@scene
def cancelled(c):
    c.ask("INVITE", 1, c.contact, c.sdp(audio(49170))).ask("CANCEL", 1).answer("200 OK", 1, "CANCEL")
    c.answer("487 Request Terminated", 1, "INVITE")


@scene
def invited_again(c):
    c.ask("INVITE", 1, c.contact, c.sdp(audio(49170)))
    c.answer("200 OK", 1, "INVITE", c.peer, c.sdp(audio(30000), False))
    c.ask("INVITE", 2, c.contact, c.sdp(audio(49180))).answer("491 Request Pending", 2, "INVITE")
    c.ask("INVITE", 3, c.contact, c.sdp(audio(49180))).ask("INVITE", 3, c.contact, c.sdp(audio(49180)))


@scene
def offers_everywhere(c):
    c.ask("INVITE", 1, c.contact).answer("183 S", 1, "INVITE", c.peer, c.sdp(audio(30000), False))
    c.ask("PRACK", 2, "", c.sdp(audio(49170))).answer("200 OK", 2, "PRACK", "", c.sdp(audio(30000), False))
    c.ask("UPDATE", 3, "", c.sdp(audio(49176))).answer("200 OK", 3, "UPDATE", "", c.sdp(audio(30004), False))
    c.ask("ACK", 1, c.contact, c.sdp(audio(49190)))


@scene
def registration(c):
    c.ask("REGISTER", 1, c.contact + "Expires: 3600\r\n").answer("401 Unauthorized", 1, "REGISTER")
    c.ask("REGISTER", 2, c.contact + "Expires: 3600\r\n")
    c.answer("200 OK", 2, "REGISTER", c.contact[:-2] + ";expires=120\r\n")
    c.ask("REGISTER", 3, c.contact[:-2] + ";expires=0\r\n").answer("200 OK", 3, "REGISTER")


@scene
def other_contact(c):
    other = "Contact: <sip:alice@10.1.9.9:5060>"
    c.ask("REGISTER", 1, other + "\r\n").answer("200 OK", 1, "REGISTER", other + ";expires=120\r\n")


@scene
def streams(c):
    c.ask("INVITE", 1, c.contact, c.sdp(audio(49171) + video(0)))
    mine = "c=IN IP4 %s\r\n" % c.phone
    c.ask("INVITE", 2, c.contact, c.sdp(audio(49170) + mine + video(49180) + mine, connection=False))


@scene
def spellings(c):
    body = c.sdp(audio(49170))
    c.t.udp((c.phone, c.port), (PROXY, 5060), (
        "INVITE sip:bob@%s:5060 SIP/2.0\r\nv: SIP/2.0/UDP %s:%d\r\nf: <sip:a@x>\r\n ;tag=1\r\nt: <sip:b@x>\r\ni: 1\r\n"
        "CSeq: 1\r\n INVITE\r\nm:\r\n <sip:a@%s:%d>\r\nc: application/sdp\r\nl: %d\r\n\r\n%s" %
        (PROXY, c.phone, c.port, c.phone, c.port, len(body), body)).encode())


@scene
def received(c):
    c.ask("OPTIONS", 1, via="SIP/2.0/UDP %s:%d;rport" % (c.phone, c.port))
    c.answer("200 OK", 1, "OPTIONS", via="SIP/2.0/UDP %s:%d;received=%s;rport=%d" % (c.phone, c.port, c.phone, c.port))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    t = Trace()
    for number, function in enumerate(SCENES):
        function(Call(t, number))
    t.save(sys.argv[1])


if __name__ == "__main__":
    main()
