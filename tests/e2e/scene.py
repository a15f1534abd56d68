# SPDX-License-Identifier: BSD-3-Clause
"""The scene of the end-to-end tests: the lab with the box in the wire, a Postfix at both ends, mail to send."""

import hashlib
import itertools
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import network  # noqa: E402
from lab.box import Box  # noqa: E402
from lab.place import Place, run, wait_for  # noqa: E402
from lab.postfix import HOME, Postfix  # noqa: E402
from lab.smtp import talk  # noqa: E402

RULES = """\
rule r1 reject rcpt domain army.ml             means=army.mil
rule r2 reject rcpt domain navy.ml             means=navy.mil
rule r3 flag   rcpt domain airforce.ml         means=airforce.mil
rule r4 reject from domain contractro.example  means=contractor.example
allow   rcpt domain gouv.ml
"""

SENDER = f"alice@{HOME}"
NUMBERS = itertools.count(1)


class Scene:
    def __init__(self, **options):
        self.place = Place()
        self.set(**options)

    def set(self, rules=RULES, client=(), server=(), tagged=(), make_box=Box, mtu=1500, **box):
        """`client`, `server`: lines for their main.cf; the rest as connect() and Box take it. When it fails, nothing is left."""
        try:
            network.connect(self.place, mtu=mtu)
            for kind in tagged:
                network.connect_tagged(self.place, kind)
            self.box = make_box(self.place, rules, **box).start()
            self.client = Postfix(self.place, "client", settings=client).start()
            self.server = Postfix(self.place, "server", settings=server).start()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.place.remove()

    def submit(self, *recipients, sender=SENDER, body="Itinerary attached.\n", subject=None):
        """Gives a mail to the client's Postfix, which brings it through the box. Returns its subject, which is unique."""
        subject = subject or f"mail {next(NUMBERS)}"
        self.place.run("client", "swaks", "--silent", "2", "--server", "127.0.0.1", "--from", sender, "--to", ",".join(recipients),
                       "--h-Subject", subject, "--body", "-", input=body)
        return subject

    def direct(self, *recipients, sender=SENDER, options=(), kind="v4", subject=None):
        """swaks speaks to the server itself, through the box. Returns its transcript."""
        subject = subject or f"mail {next(NUMBERS)}"
        return self.place.run("client", "swaks", "--server", network.ADDRESS["server"][kind], "--from", sender, "--to",
                              ",".join(recipients), "--h-Subject", subject, *options, check=False).stdout

    def talk(self, *steps, kind="v4"):
        """EHLO, then the steps: (text, number of replies). Returns the replies after that to EHLO."""
        told = [{"send": "EHLO mx.client.example\r\n", "replies": 1}]
        told += [s if isinstance(s, dict) else {"send": s[0], "replies": s[1]} for s in steps]
        return talk(self.place, told, kind)[2:]

    def accepted(self, subject, recipient):
        return self.server.await_message(f"{subject} for {recipient} at the server",
                                         lambda m: m.subject == subject and m.recipient == recipient)

    def bounce(self, recipient, subject, home=None):
        """The report about `recipient` that the sender's mail server put into the sender's mailbox."""
        return (home or self.client).await_message(
            f"a bounce about {recipient}", lambda m: m.is_bounce and recipient in m.text and subject in m.octets.decode())

    def received(self, subject):
        """Recipients for which the server has the mail. Waits until the client has nothing left to send."""
        wait_for("the queues to drain", 40, lambda: self.client.idle() and self.server.idle(), 0.2)
        return sorted(m.recipient for m in self.server.messages() if m.subject == subject and not m.is_bounce)


class SceneTest(unittest.TestCase):
    """Tests that share one scene; what it said is shown when one of them fails."""

    scene_options = {}

    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(**cls.scene_options)

    @classmethod
    def tearDownClass(cls):
        cls.scene.close()

    def diagnosis(self):
        scene = self.scene
        parts = [scene.box.log()]
        parts += [f"--- {p.name}\n{p.read_log()[-3000:]}" for p in (scene.client, scene.server)]
        return "\n".join(parts)

    def assertRefused(self, text, domain, means):
        self.assertIn("550", text)
        self.assertRegex(text, rf"{domain}.*looks like a mistyped {means}".replace(".", r"\.").replace(r"\.*", ".*"))
        self.assertIn("Example Carrier", text)


def sha256(octets):
    return hashlib.sha256(octets).hexdigest()


__all__ = ["RULES", "SENDER", "Scene", "SceneTest", "network", "run", "sha256", "wait_for"]
