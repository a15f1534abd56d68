# SPDX-License-Identifier: BSD-3-Clause
"""The scene of the tests of redirection: a quarantine beside the server, and for swarms of clients sinks in place of both."""

import json
import pathlib
import random
import string
import subprocess
import sys
import time

from scene import SENDER, Scene, SceneTest, network, wait_for
from lab.box import Box
from lab.place import Place
from lab.postfix import Postfix
from lab.quarantine import ATTIC, LINK, QUARANTINE, connect_quarantine
from lab.sink_server import SINK, SinkServer

SWARM = SINK.with_name("swarm.py")

RULES = """\
rule r1 redirect rcpt domain army.ml  means=army.mil
rule r2 reject   rcpt domain navy.ml  means=navy.mil
"""

MAIL = f"MAIL FROM:<{SENDER}>\r\n"


def rcpt(address):
    return f"RCPT TO:<{address}>\r\n"


def body(octets, seed=1):
    text = "".join(random.Random(seed).choices(string.ascii_letters + string.digits + " .", k=octets))
    return "\n".join(text[i:i + 72] for i in range(0, len(text), 72)) + "\n"


class RedirectScene(Scene):
    """Scene, and a quarantine beside the server."""

    def __init__(self, quarantine=(), fallback="reject", setup_ms=10000, answer_s=300, make_attic=None, **options):
        self.attic_settings, self.make_attic = list(quarantine), make_attic
        self.quarantine = QUARANTINE.format(**ATTIC, fallback=fallback, setup_ms=setup_ms, answer_s=answer_s)
        own = ["192.0.2.2", "2001:db8::2", *(network.ADDRESS["server"][kind] for kind in options.get("tagged", ()))]
        super().__init__(rules=RULES, make_box=self.box_with_attic, server=[f"inet_interfaces = {', '.join(own)}"], **options)
        self.await_health()

    def box_with_attic(self, place, rules, **how):
        connect_quarantine(place)
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
        time.sleep(1.2)  # the dataplane is told within a second

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


class SwarmScene(RedirectScene):
    """The box between a swarm and two sinks."""

    def __init__(self, wire=(), **how):
        self.place = Place()
        network.connect(self.place, wire=wire)
        connect_quarantine(self.place)
        limits = {"setup_ms": 10000, "answer_s": 5, "fallback": "defer", **how}
        self.server = SinkServer(self.place, "server", ["192.0.2.2", "2001:db8::2"]).start()
        self.attic = SinkServer(self.place, "attic", [ATTIC["v4"], ATTIC["v6"]]).start()
        self.client = self.server
        for side in ("client", "server"):
            self.place.run(side, "sysctl", "-qw", "net.ipv4.tcp_max_syn_backlog=8192", "net.core.somaxconn=8192", check=False)
        self.box = Box(self.place, RULES, dataplane=QUARANTINE.format(**ATTIC, **limits)).start()
        self.await_health()

    def swarm(self, count, name, *recipients, pipeline=True, pace=0.0, octets=2000, seconds=300):
        process = self.place.start("client", sys.executable, SWARM, network.ADDRESS["server"]["v4"], count, name,
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
