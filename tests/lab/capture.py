# SPDX-License-Identifier: BSD-3-Clause
"""What really passed at an end of the wire: tcpdump beside a test, and its file read back packet by packet."""

import pathlib
import struct
import time

from . import network
from .place import wait_for


class Capture:
    """Context manager: captures at the far end of `side`, so what the wire carried there."""

    def __init__(self, place, side, expression="tcp port 25", name=None):
        self.place, self.side = place, side
        self.path = place.dir / f"{name or side}.pcap"
        self.expression = expression
        self.process = None

    def __enter__(self):
        interface = network.END[self.side][0]
        self.log = self.place.dir / f"{self.path.name}.log"
        self.process = self.place.start(
            self.side, "tcpdump", "-Z", "root", "-U", "--immediate-mode", "-B", 8192, "-s", 0, "-i", interface, "-w", self.path,
            *self.expression.split(), log=self.log.name)
        wait_for("tcpdump to listen", 10, lambda: "listening on" in self.log.read_text())
        return self

    def __exit__(self, *exception):
        time.sleep(0.3)
        self.process.terminate()
        self.process.wait(10)

    def packets(self):
        """The TCP packets; ARP, neighbour discovery and the like are left out."""
        return [Packet(frame) for frame in frames(self.path) if holds_tcp(frame)]


def frames(path):
    return (frame for _, frame in timed_frames(path))


def timed_frames(path):
    """(seconds, frame)"""
    data = pathlib.Path(path).read_bytes()
    at = 24
    while at + 16 <= len(data):
        seconds, microseconds, length = struct.unpack_from("<III", data, at)
        yield seconds + microseconds / 1e6, data[at + 16:at + 16 + length]
        at += 16 + length


def headers_of(frame):
    """The VLAN tags of a frame, the type of what is inside, and where that begins."""
    at, tags = 12, []
    kind = struct.unpack_from("!H", frame, at)[0]
    while kind in (0x8100, 0x88A8):
        tags.append((kind, struct.unpack_from("!H", frame, at + 2)[0] & 0xFFF))
        at += 4
        kind = struct.unpack_from("!H", frame, at)[0]
    return tuple(tags), kind, at + 2


def holds_tcp(frame):
    _, kind, ip = headers_of(frame)
    return kind == 0x0800 and frame[ip + 9] == 6 or kind == 0x86DD and frame[ip + 6] == 6


class Packet:
    """An IPv4 or IPv6 packet with TCP directly inside."""

    def __init__(self, frame):
        self.frame = frame
        self.tags, kind, ip = headers_of(frame)
        if kind == 0x0800:
            self.source, self.target = frame[ip + 12:ip + 16], frame[ip + 16:ip + 20]
            tcp, end = ip + (frame[ip] & 15) * 4, ip + struct.unpack_from("!H", frame, ip + 2)[0]
        else:
            self.source, self.target = frame[ip + 8:ip + 24], frame[ip + 24:ip + 40]
            tcp, end = ip + 40, ip + 40 + struct.unpack_from("!H", frame, ip + 4)[0]
        self.source_port, self.target_port = struct.unpack_from("!HH", frame, tcp)
        self.sequence, self.acknowledgement = struct.unpack_from("!II", frame, tcp + 4)
        self.flags = frame[tcp + 13]
        self.segment = frame[tcp:end]
        self.payload = frame[tcp + (frame[tcp + 12] >> 4) * 4:end]

    @property
    def flow(self):
        return self.source, self.source_port, self.target, self.target_port

    @property
    def is_sound(self):
        """The TCP checksum is right. Where a card fills it in, what leaves this end is not."""
        octets = self.source + self.target + struct.pack("!HH", 6, len(self.segment)) + self.segment + b"\0" * (len(self.segment) % 2)
        return sum(struct.unpack(f"!{len(octets) // 2}H", octets)) % 0xFFFF == 0

    @property
    def back(self):
        return self.target, self.target_port, self.source, self.source_port


def streams(packets):
    """The octets of each direction by flow, put in order by sequence number; first copy wins."""
    first, pieces = {}, {}
    for p in packets:
        if p.flags & 2:
            first[p.flow] = p.sequence + 1 & 0xFFFFFFFF
        if p.payload and p.flow in first:
            pieces.setdefault(p.flow, {}).setdefault(p.sequence - first[p.flow] & 0xFFFFFFFF, p.payload)
    out = {}
    for flow, parts in pieces.items():
        octets = b""
        for offset in sorted(parts):
            if offset <= len(octets):
                octets += parts[offset][len(octets) - offset:]
        out[flow] = octets
    return out


class _Answers:
    """One session in a capture at its client's end: the server's stream, and when it had come how far, in order."""

    def __init__(self, began, client_isn):
        self.began, self.last, self.client_isn = began, began, client_isn
        self.first, self.octets, self.early, self.steps = None, b"", {}, []

    def take(self, at, packet):
        if packet.flags & 2:
            self.first = packet.sequence + 1 & 0xFFFFFFFF
        if self.first is None or not packet.payload:
            return
        offset = (packet.sequence - self.first + 2 ** 31 & 0xFFFFFFFF) - 2 ** 31
        self.early.setdefault(offset, packet.payload)
        for offset in sorted(o for o in self.early if o <= len(self.octets)):
            self.octets += self.early.pop(offset)[len(self.octets) - offset:]
        self.steps.append((at, len(self.octets)))

    def duration(self):
        bye = max(self.octets.rfind(b"\n221 ") + 1, self.octets.rfind(b"\n221-") + 1)
        end = bye or len(self.octets)
        return next((at for at, have in self.steps if have >= end), self.last) - self.began


def durations(path):
    """
    Seconds of each session in a capture at the client's end: from its first SYN until the client has the last answer before
    that to QUIT. Some clients keep a session for a while before they say QUIT, which is no matter of the wire.
    """
    open_sessions, everything = {}, []
    for at, frame in timed_frames(path):
        try:
            packet = Packet(frame) if holds_tcp(frame) else None
        except (struct.error, IndexError):
            continue
        if packet is None or not packet.is_sound:  # damaged on the wire
            continue
        if packet.target_port == 25 and packet.flags & 0x12 == 2:
            known = open_sessions.get(packet.flow)
            if known is None or known.client_isn != packet.sequence:
                open_sessions[packet.flow] = _Answers(at, packet.sequence)
                everything.append(open_sessions[packet.flow])
        session = open_sessions.get(packet.flow) or open_sessions.get(packet.back)
        if session is not None:
            session.last = at
            if packet.flow not in open_sessions:
                session.take(at, packet)
    return [session.duration() for session in everything]
