# SPDX-License-Identifier: BSD-3-Clause
"""
Mail from every client program to every server program, all at once: for each pair a good mail, one to a mistyped
address, and one to both. The outcomes are compared with what must be; the durations of the sessions are measured.
"""

import concurrent.futures
import json
import pathlib
import random
import string
import time

from lab import network, peers
from lab.box import Box
from lab.capture import Capture, durations
from lab.place import Place
from lab.sinks import Aiosmtpd, SmtpSink
from lab.tools import Tool

SUBMIT = pathlib.Path(peers.__file__).with_name("submit.py")
GOOD, TYPO = "ann@army.mil", "bob@army.ml"
# smtp-source makes its recipients by numbers before one address, down to none: a rule about such an address refuses it.
NUMBERED_TYPO = "2ann@army.mil"
RULES = f"""\
rule typo   reject rcpt domain  army.ml          means=army.mil
rule number reject rcpt address {NUMBERED_TYPO}  means=army.mil
"""
REFUSAL = "looks like a mistyped army.mil"

MTA_CLIENTS = ("postfix", "exim", "opensmtpd")
TOOLS = ("swaks", "msmtp", "curl", "aiosmtplib", "smtp-source")
# These give up the whole mail when one recipient is refused, whoever refuses, and say so; no option changes it.
ALL_OR_NONE = ("msmtp",)
PARTS = ("good", "typo", "mixed")


def text_of(size, seed):
    """Text of about `size` octets with the lines that are hard for a client."""
    r = random.Random(seed)
    lines = ["", ".", "..", ".dot", "RCPT TO:<x@army.ml>", "From here", "QUIT"]
    while sum(map(len, lines)) < size:
        lines.append("".join(r.choices(string.ascii_letters + string.digits + " .", k=r.randrange(0, 76))).strip())
    return "\n".join(lines) + "\nend\n"


class Exchange:
    """The lab of one round. `bridge`: a plain bridge in the box's place. `wire`, `mtu`: as network.connect() takes them."""

    def __init__(self, clients, servers, bridge=False, wire=(), mtu=1500, size=20000, seed=1):
        self.clients, self.servers, self.body = clients, servers, text_of(size, seed)
        self.place = Place()
        try:
            self._build(bridge, wire, mtu)
        except BaseException:
            self.place.remove()
            raise

    def _build(self, bridge, wire, mtu):
        place = self.place
        network.connect(place, wire, mtu)
        peers.connect_servers(place)
        self.box = network.Bridge(place) if bridge else Box(place, RULES).start()
        make = {
            "postfix": lambda: peers.postfix_server(place), "exim": lambda: peers.exim_server(place),
            "opensmtpd": lambda: peers.opensmtpd_server(place), "aiosmtpd": lambda: Aiosmtpd(place, "aiosmtpd", peers.SERVERS["aiosmtpd"]),
            "smtp-sink": lambda: SmtpSink(place, "smtp-sink", peers.SERVERS["smtp-sink"])}
        self.server = {name: make[name]().start() for name in self.servers}
        make = {"postfix": peers.postfix_client, "exim": peers.exim_client, "opensmtpd": peers.opensmtpd_client}
        self.client = {name: make[name](place).start() if name in make else Tool(place, name) for name in self.clients}
        self.words = {}  # what the tools said, by subject

    def close(self):
        self.place.remove()

    @staticmethod
    def recipients(client, part):
        typo = NUMBERED_TYPO if client == "smtp-source" and part == "mixed" else TYPO
        return {"good": [GOOD], "typo": [typo], "mixed": [GOOD, typo]}[part]

    @staticmethod
    def subject(client, server, part):
        return f"{part} {client} {server}"

    def message(self, client, server, part):
        sender = peers.sender_to(server)
        return (f"From: {sender}\nTo: list@example.org\nDate: Sat, 21 Nov 2026 12:00:00 +0000\n"
                f"Message-Id: <{part}.{client}.{server}@contractor.example>\nSubject: {self.subject(client, server, part)}\n\n{self.body}")

    def _send_by_tool(self, client, server):
        for part in PARTS:
            subject = self.subject(client, server, part)
            message = self.message(client, server, part)
            send = lambda to: self.client[client].send(peers.SERVERS[server], peers.sender_to(server), to, message)  # noqa: E731
            self.words[subject] = " ".join(send(self.recipients(client, part)).split())
            if part == "mixed" and client in ALL_OR_NONE and REFUSAL in self.words[subject]:
                send(self.recipients(client, "good"))  # what its user does next

    def _submit(self, client):
        mails = [(peers.sender_to(server), self.recipients(client, part), self.message(client, server, part))
                 for server in self.servers for part in PARTS]
        self.place.run("client", "/usr/bin/python3", SUBMIT, self.client[client].port, input=json.dumps(mails))

    def run(self, seconds, done):
        """Sends everything, waits until done(self) or the time is over. Returns the durations of the sessions in s."""
        with Capture(self.place, "client", name="sessions") as wire:
            end = time.monotonic() + seconds
            with concurrent.futures.ThreadPoolExecutor(64) as pool:
                jobs = [pool.submit(self._submit, c) for c in self.clients if c in MTA_CLIENTS]
                jobs += [pool.submit(self._send_by_tool, c, s) for c in self.clients if c in TOOLS for s in self.servers]
                for job in jobs:
                    job.result()
            while time.monotonic() < end and not done(self):
                self.retry()
                time.sleep(1)
        return sorted(durations(wire.path))

    def retry(self):
        if "opensmtpd" in self.client:
            self.client["opensmtpd"].retry()

    def arrived(self):
        """{subject: {recipient: body}}"""
        out = {}
        for server in self.server.values():
            for message in server.messages():
                for recipient in message.recipients:
                    out.setdefault(message.subject, {})[recipient.lower()] = message.body
        return out

    def refused(self):
        """{subject: all that the sender was told}"""
        out = dict(self.words)
        for name in MTA_CLIENTS:
            for message in self.client[name].messages() if name in self.client else ():
                words = " ".join(message.octets.decode("latin-1").split())
                for server in self.servers:
                    for part in PARTS:
                        if f"Subject: {self.subject(name, server, part)} " in words + " ":
                            out[self.subject(name, server, part)] = words
        return out

    def outcomes(self):
        """{(client, server): {part: "" or what is wrong}}"""
        arrived, refused, want = self.arrived(), self.refused(), self.body.encode().strip(b"\n")
        out = {}
        for client in self.clients:
            for server in self.servers:
                out[client, server] = cell = {}
                for part in PARTS:
                    subject = self.subject(client, server, part)
                    to = self.recipients(client, part)
                    bad = to[-1] if part != "good" else None
                    good = to[0] if part != "typo" else None
                    got, said = arrived.get(subject, {}), refused.get(subject, "")
                    wrong = []
                    if set(got) != ({good} if good else set()):
                        wrong.append(f"arrived for {sorted(got)}")
                    elif good and got[good].strip(b"\n") != want:
                        wrong.append("another body")
                    if bad and (REFUSAL not in said or bad.partition("@")[2] not in said):
                        wrong.append("the sender was not told")
                    if not bad and REFUSAL in said:
                        wrong.append("refused")
                    cell[part] = ", ".join(wrong)
        return out

    def well(self):
        return not any(any(cell.values()) for cell in self.outcomes().values())

    def everything_arrived(self):
        """Without a box: all recipients of all mails."""
        arrived = self.arrived()
        return all(set(self.recipients(c, p)) <= set(arrived.get(self.subject(c, s, p), ())) for c in self.clients
                   for s in self.servers for p in PARTS)

    def log(self):
        logs = [self.box.log()] if isinstance(self.box, Box) else []
        logs += [f"--- {peer.name}\n{peer.read_log()[-1500:]}" for peer in (*self.server.values(), *self.client.values()) if hasattr(peer, "read_log")]
        return "\n".join(logs)


def table(outcomes, clients, servers):
    """Markdown."""
    words = {"good": "identical", "typo": "bounced", "mixed": "split"}
    rows = ["| from \\ to | " + " | ".join(servers) + " |", "| --- |" + " --- |" * len(servers)]
    for client in clients:
        cells = []
        for server in servers:
            cell = outcomes[client, server]
            good = [("all or none" if part == "mixed" and client in ALL_OR_NONE else words[part]) if not cell[part] else f"**{part}: {cell[part]}**"
                    for part in PARTS]
            cells.append(", ".join(good))
        rows.append(f"| {client} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


__all__ = ["ALL_OR_NONE", "Exchange", "MTA_CLIENTS", "PARTS", "TOOLS", "table"]
