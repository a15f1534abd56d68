# SPDX-License-Identifier: BSD-3-Clause
"""
The action redirect: a flagged mail goes on at the quarantine, and the sender notices nothing. The quarantine has an
address of its own at the server's end of the wire; posternd sees it by a link of its own.
"""

import json
import pathlib
import random
import signal
import string
import subprocess
import sys
import time
import unittest

from scene import SENDER, Scene, SceneTest, network, sha256, wait_for
from lab.box import Box
from lab.place import Place
from lab.exim import Exim as EximClient
from lab.eximd import Exim as Eximd
from lab.opensmtpd import OpenSMTPD
from lab.postfix import MTA, Postfix

LAB = pathlib.Path(__file__).resolve().parents[1] / "lab"
ATTIC = {"v4": "192.0.2.3", "v6": "2001:db8::3"}
LINK = {"box": ("mg0", "198.18.0.1", "fd00:18::1"), "server": ("mg1", "198.18.0.2", "fd00:18::2")}

RULES = """\
rule r1 redirect rcpt domain army.ml  means=army.mil
rule r2 reject   rcpt domain navy.ml  means=navy.mil
"""

QUARANTINE = """\
quarantine:
  servers:
    - name: attic
      address: {v4}
      port: 25
    - name: attic6
      address: "{v6}"
      port: 25
  fallback: {fallback}
  check_s: 1
  setup_ms: {setup_ms}
  answer_s: {answer_s}
"""

MAIL = f"MAIL FROM:<{SENDER}>\r\n"


def rcpt(address):
    return f"RCPT TO:<{address}>\r\n"


def body(octets, seed=1):
    text = "".join(random.Random(seed).choices(string.ascii_letters + string.digits + " .", k=octets))
    return "\n".join(text[i:i + 72] for i in range(0, len(text), 72)) + "\n"


def connect_attic(place):
    """The quarantine's addresses at the server's end, and the way of the daemon to it."""
    for address, length in ((ATTIC["v4"], 24), (ATTIC["v6"], 64)):
        nodad = ("nodad",) if ":" in address else ()
        place.run("server", "ip", "address", "add", f"{address}/{length}", "dev", "sv0", *nodad)
    place.run("box", "ip", "link", "add", LINK["box"][0], "type", "veth", "peer", "name", LINK["server"][0], "netns",
              place.namespace("server"))
    for side, (name, v4, v6) in LINK.items():
        place.run(side, "ip", "link", "set", name, "up")
        place.run(side, "ip", "address", "add", f"{v4}/30", "dev", name)
        place.run(side, "ip", "address", "add", f"{v6}/64", "dev", name, "nodad")
    place.run("box", "ip", "route", "add", ATTIC["v4"], "via", LINK["server"][1])
    place.run("box", "ip", "-6", "route", "add", ATTIC["v6"], "via", LINK["server"][2])


class RedirectScene(Scene):
    """Scene, and a quarantine beside the server."""

    def __init__(self, quarantine=(), fallback="reject", setup_ms=10000, answer_s=300, make_attic=None, **options):
        self.attic_settings, self.make_attic = list(quarantine), make_attic
        self.quarantine = QUARANTINE.format(**ATTIC, fallback=fallback, setup_ms=setup_ms, answer_s=answer_s)
        own = ["192.0.2.2", "2001:db8::2", *(network.ADDRESS["server"][kind] for kind in options.get("tagged", ()))]
        super().__init__(rules=RULES, make_box=self.box_with_attic, server=[f"inet_interfaces = {', '.join(own)}"], **options)
        self.await_health()

    def box_with_attic(self, place, rules, **how):
        connect_attic(place)
        self.place = place
        self.attic = (self.make_attic or self.postfix_attic)(place)
        self.attic.start()
        return Box(place, rules, dataplane=self.quarantine, **how)

    def postfix_attic(self, place):
        return Postfix(place, "server", name="attic",
                       settings=[f"inet_interfaces = {ATTIC['v4']}, {ATTIC['v6']}", *self.attic_settings])

    def health(self):
        return {q["name"]: q["state"] for q in self.box.show("quarantine")["quarantines"]}

    def await_health(self, state="well", names=("attic",)):
        wait_for(f"the quarantine to be {state}", 20, lambda: all(self.health()[n] == state for n in names))
        time.sleep(0.2)

    def at_attic(self, subject, recipient=None):
        return self.attic.await_message(f"{subject} at the quarantine", lambda m: m.subject == subject
                                        and (recipient is None or m.recipient == recipient))

    def stored(self, subject):
        """Who has the mail, both servers: {name: [recipients]}."""
        wait_for("the queues to drain", 60, lambda: self.client.idle() and self.server.idle(), 0.2)
        return {name: sorted(m.recipient for m in mta.messages() if m.subject == subject and not m.is_bounce)
                for name, mta in (("server", self.server), ("attic", self.attic))}


class RedirectTest(SceneTest):
    scene_type = RedirectScene

    @classmethod
    def setUpClass(cls):
        cls.scene = cls.scene_type(**cls.scene_options)

    def diagnosis(self):
        shown = self.scene.box.postern("show", "quarantine", check=False)
        log = "\n".join(line for line in self.scene.attic.read_log().splitlines() if LINK["box"][1] not in line and LINK["box"][2] not in line)
        return super().diagnosis() + f"\n--- attic\n{log[-3000:]}\n{shown.stdout}{shown.stderr}"


class Redirect(RedirectTest):
    def assertAtAtticOnly(self, subject, recipient="bob@army.ml"):
        self.scene.at_attic(subject, recipient)
        self.assertEqual(self.scene.stored(subject), {"server": [], "attic": [recipient]})

    def test_a_flagged_mail_of_postfix_arrives_at_the_quarantine_byte_for_byte(self):
        text = body(200000)
        subject = self.scene.submit("bob@army.ml", body=text)
        message = self.scene.at_attic(subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))
        self.assertEqual(message.sender, SENDER)
        self.assertIn(network.ADDRESS["client"]["v4"], message.octets.decode())
        self.assertAtAtticOnly(subject)

    def test_the_server_logs_a_clean_end_and_no_mail(self):
        before = len(self.scene.server.read_log())
        self.assertAtAtticOnly(self.scene.submit("bob@army.ml"))
        wait_for("the server to log the end", 10, lambda: "disconnect from" in self.scene.server.read_log()[before:])
        said = self.scene.server.read_log()[before:]
        self.assertRegex(said, r"disconnect from .* ehlo=1 mail=1 rset=1 quit=1 commands=4")
        self.assertNotIn("lost connection", said)
        self.assertNotIn("client=", said)

    def test_swaks_without_pipelining(self):
        said = self.scene.direct("bob@army.ml", subject="swaks plain")
        self.assertIn("queued as", said)
        self.assertAtAtticOnly("swaks plain")

    def test_swaks_with_pipelining(self):
        said = self.scene.direct("bob@army.ml", options=["--pipeline"], subject="swaks pipelined")
        self.assertIn("queued as", said)
        self.assertAtAtticOnly("swaks pipelined")

    def test_the_event_names_the_quarantine_and_its_queue_id(self):
        self.assertAtAtticOnly(self.scene.submit("queue@army.ml"), "queue@army.ml")
        events = wait_for("the events", 10, lambda: [e for e in self.scene.box.events() if e.get("address") == "queue@army.ml"
                                                     and e["event"] == "queued"])
        self.assertEqual(events[0]["quarantine"], "attic")
        queue_id = events[0]["answer"].rpartition(" ")[2]
        self.assertIn(f"{queue_id}: ", self.scene.attic.read_log())

    def test_good_recipients_of_the_same_mail_arrive_at_the_server_and_nobody_is_lost(self):
        for recipients in (["ann@army.mil", "bob@army.ml", "carol@example.org"], ["bob@army.ml", "ann@army.mil", "carol@example.org"]):
            subject = self.scene.submit(*recipients)
            self.scene.at_attic(subject)
            self.scene.accepted(subject, "ann@army.mil")
            self.scene.accepted(subject, "carol@example.org")
            self.assertEqual(self.scene.stored(subject), {"server": ["ann@army.mil", "carol@example.org"], "attic": ["bob@army.ml"]})

    def test_a_refused_recipient_beside_a_redirected_one_is_refused(self):
        replies = self.scene.talk((MAIL + rcpt("b@army.ml") + rcpt("c@navy.ml") + rcpt("d@army.mil") + "DATA\r\n", 5),
                                  ("Subject: beside\r\n\r\nbody\r\n.\r\n", 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 550, 452, 354, 250, 221], replies)
        self.assertAtAtticOnly("beside", "b@army.ml")

    def test_the_next_mail_of_the_session_is_sent_to_a_session_of_its_own(self):
        replies = self.scene.talk((MAIL, 1), (rcpt("b@army.ml"), 1), ("DATA\r\n", 1), ("Subject: one of two\r\n\r\nbody\r\n.\r\n", 1),
                                  (MAIL, 1))
        self.assertEqual([r.code for r in replies], [250, 250, 354, 250, 421], replies)
        self.assertAtAtticOnly("one of two", "b@army.ml")

    def test_a_mail_in_bdat_chunks(self):
        chunk, last = "Subject: chunked\r\n\r\nRCPT TO:<x@army.ml>\r\n", "end\r\n"
        replies = self.scene.talk((MAIL + rcpt("b@army.ml"), 2), (f"BDAT {len(chunk)}\r\n{chunk}", 1),
                                  (f"BDAT {len(last)} LAST\r\n{last}", 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 250, 250, 221], replies)
        self.assertEqual(self.scene.at_attic("chunked").body, b"RCPT TO:<x@army.ml>\nend\n")
        self.assertAtAtticOnly("chunked", "b@army.ml")

    def test_a_body_of_10_mb(self):
        text = body(10 << 20, 2)
        subject = self.scene.submit("big@army.ml", body=text)
        message = self.scene.at_attic(subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))

    def test_show_quarantine_tells_state_and_capabilities(self):
        attic = self.scene.box.show("quarantine")["quarantines"][0]
        self.assertEqual((attic["name"], attic["state"]), ("attic", "well"))
        self.assertIn("PIPELINING", attic["capabilities"].split())
        self.assertIn("attic", self.scene.box.postern("show", "quarantine").stdout)

    def test_over_ipv6(self):
        subject = self.scene.submit("six@army.ml", sender="alice@v6.contractor.example")
        message = self.scene.at_attic(subject)
        self.assertIn(network.ADDRESS["client"]["v6"], message.octets.decode())
        self.assertAtAtticOnly(subject, "six@army.ml")


class SinkServer:
    """lab/sink.py where a mail server would be."""

    def __init__(self, place, name, addresses, **manners):
        self.place, self.name, self.addresses = place, name, addresses
        self.path = place.dir / f"{name}.mails"
        self.path.touch()
        self.manners = manners
        self.process = None

    def start(self, **manners):
        self.process = self.place.start("server", sys.executable, LAB / "sink.py", self.path, json.dumps(manners or self.manners),
                                        *self.addresses, log=f"{self.name}.log")
        wait_for(f"{self.name} to listen", 20, lambda: f"{self.addresses[0]}:25 " in self.place.run("server", "ss", "-Hltn").stdout)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def taken(self):
        """{name of a mail: [recipients, once for each time it was accepted]}"""
        found = {}
        for line in self.path.read_text().splitlines():
            name, *recipients = line.split()
            found.setdefault(name, []).extend(recipients)
        return found

    def read_log(self):
        return (self.place.dir / f"{self.name}.log").read_text()

    def idle(self):
        return True

    def messages(self):
        return []


class SwarmScene(RedirectScene):
    """The box between a swarm and two sinks."""

    def __init__(self, wire=(), **how):
        self.place = Place()
        network.connect(self.place, wire=wire)
        connect_attic(self.place)
        limits = {"setup_ms": 10000, "answer_s": 5, "fallback": "defer", **how}
        self.server = SinkServer(self.place, "server", ["192.0.2.2", "2001:db8::2"]).start()
        self.attic = SinkServer(self.place, "attic", [ATTIC["v4"], ATTIC["v6"]]).start()
        self.client = self.server
        for side in ("client", "server"):
            self.place.run(side, "sysctl", "-qw", "net.ipv4.tcp_max_syn_backlog=8192", "net.core.somaxconn=8192", check=False)
        self.box = Box(self.place, RULES, dataplane=QUARANTINE.format(**ATTIC, **limits)).start()
        self.await_health()

    def swarm(self, count, name, *recipients, pipeline=True, pace=0.0, octets=2000, seconds=300):
        process = self.place.start("client", sys.executable, LAB / "swarm.py", network.ADDRESS["server"]["v4"], count, name,
                                   "yes" if pipeline else "no", pace, octets, *recipients, log="swarm.log", stdout=subprocess.PIPE)
        return lambda: json.loads(process.communicate(timeout=seconds)[0])

    def account(self, told, crashes=False):
        """
        Compares what senders were told with who has what: {"server": N, "attic": N, "refused": N, "deferred": N}.
        A mail accepted twice, or accepted and told otherwise, is a fault; the latter may happen where a server is
        killed between the two.
        """
        server, attic = self.server.taken(), self.attic.taken()
        total = {"server": 0, "attic": 0, "refused": 0, "deferred": 0, "in doubt": 0}
        for name, recipients in told.items():
            for recipient, code in recipients.items():
                copies = (server.get(name, []).count(recipient), attic.get(name, []).count(recipient))
                if code == 250:
                    assert sum(copies) == 1, f"{name} for {recipient} was accepted, and is there {copies} times"
                    total["attic" if copies[1] else "server"] += 1
                elif sum(copies):
                    assert crashes, f"{name} for {recipient} ended with {code}, and is there {copies} times"
                    total["in doubt"] += 1
                else:
                    total["refused" if 500 <= code < 600 else "deferred"] += 1
        for name, recipients in server.items():
            assert not any(r.endswith("army.ml") for r in recipients), f"flagged at the server: {name} {recipients}"
        for name, recipients in attic.items():
            assert all(r.endswith("army.ml") for r in recipients), f"not flagged, at the quarantine: {name} {recipients}"
        return total


class Swarm(RedirectTest):
    scene_type = SwarmScene

    def setUp(self):
        if self.scene.attic.process.poll() is not None:
            self.scene.attic.start()
        self.scene.await_health()

    def count(self, told, **how):
        total = self.scene.account(told, **how)
        print(f"     {json.dumps(total)}", flush=True)
        return total

    def test_1000_sessions_at_once_are_redirected(self):
        total = self.count(self.scene.swarm(1000, "many", "u{}@army.ml")())
        # All of them on a machine with nothing else to do; where it is busy, some outlast the time for a hand-over.
        self.assertGreaterEqual(total["attic"], 900)
        self.assertEqual(total["attic"] + total["refused"] + total["deferred"], 1000)

    def test_1000_sessions_without_pipelining_and_mixed_recipients(self):
        told = self.scene.swarm(1000, "mixed", "u{}@army.ml", "g{}@army.mil", "v{}@army.ml", pipeline=False, pace=1)()
        self.assertEqual(self.count(told), {"server": 0, "attic": 2000, "refused": 0, "deferred": 1000, "in doubt": 0})

    def test_a_quarantine_killed_and_started_again_in_the_middle(self):
        done = self.scene.swarm(1000, "killed", "u{}@army.ml", pace=6, octets=20000)
        time.sleep(2)
        self.scene.attic.kill()
        time.sleep(2)
        self.scene.attic.start()
        total = self.count(done(), crashes=True)
        self.assertGreater(total["attic"], 100)
        self.assertEqual(sum(total.values()), 1000)

    def test_a_quarantine_that_is_stopped_in_the_middle(self):
        done = self.scene.swarm(300, "frozen", "u{}@army.ml", pace=4, octets=20000)
        time.sleep(2)
        self.scene.attic.process.send_signal(signal.SIGSTOP)
        told = done()
        self.scene.attic.process.send_signal(signal.SIGCONT)
        time.sleep(3)
        total = self.count(told, crashes=True)
        self.assertGreater(total["attic"], 50)
        self.assertGreater(total["deferred"], 50)

    def with_manners(self, name, **manners):
        self.scene.attic.kill()
        self.scene.attic.start(**manners)
        self.scene.await_health()
        time.sleep(1.5)
        self.scene.await_health()  # a look in between may have found it slow
        told = self.scene.swarm(200, name, "u{}@army.ml")()
        self.scene.attic.kill()
        return self.count(told)

    def test_a_slow_quarantine(self):
        self.assertEqual(self.with_manners("slow", slow=1.5)["attic"], 200)

    def test_a_full_quarantine(self):
        self.assertEqual(self.with_manners("full", mail="452 4.3.1 full")["deferred"], 200)

    def test_a_quarantine_with_fewer_extensions(self):
        self.assertEqual(self.with_manners("fewer", hello=["PIPELINING"])["deferred"], 200)
        self.assertGreaterEqual(self.scene.box.total("redirect_unfit"), 200)

    def test_a_quarantine_that_refuses_the_recipient(self):
        self.assertEqual(self.with_manners("refuses", rcpt="550 5.1.1 no")["refused"], 200)

    def test_no_quarantine_at_all(self):
        self.scene.attic.kill()
        self.scene.await_health("ill")
        total = self.count(self.scene.swarm(200, "none", "u{}@army.ml")())
        self.assertEqual(total["deferred"], 200)
        self.assertGreater(self.scene.box.total("redirect_none"), 0)


BAD_WIRE = ("loss=5", "reorder=25", "delay=50")


class BadLine(RedirectTest):
    """50 ms each way, 5 % lost, 25 % overtaking, between the clients and the box and between the box and the servers."""

    scene_type = SwarmScene
    scene_options = {"wire": BAD_WIRE, "setup_ms": 30000, "answer_s": 100}

    def test_mails_on_a_line_that_loses_delays_and_reorders(self):
        for pipeline in (True, False):
            told = self.scene.swarm(40, f"bad-{pipeline}", "u{}@army.ml", "g{}@army.mil", pipeline=pipeline, octets=100000, pace=5)()
            total = self.scene.account(told, crashes=True)
            print(f"     {json.dumps(total)}", flush=True)
            self.assertGreaterEqual(total["attic"], 36)
            self.assertEqual(total["server"], 0)

README = pathlib.Path(__file__).resolve().parents[2] / "control" / "quarantine" / "README.md"


def blocks():
    """The fenced blocks of the README: main.cf, release, bounce."""
    return [part.strip().splitlines() for part in README.read_text().split("```")[1::2]]


class HeldScene(RedirectScene):
    """A quarantine as the README has it."""

    def command(self, name, *arguments):
        """A command of the quarantine, which is where its addresses are."""
        return self.place.run("server", MTA / "postfix/usr/sbin" / name, "-c", self.attic.dir / "conf", *arguments,
                              env=self.attic.environment, check=False)

    def postfix_attic(self, place):
        conf = place.dir / "attic" / "conf"
        attic = Postfix(place, "server", name="attic", settings=[
            "myhostname = attic.example", f"inet_interfaces = {ATTIC['v4']}, {ATTIC['v6']}", *(line.replace("/etc/postfix", str(conf)) for line in blocks()[0])])
        with open(conf / "master.cf", "a") as master:
            master.write("pickup unix n - n 1 1 pickup\nrelay unix - - n - - smtp\n")
        (conf / "released").touch()
        (conf / "reviewed").write_text("army.mil relay:[192.0.2.2]:25\n")
        return attic

    def held(self, subject):
        """The queue id of a held mail."""
        def find():
            for entry in (self.attic.dir / "queue" / "hold").rglob("*"):
                if entry.is_file() and subject in self.command("postcat", "-q", entry.name).stdout:
                    return entry.name
            return None
        return wait_for(f"{subject} to be held", 20, find)

    def follow(self, block, queue_id):
        """Does what a block of the README says."""
        for line in blocks()[block]:
            if line.startswith("echo "):
                text, _, path = line[5:].partition(" >> ")
                with open(path.replace("/etc/postfix", str(self.attic.dir / "conf")), "a") as out:
                    out.write(text.strip('"') + "\n")
            elif line == "postfix reload":  # what the script of that name does in the end
                self.attic.process.send_signal(signal.SIGHUP)
                time.sleep(1)
            else:
                name, *arguments = line.replace("ID", queue_id).split()
                done = self.command(name, *arguments)
                assert done.returncode == 0, done.stderr


class Held(RedirectTest):
    scene_type = HeldScene

    def test_a_held_mail_is_released_to_the_meant_address(self):
        subject = self.scene.submit("bob@army.ml")
        queue_id = self.scene.held(subject)
        self.assertEqual(self.scene.server.messages(), [])
        self.scene.follow(1, queue_id)
        self.scene.accepted(subject, "bob@army.mil")

    def test_a_held_mail_is_bounced_with_our_text(self):
        subject = self.scene.submit("eve@army.ml")
        self.scene.follow(2, self.scene.held(subject))
        bounce = self.scene.bounce("eve@army.ml", subject)
        self.assertIn("army.ml looks like a mistyped army.mil", bounce.text)


def recipient_of(message):
    return next((str(message.mail[name]) for name in ("Envelope-to", "Delivered-To", "X-Original-To") if message.mail[name]), "")


class PeerScene(RedirectScene):
    """Another server, another quarantine."""

    def __init__(self, make_server=None, **how):
        super().__init__(**how)
        if make_server:
            self.server.stop()
            self.server = make_server(self.place).start()


class Peers(RedirectTest):
    """Postfix and Exim send to Exim; the quarantine is an OpenSMTPD, which offers neither PIPELINING nor CHUNKING."""

    scene_type = PeerScene
    scene_options = {"make_attic": lambda place: OpenSMTPD(place, "server", ATTIC["v4"], name="attic"),
                     "make_server": lambda place: Eximd(place, "server", network.ADDRESS["server"]["v4"],
                                                        settings=["chunking_advertise_hosts ="])}

    def arrives(self, subject, attic, server):
        for mta, wanted in ((self.scene.attic, attic), (self.scene.server, server)):
            wait_for(f"{subject} for {wanted} at {mta.name}", 40, lambda: sorted(
                recipient_of(m) for m in mta.messages() if m.subject == subject) == wanted)

    def test_a_mail_of_postfix_with_good_and_flagged_recipients(self):
        text = body(100000)
        subject = self.scene.submit("ann@army.mil", "bob@army.ml", "carol@example.org", body=text)
        self.arrives(subject, ["bob@army.ml"], ["ann@army.mil", "carol@example.org"])
        message = next(m for m in self.scene.attic.messages() if m.subject == subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))

    def test_a_mail_of_exim(self):
        exim = EximClient(self.scene.place)
        exim.send("of exim", body(50000), SENDER, "bob@army.ml")
        self.arrives("of exim", ["bob@army.ml"], [])

    def test_swaks(self):
        for n, options in enumerate(([], ["--pipeline"])):
            self.scene.direct("bob@army.ml", options=options, subject=f"peer {n}")
            self.arrives(f"peer {n}", ["bob@army.ml"], [])


class OtherPeers(Peers):
    """OpenSMTPD is the server, Postfix the quarantine."""

    scene_options = {"make_server": lambda place: OpenSMTPD(place, "server", network.ADDRESS["server"]["v4"])}


class Tagged(RedirectTest):
    scene_options = {"tagged": ("vlan", "qinq")}

    def test_inside_tags(self):
        for kind, address in (("vlan", "198.51.100.3"), ("qinq", "203.0.113.3")):
            self.scene.place.run("server", "ip", "address", "add", f"{address}/24", "dev", kind)
            # The quarantine's own address is reached by the same next hop; its answers go back inside the tags.
            self.scene.place.run("server", "ip", "rule", "add", "from", ATTIC["v4"], "to", network.ADDRESS["client"][kind], "table", "100")
            self.scene.place.run("server", "ip", "route", "replace", network.ADDRESS["client"][kind], "dev", kind, "table", "100")
            subject = self.scene.submit("tag@army.ml", sender=f"alice@{kind}.contractor.example")
            message = self.scene.at_attic(subject)
            self.assertIn(network.ADDRESS["client"][kind], message.octets.decode())
            self.assertEqual(self.scene.stored(subject), {"server": [], "attic": ["tag@army.ml"]})


class Speed(RedirectTest):
    scene_type = SwarmScene

    def seconds(self, recipient, name):
        began = time.monotonic()
        told = self.scene.swarm(1, name, recipient, octets=100 << 20)()
        self.assertEqual(list(next(iter(told.values())).values()), [250])
        return time.monotonic() - began

    def test_a_redirected_session_is_as_fast_as_an_untouched_one(self):
        runs = [(self.seconds("g@army.mil", f"plain-{n}"), self.seconds("u@army.ml", f"moved-{n}")) for n in range(5)]
        plain, moved = (min(r[i] for r in runs) for i in (0, 1))  # whatever else the machine does only adds
        print(f"     100 MiB untouched {plain:.2f} s, redirected {moved:.2f} s ({moved / plain - 1:+.1%})", flush=True)
        self.assertLess(moved, plain * 1.1)

    def waves(self, name):
        for n in range(5):
            self.scene.swarm(500, f"{name}-{n}", "u{}@army.ml")()
        time.sleep(8)

    def test_the_memory_of_the_dataplane_returns_to_its_level(self):
        self.waves("warm")  # the pools have touched as much of their memory then as they will
        before, free = self.scene.box.resident_kb(), self.scene.box.show("stats")["packets"]["free"]
        self.waves("again")
        print(f"     {self.scene.box.resident_kb() - before} kB more after 2,500 redirected sessions", flush=True)
        self.assertLess(self.scene.box.resident_kb() - before, 1024)
        self.assertGreater(self.scene.box.show("stats")["packets"]["free"], free - 300)
