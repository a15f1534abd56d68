# SPDX-License-Identifier: BSD-3-Clause
"""
An interface behind VLAN tags, without the kernel's 8021q module: a TAP whose frames go out of another interface
with the tags put in, and come back with them taken off. A program of its own, run in a namespace:

    python3 tagger.py INTERFACE TAP TPID:VID[,TPID:VID]        outermost tag first
"""

import fcntl
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
ETH_P_ALL = 3
PACKET_OUTGOING = 4
ADDRESSES = 12


def open_tap(name):
    tap = open("/dev/net/tun", "r+b", buffering=0)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_wire(name):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.bind((name, ETH_P_ALL))
    return wire


def tags_of(text):
    out = b""
    for tag in text.split(","):
        tpid, vid = tag.split(":")
        out += struct.pack("!HH", int(tpid, 16), int(vid))
    return out


def receive(wire):
    """One frame that came from the wire, as it stood there: the kernel takes the outer tag off and tells it aside."""
    frame, aside, _, sender = wire.recvmsg(65536, 256)
    if sender[2] == PACKET_OUTGOING:
        return None
    for level, kind, data in aside:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, tci, tpid = struct.unpack("I12xHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                return frame[:ADDRESSES] + struct.pack("!HH", tpid, tci) + frame[ADDRESSES:]
    return frame


def main(interface, name, text):
    tags = tags_of(text)
    tap, wire = open_tap(name), open_wire(interface)
    behind = ADDRESSES + len(tags)
    while True:
        ready, _, _ = select.select([tap, wire], [], [])
        if tap in ready:
            frame = tap.read(65536)
            wire.send(frame[:ADDRESSES] + tags + frame[ADDRESSES:])
        if wire in ready:
            frame = receive(wire)
            if frame and frame[ADDRESSES:behind] == tags:
                tap.write(frame[:ADDRESSES] + frame[behind:])


if __name__ == "__main__":
    main(*sys.argv[1:])
