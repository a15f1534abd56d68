#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the seeds of the fuzz targets, made from strings, to tests/fuzz/corpus/NAME/seed-*."""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"


def write(target, seeds):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, octets in seeds.items():
        (folder / f"seed-{name}").write_bytes(octets)


def tcp(payload=b"", options=b"", flags=0x18):
    return struct.pack(">HHIIHHHH", 40000, 25, 1000, 2000, (5 + len(options) // 4) << 12 | flags, 8192, 0, 0) + options + payload


def ipv4(payload, protocol=6, fragment=0x4000, options=b"", ident=1):
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), ident, fragment, 64, protocol, 0)
    return head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + options + payload


def ipv6(payload, following=6):
    return struct.pack(">IHBB", 6 << 28, len(payload), following, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + payload


def ethernet(payload, kind=0x0800, tags=()):
    tagged = b"".join(struct.pack(">HH", t, i) for t, i in tags)
    return bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]) + tagged + struct.pack(">H", kind) + payload


def headers():
    plain = ipv4(tcp(b"EHLO a\r\n"))
    six = ipv6(tcp(b"EHLO a\r\n"))
    pppoe = lambda kind, ip: struct.pack(">BBHHH", 0x11, 0, 7, len(ip) + 2, kind) + ip
    cooked = lambda kind, ip: struct.pack(">HHH", 0, 1, 6) + bytes(8) + struct.pack(">H", kind) + ip
    cooked2 = lambda kind, ip: struct.pack(">HHIHBB", kind, 0, 2, 1, 0, 6) + bytes(8) + ip
    six_options = ipv6(b"\x2b\0\1\4\0\0\0\0" + b"\x3c\0\0\0\0\0\0\0" + b"\6\0\1\4\0\0\0\0" + tcp(b"x"), 0)
    six_fragment = ipv6(b"\6\0" + struct.pack(">HI", 8 | 1, 77) + b"0123456789abcdef", 44)
    six_ah = ipv6(b"\6\4" + bytes(22) + tcp(b"x"), 51)
    ether = {
        "ipv4": ethernet(plain),
        "ipv4-options": ethernet(ipv4(tcp(b"x"), options=b"\1" * 8)),
        "tcp-options": ethernet(ipv4(tcp(b"x", b"\2\4\5\xb4\1\3\3\7\1\1\x08\x0a" + bytes(8)))),
        "padding": ethernet(ipv4(tcp()) + bytes(6)),
        "fragment-first": ethernet(ipv4(tcp(b"x" * 28), fragment=0x2000)),
        "fragment-last": ethernet(ipv4(b"x" * 9, fragment=6)),
        "udp": ethernet(ipv4(bytes(8), 17)),
        "no-length": ethernet(plain[:2] + b"\0\0" + plain[4:]),
        "ipv6": ethernet(six, 0x86dd),
        "ipv6-extensions": ethernet(six_options, 0x86dd),
        "ipv6-fragment": ethernet(six_fragment, 0x86dd),
        "ipv6-ah": ethernet(six_ah, 0x86dd),
        "vlan": ethernet(plain, tags=[(0x8100, 100)]),
        "qinq": ethernet(six, 0x86dd, tags=[(0x88A8, 100), (0x8100, 200)]),
        "vlan-old": ethernet(plain, tags=[(0x9100, 7), (0x8100, 8), (0x8100, 9)]),
        "mpls": ethernet(struct.pack(">II", 16 << 12 | 64, 17 << 12 | 0x100 | 64) + plain, 0x8847),
        "mpls-ipv6": ethernet(struct.pack(">I", 17 << 12 | 0x100 | 64) + six, 0x8847),
        "pppoe": ethernet(pppoe(0x21, plain), 0x8864),
        "pppoe-ipv6-vlan": ethernet(pppoe(0x57, six), 0x8864, tags=[(0x8100, 5)]),
        "arp": ethernet(bytes(28), 0x0806),
    }
    seeds = {name: b"\0" + frame for name, frame in ether.items()}
    seeds |= {
        "raw-ipv4": b"\1" + plain,
        "raw-ipv6": b"\1" + six,
        "loopback": b"\2" + struct.pack("<I", 2) + plain,
        "loopback-big": b"\2" + struct.pack(">I", 24) + six,
        "cooked": b"\3" + cooked(0x0800, plain),
        "cooked-vlan": b"\3" + cooked(0x8100, struct.pack(">HH", 100, 0x86DD) + six),
        "cooked2": b"\4" + cooked2(0x86DD, six),
        "short": b"\0" + ethernet(plain)[:40],
    }
    write("headers", seeds)


def fragments():
    def cut(offset, octets, more, ident=0, how=0, six=False):
        return bytes([(4 if six else 0) | more << 3 | ident << 4, offset, how, len(octets)]) + octets

    segment = tcp(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<x@army.ml>\r\n")
    a, b, c = segment[:24], segment[24:48], segment[48:]
    steps = {
        "in-order": [cut(0, a, 1), cut(3, b, 1), cut(6, c, 0)],
        "reversed": [cut(6, c, 0), cut(3, b, 1), cut(0, a, 1)],
        "ipv6": [cut(0, a, 1, six=True), cut(3, segment[24:], 0, six=True)],
        "overlap-same": [cut(0, segment[:40], 1), cut(3, b, 1), cut(6, c, 0)],
        "overlap-other": [cut(0, segment[:40], 1), cut(3, b"x" * 24, 1), cut(6, c, 0)],
        "twice": [cut(0, a, 1), cut(0, a, 1), cut(3, segment[24:], 0)],
        "contradiction": [cut(6, c, 0), cut(9, b"x" * 16, 1), cut(0, a, 1)],
        "two-ids": [cut(0, a, 1, 1), cut(0, a, 1, 2), cut(3, segment[24:], 0, 2), cut(3, segment[24:], 0, 1)],
        "grown": [cut(0, a, 1), cut(3, b, 1), cut(6, c, 0, how=12)],
        "shrunk": [cut(0, a, 1), cut(3, b, 1), cut(6, c, 0, how=4)],
        "grown-ipv6": [cut(0, a, 1, six=True), cut(3, b, 1, six=True), cut(6, c, 0, how=12, six=True)],
        "released": [cut(0, a, 1), cut(3, segment[24:], 0, how=16)],
        "kept": [cut(0, a, 1), cut(3, segment[24:], 0, how=32), cut(0, a, 1), cut(3, segment[24:], 0)],
        "timeout": [cut(0, a, 1), bytes([0x15, 200]), cut(3, segment[24:], 0)],
        "no-buffer": [bytes([7, 0]), cut(0, a, 1), cut(3, segment[24:], 0)],
        "full": [cut(0, a, 1, i) for i in range(4)] + [cut(0, a, 1, i, six=True) for i in range(4)],
        "frame": [b"\6\x3e" + ethernet(ipv4(segment[:28], fragment=0x2000))[:62]],
        "no-octets": [cut(0, b"", 1), cut(0, b"", 0)],
    }
    write("fragments", {name: b"".join(step) for name, step in steps.items()})


def address():
    texts = [
        b"<bob@army.ml>", b"<>", b"bob@army.mil", b" < Bob.Builder@ARMY.MIL. > SIZE=1000 BODY=8BITMIME",
        b"<@relay.example,@b.example:bob@army.ml>", b'<"b o>b@x"@army.ml>', b'<"a\\"b"@army.ml> NOTIFY=NEVER',
        b"<bob%army.ml@relay.example>", b"<relay!army.ml!bob>", b"<bob@[192.0.2.1]>", b"<bob@[IPv6:2001:db8::1]>",
        b"<postmaster>", b"<a@b@c.example>", "<b\u00f6b@b\u00fccher.example> SMTPUTF8".encode(),
        "<x@\uff21\uff32\uff2d\uff39\u3002\uff2d\uff29\uff2c>".encode(), b"<x@xn--bcher-kva.example>",
        "<x@\u0430\u0440\u043c\u0443.mil>".encode(), b"<SRS0=abc=de=army.mil=bob@relay.example>",
        b"<prvs=0123456789=bob@army.ml>", b"<x@" + b"a" * 63 + b"." + b"b" * 63 + b"." + b"c" * 63 + b"." + b"d" * 61 + b">",
        b"<" + b"l" * 700 + b"@army.ml>", b"<x@a..b>", b"<x@.>", b"<\x00\xff\xfe@\xc3\x28>", b"<x@army.ml",
        b"<x@army.ml> ORCPT=rfc822;y@army.mil", b"220 mx ESMTP\r\n", b"EHLO a.example\r\n", b"CONNECT mx:25 HTTP/1.1\r\n",
        b"\x16\x03\x01\x00\x05", b"<{domain} {means} {ref}\n{operator}{x@army.ml>", b"+OK POP3\r\n",
    ]
    write("address", {f"{i:02}": text for i, text in enumerate(texts)})


def piece(who, octets, head=0):
    if isinstance(octets, str):
        octets = octets.encode()
    parts = [octets[i:i + 255] for i in range(0, len(octets), 255)] or [b""]
    first = bytes([head | (0x80 if who == "S" else 0), len(parts[0])]) + parts[0]
    return first + b"".join(bytes([0x80 if who == "S" else 0, len(p)]) + p for p in parts[1:])


def dialogue_of(script, midstream=False):
    """Lines "C: " and "S: "; "D" in front disguises, "F" forces, "R" is filling of one character, 17 times the number."""
    out = bytes([midstream])
    for line in script:
        head = 0
        while line[0] in "DF":
            head |= {"D": 0x10, "F": 0x20}[line[0]]
            line = line[1:]
        if line[0] == "R":
            out += bytes([0x40 | head, int(line[2:]), ord(line[1])])
        else:
            out += piece(line[0], line[3:], head)
    return out


GREETING = ["S: 220 mx ESMTP\r\n", "C: EHLO c\r\n", "S: 250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 SMTPUTF8\r\n"]
MAIL = ["C: MAIL FROM:<a@example.com>\r\n", "S: 250 ok\r\n", "C: RCPT TO:<x@army.ml>\r\n", "S: 250 ok\r\n"]
SCRIPTS = {
    "mail": GREETING + MAIL + ["C: DATA\r\n", "S: 354 go\r\n", "C: Subject: x\r\n\r\n..\r\n.\r\n", "S: 250 queued\r\n", "C: QUIT\r\n", "S: 221 bye\r\n"],
    "pipelined": GREETING + ["C: MAIL FROM:<a@b.c>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.mil>\r\nDATA\r\n",
                             "S: 250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n", "C: text\r\n.\r\nQUIT\r\n", "S: 250 ok\r\n221 bye\r\n"],
    "refused-data": GREETING + MAIL + ["C: DATA\r\n", "S: 554 no\r\n", "C: RSET\r\n", "S: 250 ok\r\n"],
    "bdat": GREETING + MAIL + ["C: BDAT 5\r\nabcdeBDAT 3 LAST\r\nxyzQUIT\r\n", "S: 250 ok\r\n250 ok\r\n221 bye\r\n"],
    "bdat-bad": GREETING + ["C: BDAT 99999999999999999999999\r\nabc\r\n", "S: 503 no\r\n", "C: BDAT x\r\n", "S: 501 no\r\n"],
    "auth": GREETING + ["C: AUTH LOGIN\r\n", "S: 334 VXNlcg==\r\n", "C: Ym9i\r\n", "S: 334 UGFzcw==\r\n", "C: c2VjcmV0\r\n", "S: 235 ok\r\n"] + MAIL,
    "auth-refused": GREETING + ["C: AUTH PLAIN AGIAYg==\r\n", "S: 535 no\r\n", "C: AUTH LOGIN\r\n*\r\n", "S: 334 x\r\n501 no\r\n"],
    "starttls": GREETING + ["C: STARTTLS\r\n", "S: 220 go\r\n", "C: \x16\x03\x01\r\n"],
    "starttls-refused": GREETING + ["C: STARTTLS\r\n", "S: 454 no\r\n"] + MAIL,
    "disguised": GREETING + ["C: MAIL FROM:<a@b.c>\r\n", "S: 250 ok\r\n", "DC: RCPT TO:<x@army.ml>\r\n", "S: 250-a\r\n250 ok\r\n", "DC: RCPT TO:<y@army.ml>\r\n", "S: 421 bye\r\n"],
    "bare-lf": ["S: 220 mx\n", "C: HELO c\n", "S: 250 ok\n", "C: MAIL FROM:<a@b.c>\nRCPT TO:<d@e.f>\nDATA\n", "S: 250 ok\n250 ok\n354 go\n", "C: x\n.\nMAIL FROM:<g@h.i>\n", "S: 250 ok\n"],
    "doubtful-end": GREETING + MAIL + ["C: DATA\r\n", "S: 354 go\r\n", "C: x\n.\r\nMAIL FROM:<z@y.x>\r\n.\r\n", "S: 250 ok\r\n"],
    "forced": GREETING + MAIL + ["C: DATA\r\n", "FC: body\r\n.\r\n", "S: 354 go\r\n250 ok\r\n"],
    "long-line": GREETING + ["C: MAIL FROM:<", "Ra250", "C: @b.c>\r\n", "S: 250 ok\r\n", "C: NOOP", "R 250", "C: \r\n", "S: 250 ok\r\n"],
    "many-slots": GREETING + ["C: " + "NOOP\r\n" * 40, "S: " + "250 ok\r\n" * 40],
    "two-mails": GREETING + MAIL + ["C: RSET\r\n", "S: 250 ok\r\n"] + MAIL + ["C: MAIL FROM:<again@b.c>\r\n", "S: 503 nested\r\n"],
    "multi-line": ["S: 220-mx\r\n220-text\r\n220 mx\r\n", "C: EHLO c\r\n", "S: 250-mx\r\ntext without code\r\n250 ok\r\n"],
    "unsolicited": GREETING + ["S: 421 timeout\r\n"],
    "greeting-554": ["S: 554 no\r\n", "C: QUIT\r\n", "S: 221 bye\r\n"],
    "null-sender": GREETING + ["C: MAIL FROM:<> SIZE=1\r\nRCPT TO: x@army.ml\r\nRCPT TO:\r\nMAIL\r\n", "S: 250 a\r\n250 b\r\n501 c\r\n501 d\r\n"],
}


def dialogue():
    seeds = {name: dialogue_of(script) for name, script in SCRIPTS.items()}
    seeds["midstream-command"] = dialogue_of(["C: t of a line\r\nRCPT TO:<x@army.ml>\r\n", "S: 250 ok\r\n"] + MAIL, True)
    seeds["midstream-reply"] = dialogue_of(["S: ok\r\n250 ok\r\n", "C: DATA\r\n", "S: 354 go\r\n", "C: x\r\n.\r\n"], True)
    write("dialogue", seeds)


def packets(script, marks=0, refusals=7):
    """Words: "H" handshake; "C:text" and "S:text"; "cN", "sN" a line by number; "tN" time; "r", "R" again; "!oo..." in front: odd."""
    out = bytes([marks, refusals])
    for word in script:
        head, odd = 0, None
        while word[0] in "2~&":
            head |= {"2": 16, "~": 64, "&": 128}[word[0]]
            word = word[1:]
        if word[0] == "!":
            odd, word = bytes.fromhex(word[1:].split("/", 1)[0]), word.split("/", 1)[1]
            head |= 32
        tail = odd or b""
        if word == "H":
            out += bytes([3 | head])
        elif word[0] in "CS":
            text = word[2:].encode()
            out += bytes([head | (8 if word[0] == "S" else 0), len(text)]) + text + tail
        elif word[0] in "cs":
            out += bytes([4 | head | (8 if word[0] == "s" else 0), int(word[1:])]) + tail
        elif word[0] in "rR":
            out += bytes([2 | head | (8 if word[0] == "R" else 0)]) + tail
        elif word[0] == "t":
            out += bytes([5, int(word[1:])])
        elif word[0] == "b":
            out += bytes([7, int(word[1:])])
    return out


def pipeline():
    hello = ["H", "s0", "c1", "s2"]
    mail = hello + ["c3", "s4"]
    scripts = {
        "good": mail + ["c5", "s4", "c12", "s13", "c14", "s4", "c18", "s19"],
        "refused": mail + ["c6", "s4", "c5", "s4", "c12", "s13", "c14", "s4"],
        "deferred": mail + ["c7", "s20", "c17", "s4"],
        "reset": mail + ["c8", "s4", "c17"],
        "dropped": mail + ["c9", "s4", "c17"],
        "allowed": mail + ["c10", "s4"],
        "sender": hello + ["c11", "s4", "c17", "s4"],
        "pipelined": hello + ["c22", "s23", "s13", "c14", "s4"],
        "bdat": mail + ["c5", "s4", "c15", "s4"],
        "starttls": hello + ["c16", "s0", "C:\x16\x03", "c6"],
        "starttls-refused": hello + ["c16", "s20", "c3", "s4", "c6", "s4"],
        "auth": hello + ["c24", "s25", "C:Ym9i\r\n", "s4", "c3", "s4"],
        "split": mail + ["C:RCPT TO:<x@ar", "C:my.ml>\r", "C:\n", "S:25", "S:0 ok\r\n", "c5", "s4"],
        "split-again": mail + ["C:RCPT TO:<x@ar", "r", "C:my.ml>\r\n", "s4"],
        "many": mail + ["c6", "s4"] * 10,
        "closing": mail + ["c6", "s21", "c18"],
        "hold-times-out": mail + ["C:RCPT TO:<x@ar", "t30", "C:my.ml>\r\n", "s4"],
        "out-of-order": mail + ["!0108/C:my.ml>\r\n", "!01f8/C:RCPT TO:<x@", "s4"],
        "overlap": mail + ["C:RCPT TO:<x@army.mil>\r\n", "!01e8/C:RCPT TO:<x@army.ml>\r\n\r\n", "s4"],
        "lost": mail + ["~c6", "r", "~s4", "R", "c5", "s4"],
        "lost-refusal": mail + ["c6", "~s4", "R", "!1011/C:NOOP\r\n", "s4"],
        "wrong-checksum": mail + ["!08/c6", "r", "s4"],
        "fragments": mail + ["!40/c6", "!40/s4", "!40/c5"],
        "burst": mail + ["&c6", "&c5", "&c12", "s23"],
        "two-flows": ["H", "2H", "s0", "2s0", "c1", "2c1", "s2", "2s2", "c3", "2c3", "&s4", "2s4", "&c6", "2c5", "&s4", "2s4"],
        "fin": mail + ["c6", "s4", "!0211/C:", "!0211/S:", "C:", "H", "s0"],
        "rst": mail + ["!0204/C:", "H", "s0"],
        "midstream": ["c3", "s4", "c6", "s4"],
        "one-way": ["!0202/C:", "!0210/C:", "c1", "c3", "c6", "c12", "c14"],
        "signed": ["!120217/C:", "!12120f/S:", "C:", "s0", "c1", "s2", "c6"],
        "options": ["!120202/C:", "!121202/S:", "!1004/C:", "!1008/s0", "!1005/c1", "!100c/s2", "!1010/c6", "!1014/s4"],
        "shape": ["H", "!801e/s0", "!8010/c1", "!8006/s2", "!800b/c6", "!8004/s4"],
        "not-smtp": ["H", "C:GET / HTTP/1.1\r\n\r\n", "S:HTTP/1.1 200 OK\r\n\r\n"],
        "tls-first": ["H", "C:\x16\x03\x01", "S:\x16\x03\x01"],
        "bare-lf": ["H", "s0", "C:HELO c\n", "s4", "C:MAIL FROM:<a@b.c>\nRCPT TO:<x@army.ml>\n", "s4", "s4", "c12", "s13", "C:x\n.\n", "s4"],
        "no-buffer": mail + ["b0", "c6", "s4", "!0108/C:x", "c5"],
        "text-before-354": mail + ["c5", "s4", "&c12", "c14", "t60", "s13", "s4"],
    }
    seeds = {name: packets(script) for name, script in scripts.items()}
    refused = scripts["refused"]
    for name, marks in {"any-port": 1, "late": 2, "no-checksums": 4, "small": 8, "blind-reset": 16, "no-rules": 32, "few-buffers": 64, "ipv6": 128}.items():
        seeds["marks-" + name] = packets(refused, marks)
    seeds["many-quit"] = packets(mail + ["c6", "s4"] * 4, refusals=1)
    seeds["split-small"] = packets(scripts["split"], 8)
    seeds["split-blind-reset"] = packets(scripts["overlap"] + ["C:x\n", "S:what\r\n"], 16)
    seeds["frame"] = packets(mail) + bytes([6, 62]) + ethernet(ipv4(tcp(b"QUIT\r\n")))[:62]
    write("pipeline", seeds)


if __name__ == "__main__":
    headers()
    fragments()
    address()
    dialogue()
    pipeline()
