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
    seeds["named"] = bytes([8]) + dialogue_of(SCRIPTS["multi-line"] + SCRIPTS["mail"])[1:]
    seeds["named-cut"] = bytes([10]) + dialogue_of(["S: 220 mx", "C: EHLO c\r\n", "S: .example\r\n250 mx.example\r\n"])[1:]
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
        elif word[0] == "q":
            out += bytes([6 | 16 | (8 if head & 16 else 0), int(word[1:])])
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
    # The quarantine speaks: "qN" a line by number, 252 RST, 253 FIN, 254 ACK, 255 SYN-ACK.
    moved = mail + ["c26", "q255", "q0", "q2", "q4", "q4", "c12", "q13", "c14", "q4", "c18", "q19", "q253"]
    for name, script in {
        "redirected": moved,
        "redirected-server-too": moved[:10] + ["s4", "s19"] + moved[10:] + ["!0211/S:"],
        "redirect-refused": mail + ["c26", "q252", "s4"],
        "redirect-late": mail + ["c26", "t40", "s4"],
        "redirect-silent": mail + ["c26", "q255", "q0", "t40", "s4"],
        "redirect-dies": moved[:13] + ["q252", "c14"],
        "redirect-falls-silent": moved[:13] + ["t60", "t60", "c18"],
        "redirect-behind-accepted": mail + ["c5", "s4", "c26", "s4", "c12", "s13"],
        "redirect-then-other": moved[:11] + ["c5", "q4", "c6", "q4"],
    }.items():
        seeds[name] = packets(script, refusals=15)
        seeds[name + "-twice"] = packets([("2" if k % 2 else "") + word for word in script for k in (0, 1)], refusals=15)
    seeds["split-small"] = packets(scripts["split"], 8)
    seeds["split-blind-reset"] = packets(scripts["overlap"] + ["C:x\n", "S:what\r\n"], 16)
    seeds["frame"] = packets(mail) + bytes([6, 62]) + ethernet(ipv4(tcp(b"QUIT\r\n")))[:62]
    for name, script in {
        "greeting": ["H", "s27", "c18", "s19", "!0211/S:", "!0211/C:"],
        "greeting-split": ["H", "S:220 mail.ar", "S:my.ml\r", "S:\n", "c18", "s19"],
        "greeting-half": ["H", "S:220 mail.ar", "R", "S:my.ml\r\n", "c1", "s33", "c18"],
        "greeting-lost": ["H", "~s27", "R", "c18", "~s19", "R"],
        "greeting-late": ["H", "S:220 mail.army.ml", "t30", "c1", "s33"],
        "deferred": ["H", "s28", "c36", "s4", "c18", "s19"],
        "flagged": ["H", "s29", "c1", "s33", "c6", "s4"],
        "reset": ["H", "s30", "c1"],
        "dropped": ["H", "s31", "c1"],
        "hello": ["H", "s0", "c1", "s33", "c35", "s33", "c35", "s34", "c3", "s4", "c18", "s19"],
        "hello-pipelined": ["H", "s0", "c37", "s33", "s4"],
        "insists": ["H", "s27", "c1", "s33", "c3", "s4", "c6", "s4", "c12", "s4", "c16", "s4", "c15", "s19"],
        "early": ["H", "c1", "s27", "s33"],
    }.items():
        seeds["banner-" + name] = packets(script, refusals=23)
        seeds["banner-" + name + "-late"] = packets(script, 2, refusals=23)
    write("pipeline", seeds)


def blob():
    """Steps: section, offset, how, and what `how` asks for."""
    step = lambda section, offset, how, tail=b"": bytes([section]) + struct.pack(">H", offset) + bytes([how]) + tail
    seeds = {"good": b"\0", "good-plain": b"\4", "digest": b"\1" + step(0, 0, 0, b"x"), "cut": b"\2\0\0", "cut-half": b"\2\4\0"}
    for section in range(11):
        for border in (0, 4, 8, 9):
            seeds[f"section-{section}-border-{border}"] = b"\0" + step(section, 0, 2 | border << 2)
    for offset in range(0, 24, 4):
        seeds[f"pattern-{offset}"] = b"\0" + step(1, offset, 2 | 4 << 2)
        seeds[f"rule-{offset}"] = b"\4" + step(0, offset, 2 | 9 << 2)
    for offset in range(136, 310, 8):
        seeds[f"header-{offset}"] = b"\0" + step(10, offset, 2 | 5 << 2)
    seeds["moved"] = b"\0" + step(3, 0, 3, b"\0\x40") + step(6, 8, 3, b"\1\0")
    write("blob", seeds)


def rules():
    texts = {
        "empty": "",
        "every-action": "rule a flag rcpt domain a.ml\nrule b reject from domain b.ml means=b.mil\nrule c defer any address x@c.ml\n"
        "rule d reset rcpt regex ^x@d\\.ml$\nrule e drop rcpt domain e.ml\nallow rcpt domain f.ml id=f\n",
        "options": 'rule a reject rcpt domain a.ml means=a.mil,b.mil mode=sample:50 template="No, \\"{domain}\\"?\\nAsk." class=tld confidence=90 force=yes\n',
        "quotes": 'rule "a b" flag rcpt domain "a.ml"\nrule c flag rcpt regex "x y\\.z"\nrule d flag rcpt domain "open\n',
        "include": "include a.list action=reject field=any means=x.mil\ninclude b.conf\n\0one.ml\ntwo.ml # c\nbob@three.ml\n\0rule z flag rcpt domain z.ml\n",
        "hosts": "include a.list\n\0" "127.0.0.1 localhost\n0.0.0.0 a.ml b.ml\n::1 c.ml\n*.d.ml\r\n\xa0",
        "list-as-rules": "include a.list format=rules\n\0rule y flag rcpt domain y.ml\n",
        "circle": "include b.conf\n\0\0include rules.conf\n",
        "glob": "include *.list id=all class=feed\ninclude [ab].conf\ninclude nothing*\n\0a.ml\n\0allow rcpt domain q.ml\n",
        "twice": "rule a flag rcpt domain a.ml\nrule a flag rcpt domain b.ml\n",
        "suffix": "rule a flag rcpt domain ml\nrule b flag rcpt domain co.uk force=yes\nallow any domain ml\n",
        "names": "rule a flag rcpt domain b\u00fccher.example\nrule b flag rcpt domain xn--bcher-kva.example\nrule c flag rcpt domain a..b\n"
        "rule d flag rcpt domain -a.ml\nrule e flag rcpt address x@[192.0.2.1]\nrule f flag rcpt domain " + "a" * 64 + ".ml\n",
        "idle": "rule a flag rcpt domain sub.a.ml\nallow any domain a.ml\n",
        "protect": "protect corner.example mode=enforce\nprotect few.mil classes=letter-swapped:off\nallow rcpt domain a.ml\n",
        "protect-file": "protect @a.list mode=observe\n\0one.mil\ntwo.mil\n",
        "wrong": "rul a\nrule\nrule a\nrule a bounce rcpt domain x\nrule a flag to domain x\nrule a flag rcpt host x\ninclude\nallow\nprotect\n",
        "wrong-options": "rule a flag rcpt domain a.ml mode=maybe confidence=101 means= class force=no x=y mode=sample:101\n",
        "marks": "\ufeffrule a flag rcpt domain a.ml\r\n\t# c\r\n\x01\x7f\n",
        "regex": "rule a flag rcpt regex (\nrule b flag rcpt regex .*\nrule c flag rcpt regex a{1,9999}\n",
        "banner": "rule a reject banner domain a.ml lang=nl\nrule b defer banner regex ^@mx\nrule c reject banner address x@a.ml\n"
        "rule d redirect banner domain a.ml\nallow banner domain b.ml\ninclude a.list field=banner action=reset\nprotect a.mil field=banner\n\0one.ml\nx@two.ml\n",
        "long": "rule a flag rcpt domain " + "a." * 130 + "ml\n" + "x " * 70 + "\n",
    }
    write("rules", {name: text.encode() for name, text in texts.items()})


def settings():
    texts = {
        "empty": "",
        "all": "operator: example carrier\nrules: rules.conf\ndataplane:\n  pairs:\n    - inside: net_tap0\n      outside: net_tap1\n      fail: closed\n"
        "  workers: 2\n  cores: 0-2\n  huge_pages: false\n  memory_mb: 256\n  eal_args: [--no-pci]\n  mail_ports: [25, 2525]\n  flows: 4096\n"
        "  packets: 8192\n  held_packets: 128\n  held_packets_per_flow: 8\n  hold_ms: 500\n  refusals_per_session: 3\n  ignore_checksums: true\n"
        "  idle_sleep_us: 0\n  when_blind: reset\n  user: nobody\n  socket: dp.sock\n",
        "control": "control:\n  socket: c.sock\n  cache: ''\n  cache_entries: 3\n  compile_seconds: 9\n  compile_memory_mb: 128\n  watch: false\n"
        "events:\n  path: ''\n  clear_addresses: true\n  key_file: k\n  ring: 32\nsteering:\n  enabled: true\n  directory: d\n  heartbeat_ms: 50\n  drain_ms: 0\n",
        "exempt": "dataplane: {exempt: [192.0.2.0/24, '2001:db8::/32', 0.0.0.0/0, 1.2.3.4/33, '::1/0', '1.2.3.4/', mx.example]}\n",
        "ranges": "dataplane: {workers: 65, flows: 0, hold_ms: -1, packets: 0x400, memory_mb: 1e3, mail_ports: [0, 65536]}\n",
        "types": "dataplane: []\ncontrol: x\noperator: {}\nrules: [a]\n",
        "unknown": "operater: x\ndataplane: {worker: 1}\n? [a]\n: b\n",
        "twice": "rules: a\nrules: b\n",
        "anchors": "a: &a [*a]\ndataplane: &d {workers: 2}\ncontrol: *d\n",
        "alias": "operator: &o x\nrules: *o\n",
        "no-yaml": "\tx: [\n",
        "nul": 'operator: "a\\0b"\n',
        "documents": "---\nrules: a\n---\nrules: b\n",
        "block": "operator: |\n  two\n  lines\nrules: >-\n  folded\n  text\n",
        "null": "operator: ~\nrules:\ndataplane:\n",
        "tags": "operator: !!str 5\nrules: !x y\ndataplane: !!map {workers: !!int 3}\n",
    }
    write("settings", {name: text.encode() for name, text in texts.items()})


def requests():
    texts = ['{"cmd":"ping"}', '{"cmd":"stats"}', '{"cmd":"flows","limit":3}', '{"cmd":"events","limit":2}', '{"cmd":"rules"}', '{"cmd":"load"}',
             '{"cmd":"flows","limit":-1}', '{"cmd":"events","limit":9223372036854775807}', '{"cmd":"events","limit":"x"}', '{"cmd":5}', '{}', '[]', '',
             '{"cmd":"ping","cmd":"load"}', '{"cmd":"pi\\u0000ng"}', '{"cmd":"unknown"}', '{"cmd":"ping"} x', '[[[[[[[[', '"\xff"',
             '{"cmd":"steer"}', '{"cmd":"quarantine","entries":[{"address":"192.0.2.1"}]}',
             '{"cmd":"scope","mail_ports":[25,587],"exempt":["192.0.2.0/24","2001:db8::1"]}', '{"cmd":"scope","mail_ports":[],"exempt":["::/129"]}']
    seeds = {f"{i:02}": b"\0" + text.encode("latin-1") for i, text in enumerate(texts)}
    for name, marks in {"sealed": 1, "unsealed": 2, "cut": 5}.items():
        seeds["load-" + name] = bytes([marks]) + b'{"cmd":"load"}'
    write("requests", seeds)


def capture():
    def segment(src, dst, seq, ack, flags, payload=b""):
        head = struct.pack(">HHIIHHHH", src, dst, seq, ack, 5 << 12 | flags, 8192, 0, 0) + payload
        addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
        if dst != 25:
            addresses = addresses[4:] + addresses[:4]
        octets = addresses + struct.pack(">HH", 6, len(head)) + head + b"\0" * (len(head) % 2)
        total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
        total = (total & 0xFFFF) + (total >> 16)
        total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        head = head[:16] + struct.pack(">H", total) + head[18:]
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(head), 1, 0x4000, 64, 6, 0) + addresses + head

    def talk(lines):
        nxt = {"C": 1000, "S": 5000}
        frames = [segment(40000, 25, 999, 0, 2), segment(25, 40000, 4999, 1000, 0x12), segment(40000, 25, 1000, 5000, 0x10)]
        for line in lines:
            who, text = line[0], line[3:].encode()
            ports = (40000, 25) if who == "C" else (25, 40000)
            frames.append(segment(*ports, nxt[who], nxt["S" if who == "C" else "C"], 0x18, text))
            nxt[who] += len(text)
        return frames

    def pcap(link, frames, magic=0xA1B2C3D4, order="<", snap=65535):
        out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)
        for i, frame in enumerate(frames):
            out += struct.pack(order + "IIII", 1700000000 + i, i, min(len(frame), snap), len(frame)) + frame[:snap]
        return out

    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    def pcapng(link, frames):
        out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", link, 0, 65535))
        for i, frame in enumerate(frames):
            out += block(6, struct.pack("<IIIII", 0, 0, i, len(frame), len(frame)) + frame)
        return out

    hello = ["S: 220 mx ESMTP\r\n", "C: EHLO c\r\n", "S: 250 mx\r\n", "C: MAIL FROM:<a@example.com>\r\n", "S: 250 ok\r\n"]
    refused = talk(hello + ["C: RCPT TO:<x@army.ml>\r\n", "S: 250 ok\r\n", "C: RCPT TO:<x@drop.example>\r\n", "S: 250 ok\r\n"])
    short = talk(hello[:2])
    ether = [ethernet(f) for f in refused]
    seeds = {
        "ethernet": pcap(1, ether), "raw": pcap(101, refused), "ipv4": pcap(228, short), "null": pcap(0, [struct.pack("<I", 2) + f for f in short]),
        "cooked": pcap(113, [struct.pack(">HHH", 0, 1, 6) + bytes(8) + b"\x08\0" + f for f in short]),
        "cooked2": pcap(276, [struct.pack(">HHIHBB", 0x0800, 0, 2, 1, 0, 6) + bytes(8) + f for f in short]),
        "nanoseconds": pcap(1, ether[:4], 0xA1B23C4D), "big-endian": pcap(1, ether[:4], order=">"), "snapped": pcap(1, ether, snap=60),
        "other-link": pcap(105, short), "pcapng": pcapng(1, ether), "no-frames": pcap(1, []), "cut": pcap(1, ether)[:-20], "header-only": pcap(1, [])[:10],
    }
    seeds = {name: b"\0" + octets for name, octets in seeds.items()}
    seeds["any-port"] = b"\1" + pcap(1, ether)
    write("capture", seeds)


if __name__ == "__main__":
    headers()
    fragments()
    address()
    dialogue()
    pipeline()
    blob()
    rules()
    settings()
    requests()
    capture()
