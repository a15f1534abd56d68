# SPDX-License-Identifier: BSD-3-Clause
"""
Redirection between real mail programs: every client to every server, in each of six ways, beside a quarantine of
each kind. Of each cell two mails: one with a flagged recipient, and one with a good one beside it. What arrived where
is compared octet by octet, and each server's log is read for how the moved sessions ended for it.

Everything is built once; a round has one kind of quarantine and one kind of wire.
"""

import collections
import concurrent.futures
import hashlib
import json
import pathlib
import re
import sys
import time

import logs
from exchange import text_of
from redirect_scene import RULES
from lab import network
from lab.box import Box
from lab.client import __file__ as CLIENT
from lab.eximd import Exim
from lab.opensmtpd import OpenSMTPD
from lab.place import Place, wait_for
from lab.postfix import HOME, RECIPIENT_HEADERS, Postfix
from lab.quarantine import LINK, add_addresses, bar_way, connect_quarantine, show_way

SUBMIT = pathlib.Path(CLIENT).with_name("submit.py")
CLIENTS, SERVERS, QUARANTINES = ("postfix", "exim", "swaks"), ("postfix", "exim", "opensmtpd"), ("postfix", "opensmtpd")
WAYS = ("pipelining", "lockstep", "bdat", "ipv6", "vlan", "large")
PARTS = ("flagged", "mixed")
HOST = {"postfix": 2, "exim": 12, "opensmtpd": 13}
AT = {"postfix": ("192.0.2.3", "2001:db8::3"), "opensmtpd": ("192.0.2.4", "2001:db8::4")}
CLEAN = ("delay=0",)

SETTINGS = """\
quarantine:
  servers:
{servers}
  fallback: defer
  check_s: 1
  setup_ms: 60000
"""


class Cell(collections.namedtuple("Cell", "client server way")):
    @property
    def sender(self):
        return f"alice@{self.way}.{self.server}.{HOME}"

    @property
    def address(self):
        """
        The server listens at one address for each way: it offers PIPELINING at all but `lockstep`, and CHUNKING at `bdat` only.
        OpenSMTPD offers neither.
        """
        host = HOST[self.server]
        return {"lockstep": f"192.0.2.{host + 100}", "bdat": f"192.0.2.{host + 200}", "ipv6": f"2001:db8::{host}",
                "vlan": f"198.51.100.{host}"}.get(self.way, f"192.0.2.{host}")

    def name(self, part, number):
        return f"{part}.{self.client}.{self.server}.{self.way}.{number}"

    def promises_more_than(self, quarantine):
        return self.way == "bdat" and self.server != "opensmtpd" and quarantine == "opensmtpd"


ALL = [Cell(c, s, w) for c in CLIENTS for s in SERVERS for w in WAYS]


def addresses_of(server):
    found = [Cell("", server, way).address for way in WAYS]
    return list(dict.fromkeys(found))


def postfix_server(place):
    plain, chunks = (Cell("", "postfix", way).address for way in ("lockstep", "bdat"))
    own = [a for a in addresses_of("postfix") if a not in (plain, chunks)]
    server = Postfix(place, "server", name="postfix", settings=(
        f"inet_interfaces = {', '.join(own)}", "smtpd_discard_ehlo_keywords = chunking", "smtpd_client_port_logging = yes",
        "smtpd_client_connection_count_limit = 0"))
    with open(server.dir / "conf" / "master.cf", "a") as master:
        master.write(f"{plain}:25 inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=chunking,pipelining\n"
                     f"{chunks}:25 inet n - n - - smtpd -o smtpd_discard_ehlo_keywords=\n")
    return server


def exim_server(place):
    first, *more = addresses_of("exim")
    plain, chunks = (Cell("", "exim", way).address for way in ("lockstep", "bdat"))
    return Exim(place, "server", first, name="exim", more=more, log="+smtp_connection +smtp_incomplete_transaction +incoming_port",
                settings=(f"chunking_advertise_hosts = ${{if eq{{$received_ip_address}}{{{chunks}}}{{*}}{{}}}}",
                          f"pipelining_advertise_hosts = ${{if eq{{$received_ip_address}}{{{plain}}}{{}}{{*}}}}"))


def opensmtpd_server(place):
    first, *more = addresses_of("opensmtpd")
    return OpenSMTPD(place, "server", first, name="opensmtpd",
                     settings=[f"listen on {address} port 25 hostname opensmtpd.example" for address in more])


def routes():
    return {cell.sender.partition("@")[2]: cell.address for cell in ALL}


def postfix_client(place):
    # Of two mails that are under way at once it caches a session, and closes it without QUIT 2 s later: no fault of the box.
    client = Postfix(place, "client", name="from-postfix", port=2501, settings=(
        "inet_interfaces = 127.0.0.1", "smtp_connection_cache_on_demand = no", f"virtual_mailbox_domains = {' '.join(routes())}",
        f"sender_dependent_relayhost_maps = texthash:{place.dir}/from-postfix/conf/relays"))
    (client.dir / "conf" / "relays").write_text("".join(f"@{domain} [{address}]:25\n" for domain, address in routes().items()))
    return client


def exim_client(place):
    targets = {domain: f'"<; {address}"' if ":" in address else address for domain, address in routes().items()}
    return Exim(place, "client", "127.0.0.1", targets, name="from-exim", mine=f"*.{HOME}", port=2502)


class Matrix:
    def __init__(self):
        self.text = {"small": text_of(20000, 1), "large": "".join(text_of(10 << 12, n) for n in range(256))}
        self.number, self.seen, self.words, self.sums = 0, {}, {}, {}
        self.place = Place()
        try:
            self._build(self.place)
        except BaseException:
            self.place.remove()
            raise

    def close(self):
        self.place.remove()

    def _build(self, place):
        self.wires = network.connect(place, wire=CLEAN)
        network.connect_tagged(place, "vlan")
        connect_quarantine(place, [a for both in AT.values() for a in both])
        for server in SERVERS:
            for address in addresses_of(server):
                if address not in network.ADDRESS["server"].values():
                    add_addresses(place, [address], "vlan" if address.startswith("198.") else "sv0")
        place.run("server", "ip", "route", "add", network.ADDRESS["client"]["vlan"], "dev", "vlan", "table", "100")
        for address, _ in AT.values():  # answers of a quarantine to a client behind tags
            place.run("server", "ip", "rule", "add", "from", address, "to", network.ADDRESS["client"]["vlan"], "table", "100")
        self.quarantine = {
            "postfix": Postfix(place, "server", name="attic", settings=(
                f"inet_interfaces = {', '.join(AT['postfix'])}", "smtpd_client_connection_count_limit = 0")).start(),
            "opensmtpd": OpenSMTPD(place, "server", AT["opensmtpd"][0], name="loft",
                                   settings=[f"listen on {AT['opensmtpd'][1]} port 25 hostname loft.example"]).start()}
        self.server = {"postfix": postfix_server(place).start(), "exim": exim_server(place).start(),
                       "opensmtpd": opensmtpd_server(place).start()}
        self.client = {"postfix": postfix_client(place).start(), "exim": exim_client(place).start()}
        entries = [f'    - {{ name: {self.quarantine[kind].name}{n + 1}, address: "{a}", port: 25 }}'
                   for kind in QUARANTINES for n, a in enumerate(AT[kind])]
        self.box = Box(place, RULES, dataplane=SETTINGS.format(servers="\n".join(entries))).start()

    # ---- rounds ----

    def choose(self, quarantine, wire=CLEAN):
        """The quarantine and the wire of the next round."""
        for side, process in self.wires.items():
            process.kill()
            process.wait()
            self.wires[side] = network.start_wire(self.place, side, wire, 2 + (side == "server"))
        for kind, addresses in AT.items():
            for address in addresses:
                (show_way if kind == quarantine else bar_way)(self.place, address)
        wanted = {f"{self.quarantine[kind].name}{n + 1}": kind == quarantine for kind in QUARANTINES for n in range(2)}
        wait_for("the quarantines to be as wanted", 20, lambda: wanted == {
            q["name"]: q["state"] == "well" for q in self.box.show("quarantine")["quarantines"]}, 0.2)
        time.sleep(1.2)  # the dataplane is told within a second
        self.kind = quarantine
        self.number += 1

    def run(self, cells, seconds):
        """Sends the mails of these cells and waits for them. Returns {cell: "" or what is wrong}."""
        self.cells = cells
        self.began = {name: len(server.read_log()) for name, server in self.server.items()}
        self.events_before = len(self.box.events())
        end = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            jobs = [pool.submit(self._submit, client, [c for c in cells if c.client == client]) for client in self.client]
            jobs += [pool.submit(self._speak, cell, part, end) for cell in cells if cell.client == "swaks" for part in PARTS]
            for job in jobs:
                job.result()
        while time.monotonic() < end and any(self.outcome().values()):
            time.sleep(0.5)
        return self.outcome()

    def message(self, cell, part):
        """`mixed` has the flagged recipient first for every other way."""
        text = self.text["large" if cell.way == "large" else "small"]
        return (f"X-Name: {self.name(cell, part)}\nFrom: {cell.sender}\nTo: list@example.org\nDate: Sat, 21 Nov 2026 12:00:00 +0000\n"
                f"Message-Id: <{self.name(cell, part)}@contractor.example>\nSubject: {part}\n\n{text}")

    def checksum(self, cell, part):
        name = self.name(cell, part)
        if name not in self.sums:
            self.sums[name] = hashlib.sha256(self.message(cell, part).encode()).hexdigest()
        return self.sums[name]

    def name(self, cell, part):
        return cell.name(part, self.number)

    def recipients(self, cell, part):
        flagged, good = f"{self.name(cell, part)}@army.ml", f"{self.name(cell, part)}@army.mil"
        if part == "flagged":
            return [flagged]
        return [flagged, good] if WAYS.index(cell.way) % 2 else [good, flagged]

    def _submit(self, client, cells):
        for cell in cells:
            mails = [(cell.sender, self.recipients(cell, part), self.message(cell, part)) for part in PARTS]
            self.place.run("client", sys.executable, SUBMIT, self.client[client].port, input=json.dumps(mails))

    def _speak(self, cell, part, end):
        """A user who tries again what was put off."""
        left, said = self.recipients(cell, part), []
        speak = self._chunks if cell.way == "bdat" and cell.server != "opensmtpd" else self._swaks
        while left and time.monotonic() < end:
            ended, words = speak(cell, part, left)
            said.append(words)
            left = [r for r, done in ended.items() if not done]
            if cell.promises_more_than(self.kind) and all(r.endswith("army.ml") for r in left):
                break
            time.sleep(0.2)
        self.words[self.name(cell, part)] = "\n".join(said)

    def _swaks(self, cell, part, recipients):
        """{recipient: whether a server has the mail}, transcript"""
        file = self.place.dir / f"{self.name(cell, part)}.eml"
        if not file.exists():
            file.write_text(self.message(cell, part).removesuffix("\n"))  # swaks puts one there itself
        address = f"[{cell.address}]" if cell.way == "ipv6" else cell.address
        said = self.place.run("client", "swaks", "--server", address, "--timeout", 300, "--from", cell.sender, "--to", ",".join(recipients),
                              *(["--pipeline"] if cell.way == "pipelining" else []), "--data", f"@{file}", check=False,
                              timeout=900).stdout
        lines = [line for line in said.splitlines() if line[:3] in ("<- ", "<**", " ~>", " ->") and len(line) < 300]
        answers = [line.split()[1] for line in lines if line[0] == "<" and line[7:8] != "-"]
        return logs.swaks_ended(answers, recipients), "\n".join(lines)

    def _chunks(self, cell, part, recipients):
        """In two chunks, the commands in one go as RFC 2920 has it."""
        text = self.message(cell, part).replace("\n", "\r\n")
        first, rest = text[:len(text) // 2], text[len(text) // 2:]
        steps = [("EHLO chunks.example\r\n", 1),
                 (f"MAIL FROM:<{cell.sender}>\r\n" + "".join(f"RCPT TO:<{r}>\r\n" for r in recipients), 1 + len(recipients)),
                 (f"BDAT {len(first)}\r\n{first}", 1), (f"BDAT {len(rest)} LAST\r\n{rest}", 1), ("QUIT\r\n", 1)]
        said = self.place.run("client", sys.executable, CLIENT, cell.address, 25, timeout=900,
                              input=json.dumps([{"send": send, "replies": n} for send, n in steps])).stdout
        answers = [reply[:3] for reply in json.loads(said)]
        return logs.chunks_ended(answers, recipients), said

    # ---- what came of it ----

    def mails(self, server):
        """{name: [(recipient, checksum), ...]} of this round. A mail is read once, and not kept."""
        seen = self.seen.setdefault(server.name, {})
        for path in (server.inbox / "new").iterdir() if (server.inbox / "new").is_dir() else ():
            if path.name not in seen:
                seen[path.name] = read_mail(path.read_bytes())
                path.write_bytes(b"")
        found = {}
        for name, recipient, octets in seen.values():
            if name.endswith(f".{self.number}"):
                found.setdefault(name, []).append((recipient, octets))
        return found

    def outcome(self):
        at = self.mails(self.quarantine[self.kind])
        elsewhere = [self.mails(q) for kind, q in self.quarantine.items() if kind != self.kind]
        servers = {name: self.mails(server) for name, server in self.server.items()}
        events, out = self.events(), {}
        for cell in self.cells:
            wrong = []
            for part in PARTS:
                name = self.name(cell, part)
                octets = self.checksum(cell, part)
                flagged, good = ([(r, octets) for r in self.recipients(cell, part) if r.endswith(end)] for end in (".ml", ".mil"))
                put_off = cell.promises_more_than(self.kind)
                wrong += differs(f"{part} at the quarantine", at.get(name, []), [] if put_off else flagged)
                wrong += differs(f"{part} at the server", servers[cell.server].get(name, []), good)
                others = elsewhere + [mails for server, mails in servers.items() if server != cell.server]
                wrong += [f"{part} elsewhere" for mails in others if name in mails]
                wrong += self.told(part, events.get(flagged[0][0], []), put_off)
            out[cell] = "; ".join(wrong)
        return out

    def events(self):
        """{address: its events} of this round"""
        found = {}
        for event in self.box.events()[self.events_before:]:
            found.setdefault(event.get("address"), []).append(event)
        return found

    def told(self, part, events, put_off):
        """The events of a flagged recipient name the quarantine, and the id under which it has the mail."""
        if put_off:
            return [] if any(e["verdict"] == "defer" for e in events) else [f"{part}: no event of a deferral"]
        quarantine = self.quarantine[self.kind]
        # One without an answer is of a session that a gap on the wire has ended: its client came again.
        queued = [e for e in events if e["event"] == "queued" and e.get("answer")]
        if len(queued) != 1 or not queued[0]["quarantine"].startswith(quarantine.name):
            return [f"{part}: {len(queued)} events of its arrival"]
        return [] if logs.has_queue_id(self.kind, quarantine.read_log(), queued[0]["answer"]) else [f"{part}: event without queue id"]

    def moved(self, server):
        """The client's port of each session that left this server in this round."""
        addresses = [f"[{a}]" if ":" in a else a for a in addresses_of(server)]
        flows = [e["flow"].split(" > ") for events in self.events().values() for e in events
                 if e["event"] == "rcpt" and e.get("verdict") == "redirect"]
        return [client.rpartition(":")[2] for client, to in flows if to.rpartition(":")[0] in addresses]

    def faults_of_logs(self, seconds=60):
        """What the servers' logs of this round hold against us: {server: [faults]}."""
        def look():
            return {name: logs.faults(name, server.read_log()[self.began[name]:], self.moved(name), self.mail_count(name))
                    for name, server in self.server.items()}
        first, end = look(), time.monotonic() + seconds

        def lasting():
            """A session may always be under way, of a mail that is sent again; but no longer than all this."""
            return {name: [f for f in found if f in first[name] or not logs.is_open(f)] for name, found in look().items()}
        while any(lasting().values()) and time.monotonic() < end:
            time.sleep(1)
        return lasting()

    def mail_count(self, server):
        return sum(len(copies) for copies in self.mails(self.server[server]).values())

    def log(self):
        peers = (*self.server.values(), *self.client.values(), *self.quarantine.values())
        logs_of = [f"--- {p.name}\n{quiet(p.read_log())[-2500:]}" for p in peers]
        return "\n".join([self.box.log(), *logs_of])


def quiet(log):
    """Without the looks of the daemon at the quarantine."""
    return "\n".join(line for line in log.splitlines() if LINK["box"][1] not in line and LINK["box"][2] not in line)


def differs(where, found, wanted):
    if sorted(found) == sorted(wanted):
        return []
    if sorted(r for r, _ in found) == sorted(r for r, _ in wanted):
        return [f"{where}: other octets"]
    return [f"{where}: {sorted(r for r, _ in found)}"]


def read_mail(octets):
    """Name, recipient and checksum of a mail, from its first own line to its end."""
    head, _, own = octets.partition(b"\nX-Name: ")
    own = b"X-Name: " + own
    recipient = next((m.group(1).decode().lower() for h in RECIPIENT_HEADERS
                      if (m := re.search(rb"^%s:\s*<?([^>\s]+)" % h.encode(), head, re.M | re.I))), "")
    return own.split(b"\n", 1)[0][8:].decode(), recipient, hashlib.sha256(own).hexdigest()
