#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same dialogue reads the same in every link type and encapsulation.

usage: encapsulation_test.py POSTERN [CAPTURES_DIR]

Each Ethernet capture of IP packets is written anew as raw IP, BSD loopback,
Linux cooked (v1, v2), QinQ, two MPLS labels and PPPoE.
"""
import os
import struct
import sys
import tempfile

from captures_test import replay

IP_TYPES = {b"\x08\x00": (2, b"\x00\x21"), b"\x86\xdd": (30, b"\x00\x57")}  # address family, PPP protocol


def ethernet_packets(path):
    """[(record header, frame)], or [] where the file is not a pcap of untagged Ethernet and IP."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"):
        return []
    order = "<" if data[0] == 0xD4 else ">"
    if struct.unpack_from(order + "I", data, 20)[0] != 1:
        return []
    packets, at = [], 24
    while at < len(data):
        seconds, micros, caplen, _ = struct.unpack_from(order + "IIII", data, at)
        packets.append(((seconds, micros), data[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    if any(frame[12:14] in (b"\x81\x00", b"\x88\xa8") for _, frame in packets):
        return []
    return [p for p in packets if p[1][12:14] in IP_TYPES]


def raw_ip(frame):
    return frame[14:]


def loopback(frame):
    return struct.pack("<I", IP_TYPES[frame[12:14]][0]) + frame[14:]


def cooked(frame):
    return struct.pack(">HHH", 0, 1, 6) + frame[6:12] + b"\0\0" + frame[12:]


def cooked2(frame):
    return frame[12:14] + struct.pack(">HIHBB", 0, 1, 1, 0, 6) + frame[6:12] + b"\0\0" + frame[14:]


def qinq(frame):
    return frame[:12] + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + frame[12:]


def mpls(frame):
    return frame[:12] + b"\x88\x47" + b"\x00\x01\x00\x40" + b"\x00\x01\x11\x40" + frame[14:]


def pppoe(frame):
    protocol = IP_TYPES[frame[12:14]][1]
    return frame[:12] + b"\x88\x64\x11\x00\x00\x01" + struct.pack(">H", len(frame) - 12) + protocol + frame[14:]


FORMS = {raw_ip: 101, loopback: 0, cooked: 113, cooked2: 276, qinq: 1, mpls: 1, pppoe: 1}


def write(path, link_type, packets):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type))
        for (seconds, micros), frame in packets:
            out.write(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)


def main():
    postern = sys.argv[1]
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    directory = sys.argv[2] if len(sys.argv) > 2 else os.path.join(root, "..", "shared", "captures")
    if not os.path.isdir(directory):
        print("no captures at ../shared/captures: nothing to replay")
        return 0
    failed = count = 0
    options = ["--ports", "any", "--ignore-checksums"]
    with tempfile.NamedTemporaryFile(suffix=".pcap") as out:
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            packets = ethernet_packets(path) if name.endswith(".pcap") else []
            if not packets:
                continue
            wanted = replay(postern, path, *options)[0]
            for form, link_type in FORMS.items():
                count += 1
                write(out.name, link_type, [(time, form(frame)) for time, frame in packets])
                got = replay(postern, out.name, *options)[0]
                if got != wanted:
                    failed += 1
                    print(f"not ok {name} as {form.__name__}: expected {wanted}, got {got}")
    print(f"{count - failed} rewritten captures read the same, {failed} do not")
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
