#!/usr/bin/python3
"""H.323 by hand: an encoder of the messages that the helpers read, and a capture of their dialogues.

    h323.py FILE [4|6]      calls and registrations in many shapes, over IPv4 (default) or IPv6
    h323.py --c             tests/helpers/h323_messages.h: messages as texts of dialogue.h

The encoder writes aligned PER from the text of H.225.0 and H.245, bit by bit, and shares nothing with the
helpers' tables. That it writes what the standards say is for tshark to judge (tests/h323-judge.py).
"""
import ipaddress
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

Q931_SETUP, Q931_CALL_PROCEEDING, Q931_ALERTING, Q931_CONNECT, Q931_FACILITY, Q931_PROGRESS, Q931_RELEASE = \
    5, 2, 1, 7, 0x62, 3, 0x5a
H225 = bytes([0, 8, 0x91, 0x4a, 0, 4])     # itu-t recommendation h 2250 version 4
GUID = bytes(range(16))


# --- aligned PER ---------------------------------------------------------------------------------------

class Per:
    def __init__(self):
        self.bits = []

    def b(self, value, n=1):
        self.bits += [value >> i & 1 for i in range(n - 1, -1, -1)]
        return self

    def align(self):
        self.bits += [0] * (-len(self.bits) % 8)
        return self

    def octets(self, data):
        self.align()
        for byte in data:
            self.b(byte, 8)
        return self

    def u16(self, value):
        return self.octets(struct.pack(">H", value))

    def length(self, n):
        return self.octets(bytes([n]) if n < 128 else struct.pack(">H", 0x8000 | n))

    def u32(self, value, least=0):
        """More than 65536 values: how many bytes, then these."""
        value -= least
        n = max(1, (value.bit_length() + 7) // 8)
        return self.b(n - 1, 2).octets(value.to_bytes(n, "big"))

    def object(self, data=H225):
        return self.length(len(data)).octets(data)

    def name(self, text):
        """BMPString (SIZE (1..128))"""
        return self.b(len(text) - 1, 7).octets(text.encode("utf-16-be"))

    def aliases(self, *texts):
        self.length(len(texts))
        for text in texts:
            if text.isdigit():                       # dialledDigits: four bits each
                self.b(0, 2).b(len(text) - 1, 7).align()
                for digit in text:
                    self.b("#*,0123456789".index(digit), 4)
            else:                                    # h323-ID, SIZE (1..256)
                self.b(1, 2).octets(bytes([len(text) - 1]) + text.encode("utf-16-be"))
        return self

    def address(self, host, port):
        """H.225.0 TransportAddress"""
        ip = ipaddress.ip_address(host)
        self.b(0).b(0 if ip.version == 4 else 3, 3)
        if ip.version == 6:
            self.b(0)
        return self.octets(ip.packed).u16(port)

    def addresses(self, *list):
        self.length(len(list))
        for a in list:
            self.address(*a)
        return self

    def channel_address(self, host, port):
        """H.245 TransportAddress: unicast"""
        ip = ipaddress.ip_address(host)
        return self.b(0, 2).b(0).b(0 if ip.version == 4 else 2, 3).b(0).octets(ip.packed).u16(port)

    def additions(self, *bodies):
        """None: that addition is not there."""
        self.b(0).b(len(bodies) - 1, 6)
        for body in bodies:
            self.b(body is not None)
        for body in bodies:
            if body is not None:
                self.length(len(body)).octets(body)
        return self

    def vendor(self):
        """VendorIdentifier"""
        self.b(0).b(1).b(1).b(0).octets([9, 0]).u16(61)
        for text in (b"by hand", b"1"):
            self.octets([len(text) - 1]).octets(text)
        return self

    def endpoint_type(self):
        """a terminal with a vendor"""
        return self.b(0).b(0b010001, 6).vendor().b(0).b(0).b(0).b(0)

    def done(self):
        self.align()
        return bytes(int("".join(map(str, self.bits[i:i + 8])), 2) for i in range(0, len(self.bits), 8))


def list_of(octet_strings):
    p = Per().length(len(octet_strings))
    for s in octet_strings:
        p.length(len(s)).octets(s)
    return p.done()


def boolean(value):
    return Per().b(value).done()


# --- H.245 -----------------------------------------------------------------------------------------------

def data_type(p, kind):
    p.b(0)
    if kind == "audio":                                                    # g711Ulaw64k, 20 frames
        return p.b(3, 3).b(0).b(3, 4).octets([19])
    if kind == "g7231":
        return p.b(3, 3).b(0).b(8, 4).octets([0]).b(1)
    if kind == "g729b":                                                    # an addition
        return p.b(3, 3).b(1).b(0).b(0, 6).length(1).octets([1])
    if kind == "h261":
        return p.b(2, 3).b(0).b(1, 3).b(0).b(1).b(1).b(0, 2).b(1, 2).b(1).u16(3839).b(0)
    if kind == "h263":
        p.b(2, 3).b(0).b(3, 3).b(0).b(0b0110001, 7).b(0, 5).b(1, 5).b(1, 2).octets([0x19, 0]).b(0, 5)
        return p.u16(512)
    if kind == "t120":                                                     # separateLANStack, 64 kbit/s
        return p.b(4, 3).b(0).b(0).b(1, 4).b(1).b(0).b(3, 6).length(1).octets([0]).u32(640)
    return p.b(1, 3)                                                       # nullData


def h2250(media=None, control=None, session=1):
    p = Per().b(0).b(0).b(0).b(media is not None).b(0).b(control is not None).b(0).b(1).b(0).b(0).b(0)
    p.octets([session])
    if media:
        p.channel_address(*media)
    if control:
        p.channel_address(*control)
    return p.b(1).done()


def h2250_ack(media, control, p, session=1):
    p.b(0).b(0).b(1).b(media is not None).b(control is not None).b(0).b(session - 1, 8)
    if media:
        p.channel_address(*media)
    if control:
        p.channel_address(*control)
    return p.done()


def lan_stack(address):
    """NetworkAccessParameters"""
    return Per().b(0).b(1).b(0).b(0).b(0).b(0).b(2, 2).channel_address(*address).b(0).done()


def open_channel(number=1, forward="audio", media=None, control=None, reverse=None, reverse_media=None,
                 reverse_control=None, stack=None, p=None):
    """OpenLogicalChannel, bare or behind p. Without an address in that direction the multiplex is none, or not there."""
    p = (p or Per()).b(stack is not None).b(reverse is not None).u16(number - 1)
    p.b(0).b(0)
    data_type(p, forward)
    if media or control or (forward != "null" and not reverse and not stack):
        p.b(1).b(0).b(0, 6)
        body = h2250(media, control)
        p.length(len(body)).octets(body)
    else:
        p.b(1).b(0).b(1, 6).length(1).octets([0])
    if reverse:
        p.b(0).b(1)
        data_type(p, reverse)
        p.b(1).b(0).b(0, 6)
        body = h2250(reverse_media, reverse_control)
        p.length(len(body)).octets(body)
    if stack:
        p.additions(lan_stack(stack))
    return p.done()


def request_open(**kw):
    return open_channel(p=Per().b(0).b(0, 2).b(0).b(3, 4), **kw)


def open_ack(number=1, media=None, control=None, stack=None):
    stack_body = lan_stack(stack) if stack else None
    ack_body = None
    if media or control:
        ack_body = h2250_ack(media, control, Per().b(0))      # a choice of one: only its marker is written
    p = Per().b(0).b(1, 2).b(0).b(5, 5).b(1).b(0).u16(number - 1)
    return p.additions(stack_body, ack_body).done()


def round_trip():
    """roundTripDelayRequest: a message of another kind"""
    return Per().b(0).b(0, 2).b(0).b(9, 4).b(0).octets([7]).done()


# --- call signalling ---------------------------------------------------------------------------------------

def tpkt(body):
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body


def q931(kind, user, reference=1, single=b""):
    elements = b"" if kind == Q931_RELEASE else bytes([4, 3, 0x88, 0x93, 0xa5])       # bearer capability
    if kind == Q931_SETUP:
        elements += b"\x28\x06caller"                                                 # display
    elements += single
    return tpkt(bytes([8, 2]) + struct.pack(">H", reference) + bytes([kind]) + elements +
                b"\x7e" + struct.pack(">H", 1 + len(user)) + b"\x05" + user)


def user_information(which, build, control=None, extension=False):
    """H323-UserInformation: build(p) writes the message's body; control: messages of H.245"""
    p = Per().b(0).b(0).b(control is not None).b(0)
    if extension:
        body = Per()
        build(body)
        body = body.done()
        p.b(1).b(0).b(which, 6).length(len(body)).octets(body)
    else:
        p.b(0).b(which, 3)
        build(p)
    if control is not None:
        p.additions(None, boolean(True), list_of(control) if control else None)
    return p.done()


def setup(dest=None, source=None, h245=None, fast=None, control=None, single=b""):
    def build(p):
        more = source or fast
        p.b(bool(more)).b(h245 is not None).b(1).b(1).b(dest is not None).b(0).b(0).b(0).object()
        if h245:
            p.address(*h245)
        p.aliases("alice").endpoint_type().aliases("5551234", "bob")
        if dest:
            p.address(*dest)
        p.b(0).octets(GUID).b(0).b(0, 2).b(0).b(0, 2)
        if more:
            p.additions(Per().address(*source).done() if source else None, None, Per().b(0).octets(GUID).done(),
                        None, None, None, list_of(fast) if fast else None, boolean(False))
    return q931(Q931_SETUP, user_information(0, build, control), single=single)


def answer(kind, h245=None, fast=None, control=None):
    """CallProceeding, Alerting, Connect, Progress"""
    def build(p):
        if kind == Q931_PROGRESS:
            p.b(0).b(h245 is not None).b(0).b(0).b(0).b(fast is not None).object().endpoint_type()
            if h245:
                p.address(*h245)
            p.b(0).octets(GUID)
            if fast:
                p.octets(list_of(fast))
            return
        p.b(fast is not None).b(h245 is not None).object()
        if kind == Q931_CONNECT:
            if h245:
                p.address(*h245)
            p.endpoint_type().octets(GUID)
        else:
            p.endpoint_type()
            if h245:
                p.address(*h245)
        if fast:
            p.additions(Per().b(0).octets(GUID).done(), None, None, None, list_of(fast))
    which = {Q931_CALL_PROCEEDING: 1, Q931_CONNECT: 2, Q931_ALERTING: 3, Q931_PROGRESS: 0}[kind]
    return q931(kind, user_information(which, build, control, kind == Q931_PROGRESS))


def facility(alternative=None, reason=1, h245=None, fast=None, control=None):
    """reason 1: callForwarded; 3: undefined"""
    def build(p):
        more = h245 or fast
        p.b(bool(more)).b(alternative is not None).b(0).b(0).object()
        if alternative:
            p.address(*alternative)
        p.b(0).b(reason, 2)
        if more:
            p.additions(*[None] * 6, Per().address(*h245).done() if h245 else None, list_of(fast) if fast else None)
    return q931(Q931_FACILITY, user_information(6, build, control))


def release():
    return q931(Q931_RELEASE, user_information(5, lambda p: p.b(0).b(1).object().b(0).b(11, 4)))


# --- RAS -----------------------------------------------------------------------------------------------------

def ras(which):
    return Per().b(0).b(which, 5)


def grq(address, number=1):
    return ras(0).b(0).b(0, 4).u16(number - 1).object().address(*address).endpoint_type().done()


def gcf(address, number=1):
    return ras(1).b(0).b(0).b(1).u16(number - 1).object().name("GK").address(*address).done()


def rrq(signal, address, live=None, number=2):
    p = ras(3).b(live is not None).b(0).b(1).b(1).u16(number - 1).object().b(0).addresses(*signal).addresses(*address)
    p.endpoint_type().aliases("alice", "123").name("GK").vendor()
    if live:
        p.additions(None, Per().u32(live, 1).done(), None, None, None, boolean(False))
    return p.done()


def rcf(signal, live=None, number=2):
    p = ras(4).b(live is not None).b(0).b(1).b(0).u16(number - 1).object().addresses(*signal)
    p.aliases("alice").name("EP1")
    if live:
        p.additions(None, Per().u32(live, 1).done(), None, None, None, boolean(False))
    return p.done()


def urq(signal, number=3):
    return ras(6).b(0).b(0).b(0).b(1).u16(number - 1).addresses(*signal).name("EP1").done()


def ucf(number=3):
    return ras(7).b(0).b(0).u16(number - 1).done()


def arq(dest=None, source=None, answering=False, number=4):
    p = ras(9).b(0).b(1).b(1).b(dest is not None).b(0).b(source is not None).b(0).b(0).u16(number - 1)
    p.b(0).b(0, 2).b(0).b(1).name("EP1").aliases("bob")
    if dest:
        p.address(*dest)
    p.aliases("alice")
    if source:
        p.address(*source)
    return p.u32(640).u16(17).octets(GUID).b(0).b(answering).done()


def acf(dest, number=4):
    return ras(10).b(0).b(0).b(0).u16(number - 1).u32(640).b(0).b(0).address(*dest).done()


def lrq(reply, number=5):
    return ras(18).b(0).b(0).b(0).u16(number - 1).aliases("carol").address(*reply).done()


def lcf(signal, address, number=5):
    return ras(19).b(0).b(0).u16(number - 1).address(*signal).address(*address).done()


def irr(address, signal, number=6, call=None):
    """call: (h245, signalling) of one call"""
    p = ras(22).b(0).b(0).b(0).b(call is not None).u16(number - 1).endpoint_type().name("EP1").address(*address)
    p.addresses(*signal)
    if call:
        p.length(1).b(0).b(0).b(1).b(0).b(0).b(0).u16(17).octets(GUID).b(1)
        for a in call:
            p.b(0).b(0).b(1).address(*a)
        p.b(0).b(0, 2).u32(640).b(0).b(0)
    return p.done()


# --- the capture -------------------------------------------------------------------------------------------------

class Hosts:
    def __init__(self, family):
        self.client, self.server, self.third, self.near = {
            4: ("10.0.0.2", "198.51.100.7", "198.51.100.99", "10.0.0.3"),
            6: ("2001:db8:1::2", "2001:db8:2::7", "2001:db8:2::99", "2001:db8:1::3")}[family]


def scenes(t, family):
    from forge import Tcp
    h = Hosts(family)
    ports = iter(range(20000, 21000))
    c = lambda port: (h.client, port)
    s = lambda port: (h.server, port)

    def tcp(a, b):
        f = Tcp(t, a, b)
        f.open()
        return f

    def call(to=None):
        return tcp((h.client, next(ports)), to or s(1720))

    def rtp(a, b):
        t.udp(a, b, b"\x80\0rtp" + bytes(40))
        t.udp(b, a, b"\x80\0rtp" + bytes(40))

    def end(f, *others):
        f.c(release())
        for one in (f,) + others:
            one.close()

    # an H.245 connection of its own, channels both ways, T.120 beside them
    f = call()
    f.c(setup(dest=s(1720), source=c(1720)))
    f.s(answer(Q931_CALL_PROCEEDING))
    f.s(answer(Q931_ALERTING))
    f.s(answer(Q931_CONNECT, h245=s(30001)))
    g = tcp((h.client, next(ports)), s(30001))
    g.c(tpkt(round_trip()))
    g.c(tpkt(request_open(number=1, control=c(5001))))
    g.s(tpkt(request_open(number=1, forward="h261", control=s(6001))))
    g.s(tpkt(open_ack(number=1, media=s(6000), control=s(6001))))
    g.c(tpkt(open_ack(number=1, media=c(5000), control=c(5001))))
    rtp(c(5000), s(6000))
    rtp(c(5001), s(6001))
    g.c(tpkt(request_open(number=2, forward="t120", reverse="t120", stack=c(1503))))
    g.s(tpkt(open_ack(number=2, stack=s(1503))))
    d = tcp(s(next(ports)), c(1503))
    d.close()
    end(f, g)

    # the caller listens for H.245
    f = call()
    f.c(setup(dest=s(1720), h245=c(40001)))
    f.s(answer(Q931_ALERTING))
    f.c(setup(h245=c(40002), single=b"\xa1"))           # sending complete: an element of one byte
    g = tcp(s(next(ports)), c(40001))
    g.s(tpkt(request_open(number=3, forward="h263", control=c(5011))))
    end(f, g)

    # fast start, in both directions
    f = call()
    f.c(setup(dest=s(1720), source=c(1720), fast=[
        open_channel(number=1, forward="audio", control=c(5021)),
        open_channel(number=2, forward="null", reverse="g7231", reverse_media=c(5020), reverse_control=c(5021)),
        open_channel(number=3, forward="g729b", control=c(5031))]))
    f.s(answer(Q931_ALERTING, fast=[
        open_channel(number=1, forward="audio", media=s(6020), control=s(6021)),
        open_channel(number=2, forward="null", reverse="g7231", reverse_media=c(5020), reverse_control=s(6021))]))
    rtp(c(5020), s(6020))
    f.s(answer(Q931_PROGRESS, fast=[open_channel(number=1, media=s(6030), control=s(6031))]))
    f.s(answer(Q931_CONNECT))
    end(f)

    # H.245 tunnelled, and answered in a Facility
    f = call()
    f.c(setup(dest=s(1720), control=[round_trip(), request_open(number=1, control=c(5041))]))
    f.s(answer(Q931_CONNECT, control=[]))
    f.s(facility(reason=3, control=[open_ack(number=1, media=s(6040), control=s(6041))]))
    f.s(facility(reason=3, h245=s(30041)))
    rtp(c(5040), s(6040))
    end(f)

    # forwarded to somebody else, who is called
    f = call()
    f.c(setup(dest=s(1720)))
    f.s(facility(alternative=(h.third, 1777)))
    end(f)
    f = call((h.third, 1777))
    f.c(setup(dest=(h.third, 1777)))
    end(f)

    # a low port, port 0, another's address
    f = call()
    f.c(setup(dest=s(1720), h245=c(0)))
    f.c(setup(dest=s(1720), h245=c(22)))
    f.s(answer(Q931_CONNECT, h245=(h.third, 30061)))
    f.c(setup(dest=(h.third, 1720), source=(h.near, 1720)))
    end(f)

    # two messages in a segment, one in two, a head alone, and what is none
    f = call()
    f.c(setup(dest=s(1720), h245=c(40071)) + facility(reason=3, h245=c(40072)))
    m = answer(Q931_CONNECT, h245=s(30071))
    f.s(m[:60])
    f.s(m[60:])
    f.c(b"GET / HTTP/1.0\r\n\r\n")
    f.c(setup(h245=c(40073))[:-1] + b"\xff")
    f.c(setup(h245=c(40074)))
    end(f)

    # a gatekeeper: discovery, registration, a call through it, its end
    gk, me = s(1719), c(next(ports))
    ask = lambda data: t.udp(me, gk, data)
    say = lambda data: t.udp(gk, me, data)
    ask(grq(me))
    say(gcf(gk))
    ask(rrq([c(1720)], [me], 120))
    f = tcp(s(next(ports)), c(1720))
    f.c(setup(dest=c(1720), source=s(1720)))
    f.s(answer(Q931_CONNECT, h245=c(40081)))
    end(f)
    say(rcf([s(1720)], 90))
    ask(arq(dest=c(1720), answering=True))
    say(acf(c(1720)))
    ask(arq(source=c(1720)))
    say(acf((h.third, 1721)))
    f = call((h.third, 1721))
    f.s(answer(Q931_ALERTING))
    f.c(setup(h245=c(40082)))
    end(f)
    ask(lrq(me))
    say(lcf((h.third, 1722), (h.third, 1719)))
    ask(irr(me, [c(1720)], call=[c(40081), c(1720)]))
    ask(urq([c(1720)]))
    say(ucf())
    ask(rrq([c(1730)], [me]))
    say(rcf([s(1720)]))

    # another gatekeeper is named
    me = c(next(ports))
    ask(grq(me))
    say(gcf((h.third, 2719)))
    t.udp((h.client, 21500), (h.third, 2719), rrq([c(1740)], [c(21500)], 60))
    t.udp((h.third, 2719), (h.client, 21500), rcf([(h.third, 1720)], 60))
    ask(b"\x0e\xff\xff\xff")
    ask(b"")


# --- messages for the tables of tests/helpers/h323.c -----------------------------------------------------------

def messages(c, s, t):
    """name, message; the client's port is 40000, the server's that of the helper"""
    yield "SETUP", setup(dest=(s, 1720), source=(c, 40000))
    yield "SETUP_H245", setup(dest=(s, 1720), source=(c, 40000), h245=(c, 40001))
    yield "SETUP_SINGLE", setup(h245=(c, 40001), single=b"\xa1")
    yield "SETUP_OTHERS", setup(dest=(t, 1720), source=(t, 1720), h245=(t, 40001))
    yield "SETUP_LOW", setup(h245=(c, 22))
    yield "SETUP_ZERO", setup(h245=(c, 0))
    yield "SETUP_FAST", setup(source=(c, 40000), fast=[
        open_channel(number=1, forward="g7231", control=(c, 5021)),
        open_channel(number=2, forward="null", reverse="audio", reverse_media=(c, 5020), reverse_control=(c, 5021)),
        open_channel(number=3, forward="h263", control=(c, 5031))])
    yield "SETUP_TUNNEL", setup(control=[round_trip(), request_open(number=1, control=(c, 5041))])
    yield "PROCEEDING", answer(Q931_CALL_PROCEEDING, h245=(s, 30001))
    yield "ALERTING", answer(Q931_ALERTING)
    yield "ALERTING_FAST", answer(Q931_ALERTING, h245=(s, 30001), fast=[
        open_channel(number=1, forward="g729b", media=(s, 6020), control=(s, 6021))])
    yield "PROGRESS", answer(Q931_PROGRESS, h245=(s, 30001), fast=[open_channel(number=1, media=(s, 6030))])
    yield "CONNECT", answer(Q931_CONNECT, h245=(s, 30001))
    yield "CONNECT_FAST", answer(Q931_CONNECT, fast=[open_channel(number=1, media=(s, 6050))])
    yield "FACILITY", facility(reason=3, h245=(s, 30041), control=[
        open_ack(number=1, media=(s, 6040), control=(s, 6041))])
    yield "FORWARD", facility(alternative=(t, 1777))
    yield "FORWARD_SELF", facility(alternative=(s, 1777))
    yield "RELEASE", release()
    yield "OPEN", tpkt(request_open(number=1, control=(c, 5001)))
    yield "OPEN_VIDEO", tpkt(request_open(number=1, forward="h261", media=(c, 5010), control=(c, 5011)))
    yield "OPEN_BOTH", tpkt(request_open(number=1, control=(c, 5001), reverse="audio", reverse_media=(c, 5000)))
    yield "OPEN_ODD", tpkt(request_open(number=1, control=(c, 5000), media=(c, 5003)))
    yield "OPEN_OTHERS", tpkt(request_open(number=1, media=(t, 5000)))
    yield "OPEN_LOW", tpkt(request_open(number=1, media=(c, 1023)))
    yield "OPEN_DATA", tpkt(request_open(number=2, forward="t120", reverse="t120", stack=(c, 1503)))
    yield "OPEN_AUDIO_STACK", tpkt(request_open(number=2, forward="audio", stack=(c, 1503)))
    yield "OPEN_TWO", tpkt(request_open(number=1, media=(c, 5000)) + request_open(number=2, media=(c, 5004)))
    yield "ROUND_TRIP", tpkt(round_trip())
    yield "ACK", tpkt(open_ack(number=1, media=(s, 6000), control=(s, 6001)))
    yield "ACK_DATA", tpkt(open_ack(number=2, stack=(s, 1504)))
    yield "GRQ", grq((c, 40000))
    yield "GCF", gcf((s, 1719))
    yield "GCF_OTHER", gcf((t, 2719))
    yield "RRQ", rrq([(t, 1720), (c, 1720)], [(c, 40000)], 120)
    yield "RRQ_LOW", rrq([(c, 720)], [(c, 40000)], 120)
    yield "RCF", rcf([(s, 1720)], 90)
    yield "URQ", urq([(c, 1720)])
    yield "UCF", ucf()
    yield "ARQ", arq(source=(c, 1720))
    yield "ARQ_ANSWER", arq(dest=(c, 1720), answering=True)
    yield "ACF", acf((t, 1721))
    yield "ACF_ROUTED", acf((s, 1721))
    yield "ACF_ANSWER", acf((c, 1720))
    yield "ACF_LOW", acf((t, 721))
    yield "LRQ", lrq((c, 40000))
    yield "LCF", lcf((t, 1722), (t, 1719))
    yield "IRR", irr((c, 40000), [(c, 1720)], call=[(t, 40081), (t, 1720)])


def as_text(message, names):
    """The bytes as a text of tests/helpers/dialogue.h: {x...}, and {%c} for an address."""
    words, rest = [], message.hex()
    while rest:
        name = next((name for packed, name in names.items() if rest.startswith(packed)), None)
        if name:
            words.append("{%%%s}" % name)
            rest = rest[8 if len(next(iter(names))) == 8 else 32:]
        else:
            if words and words[-1].startswith("{x"):
                words[-1] = words[-1][:-1] + rest[:2] + "}"
            else:
                words.append("{x" + rest[:2] + "}")
            rest = rest[2:]
    return "".join(words)


def print_messages():
    print("/* SPDX-License-Identifier: BSD-2-Clause */\n"
          "/* H.323's messages over IPv4 and IPv6, as texts of dialogue.h: written by tests/captures/h323.py --c */\n"
          "#ifndef TESTS_HELPERS_H323_MESSAGES_H\n#define TESTS_HELPERS_H323_MESSAGES_H\n\n/* clang-format off */")
    hosts = {4: ("250.251.1.1", "250.251.1.2", "250.251.1.3"),
             6: ("fafb:fcfd::101", "fafb:fcfd::102", "fafb:fcfd::103")}
    for family, (c, s, t) in hosts.items():
        names = {ipaddress.ip_address(host).packed.hex(): name for host, name in ((c, "c"), (s, "s"), (t, "t"))}
        for name, message in messages(c, s, t):
            print('#define V%d_%s "%s"' % (family, name, as_text(message, names)))
    print("/* clang-format on */\n\n#endif")


def main():
    from forge import Trace
    if sys.argv[1:] == ["--c"]:
        print_messages()
        return
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    t = Trace()
    scenes(t, int(sys.argv[2]) if len(sys.argv) == 3 else 4)
    t.save(sys.argv[1])


if __name__ == "__main__":
    main()
