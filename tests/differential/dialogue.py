# SPDX-License-Identifier: BSD-3-Clause
"""
Recorded dialogues as text, and what must hold for them. Lines of a dialogue, which ends with ".":

    # NUMBER
    C TEXT     octets of the client, with \\r \\n \\t \\\\ \\xNN as escapes
    S TEXT     octets of the server
    A TEXT     a recipient that the server accepted, as the server tells it
    B TEXT     a token that stood in a message text which the server took
"""

import re
import subprocess

from generate import TOKEN

ESCAPES = {0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t", 0x5C: "\\\\"}
ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")


def escape(octets):
    return "".join(ESCAPES.get(c) or (chr(c) if 0x20 <= c < 0x7F else f"\\x{c:02x}") for c in octets)


def unescape(text):
    names = {"r": "\r", "n": "\n", "t": "\t"}
    return ESCAPED.sub(lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" and len(m[1]) == 3 else names.get(m[1], m[1]), text).encode("latin-1")


def write_dialogue(out, number, events, facts=()):
    out.write("".join([f"# {number}\n", *(f"{who} {escape(octets)}\n" for who, octets in events),
                       *(f"{kind} {escape(what)}\n" for kind, what in facts), ".\n"]))


def read_dialogues(path):
    """Yields (title, [(kind, octets), ...])."""
    title, events = "", []
    with open(path) as lines:
        for line in lines:
            if line.startswith("."):
                yield title, events
                title, events = "", []
            elif line.startswith("# "):
                title = line[2:].strip()
            elif line[:2] in ("C ", "S ", "A ", "B "):
                events.append((line[0], unescape(line[2:].rstrip("\n"))))


class Reading:
    """What the box makes of a dialogue: the answer of dialogue_feed."""

    def __init__(self, lines):
        self.seen, self.blind, self.unpaired, self.open, self.cause = [], None, False, 0, ""
        for line in lines:
            word, *rest = line.split(" ")
            if word == "rcpt":
                self.seen.append((int(rest[0]), unescape(rest[1]) if rest[1] != "-" else b"", unescape(rest[2])))
            elif word in ("blind", "opaque"):
                self.blind, self.cause = int(rest[0]), " ".join(rest[1:]) or word
            elif word == "unpaired":
                self.unpaired = True
            elif word == "open":
                self.open = int(rest[0])


def feed(program, dialogues, piece=0):
    """The Reading of each dialogue."""
    text = []
    for title, events in dialogues:
        text.append("".join(f"{kind} {escape(octets)}\n" for kind, octets in events if kind in "CS") + ".\n")
    done = subprocess.run([str(program), str(piece)], input="".join(text), capture_output=True, text=True, check=True)
    readings, lines = [], []
    for line in done.stdout.splitlines():
        if line == ".":
            readings.append(Reading(lines))
            lines = []
        else:
            lines.append(line)
    return readings


def domain_of(recipient):
    """The canonical domain of a recipient as a server tells it."""
    domain = recipient.rpartition(b"@")[2].strip(b" \t<>").lower().rstrip(b".")
    try:
        domain.decode("ascii")
        return domain
    except UnicodeDecodeError:
        try:
            return ".".join(label.encode("idna").decode() for label in domain.decode().split(".")).encode()
        except UnicodeError:
            return domain


def faults(events, reading):
    """Sentences about what the box read otherwise than the server. Empty: all is well."""
    said = b"".join(octets for kind, octets in events if kind == "C")
    out = []
    accepted = set()
    for kind, what in events:
        if kind == "A":
            accepted.update(t.lower() for t in TOKEN.findall(what))
    for kind, what in events:
        tokens = [t.lower() for t in TOKEN.findall(what)]
        if not tokens:
            continue
        where = max(said.lower().find(t) for t in tokens)
        if reading.blind is not None and where >= reading.blind:
            continue
        seen = [s for s in reading.seen if any(t in s[2].lower() for t in tokens)]
        if kind == "A" and not seen:
            out.append(f"accepted, not seen: {escape(what)}")
        elif kind == "A":
            domain = domain_of(what)
            if b"@" in what and not any(s[1] == domain for s in seen) and not (domain.startswith(b"[") and any(s[1] == b"" for s in seen)):
                out.append(f"another domain: {escape(what)} seen as {[escape(s[1]) for s in seen]}")
            elif not any(s[0] // 100 in (0, 2) for s in seen) and not reading.unpaired and reading.blind is None:
                out.append(f"accepted, but its reply read as {[s[0] for s in seen]}: {escape(what)}")
        elif kind == "B" and seen:
            out.append(f"text for the server, seen as a command: {escape(what)}")
    if reading.blind is None and not reading.unpaired:
        for code, _, address in reading.seen:
            tokens = [t.lower() for t in TOKEN.findall(address)]
            if code // 100 == 2 and tokens and not accepted.intersection(tokens):
                out.append(f"its reply read as {code}, but not accepted: {escape(address)}")
    return out
