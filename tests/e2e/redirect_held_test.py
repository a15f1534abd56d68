# SPDX-License-Identifier: BSD-3-Clause
"""
The quarantine as the README has it: mail is held, reviewed, released to the meant address, or bounced. Its blocks are
taken from there as they stand: the settings for main.cf, the commands for a shell that finds the quarantine's
configuration in /etc/postfix.
"""

import pathlib

from redirect_scene import RedirectScene, RedirectTest
from scene import wait_for
from lab.place import run
from lab.postfix import MTA, Postfix
from lab.quarantine import ATTIC

README = pathlib.Path(__file__).resolve().parents[2] / "control" / "quarantine" / "README.md"

# $1: what is laid over /etc, $2: what stands in /etc/postfix; then the command.
ENTER = """\
set -e
mount -t overlay held -o "ro,lowerdir=$1:/etc" /etc
mount --bind "$2" /etc/postfix
shift 2
exec "$@"
"""

# What the package has in its master.cf, and the lab has not.
SERVICES = """\
pickup unix n - n 1 1 pickup
showq unix n - n - - showq
relay unix - - n - - smtp
"""


def blocks():
    """The fenced blocks of the README by what they are for."""
    return dict(zip(("main.cf", "review", "release", "bounce", "deliver"), README.read_text().split("```")[1::2], strict=True))


class HeldPostfix(Postfix):
    """Sees its configuration in /etc/postfix, as a Postfix that was installed does."""

    def start(self):
        over = self.place.dir / "over-etc"
        (over / "postfix").mkdir(parents=True)
        self.process = self.place.start(
            self.side, "unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", over, self.dir / "conf",
            MTA / "postfix/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-s", log=f"{self.name}.out", env=self.environment)
        wait_for(f"{self.name} to listen", 20, self._listens)
        return self

    def shell(self, script):
        """Runs it as an operator would. Returns what it wrote."""
        tools = dict(self.environment, PATH=f"{MTA}/postfix/usr/sbin:{self.environment['PATH']}")
        return run("nsenter", f"--target={self.process.pid}", "--mount", "--net", "--root", "--", "sh", "-ec", script, env=tools).stdout


class HeldScene(RedirectScene):
    def postfix_attic(self, place):
        attic = HeldPostfix(place, "server", name="attic", settings=[
            "myhostname = attic.example", f"inet_interfaces = {ATTIC['v4']}, {ATTIC['v6']}", *blocks()["main.cf"].strip().splitlines()])
        conf = attic.dir / "conf"
        with open(conf / "master.cf", "a") as master:
            master.write(SERVICES)
        (conf / "released").touch()
        # Where the mail of the two domains goes, which the world would know by DNS.
        (conf / "reviewed").write_text("army.mil relay:[192.0.2.2]:25\narmy.ml relay:[192.0.2.2]:25\n")
        return attic

    def follow(self, block, queue_id=""):
        return self.attic.shell(blocks()[block].replace("ID", queue_id))

    def held(self, recipient):
        """The queue id of the held mail, from the box's event."""
        event = wait_for(f"the event of {recipient}", 20, lambda: next(
            (e for e in self.box.events() if e["event"] == "queued" and e["address"] == recipient), None))
        return event["answer"].split()[-1]


class Held(RedirectTest):
    scene_type = HeldScene

    def hold(self, recipient):
        subject = self.scene.submit(recipient)
        queue_id = self.scene.held(recipient)
        said = wait_for("the mail to be held", 20, lambda: (lambda out: f"{queue_id}!" in out and out)(self.scene.follow("review", queue_id)))
        self.assertIn(recipient, said)
        self.assertIn(f"Subject: {subject}", said)
        self.assertFalse([m for m in self.scene.server.messages() if m.subject == subject])
        return subject, queue_id

    def test_a_held_mail_is_released_to_the_meant_address(self):
        subject, queue_id = self.hold("bob@army.ml")
        self.scene.follow("release", queue_id)
        self.scene.accepted(subject, "bob@army.mil")
        self.assertEqual([m.recipient for m in self.scene.server.messages() if m.subject == subject], ["bob@army.mil"])

    def test_a_held_mail_is_bounced_with_our_text(self):
        subject, queue_id = self.hold("eve@army.ml")
        self.scene.follow("bounce", queue_id)
        bounce = self.scene.bounce("eve@army.ml", subject)
        self.assertIn("army.ml looks like a mistyped army.mil", bounce.text)

    def test_a_held_mail_is_delivered_as_it_was_addressed(self):
        subject, queue_id = self.hold("tim@army.ml")
        self.scene.follow("deliver", queue_id)
        self.scene.accepted(subject, "tim@army.ml")
