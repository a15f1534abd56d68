# SPDX-License-Identifier: BSD-3-Clause
"""The quarantine as the README has it: mail is held, released to the meant address, or bounced."""

import pathlib
import signal
import time

from redirect_scene import RedirectScene, RedirectTest
from scene import wait_for
from lab.postfix import MTA, Postfix
from lab.quarantine import ATTIC

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
