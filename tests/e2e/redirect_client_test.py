# SPDX-License-Identifier: BSD-3-Clause
"""A quarantine is told who the client is, and where the mail was to go: XCLIENT and XFORWARD, with a real Postfix."""

from redirect_scene import RedirectScene, RedirectTest
from scene import network, wait_for


class ToldScene(RedirectScene):
    """The quarantine takes `word` from everybody, as control/quarantine/README.md has it."""

    def __init__(self, word, **how):
        self.word = word
        super().__init__(quarantine=[f"smtpd_authorized_{word}_hosts = static:all"], **how)

    def box_with_attic(self, place, rules, **how):
        self.quarantine = self.quarantine.replace("      port: 25\n", f"      port: 25\n      xclient: {self.word}\n")
        return super().box_with_attic(place, rules, **how)


class Xclient(RedirectTest):
    scene_type = ToldScene
    scene_options = {"word": "xclient"}
    said = r"disconnect from .* ehlo=2 xclient=0/1 mail=1 rcpt=1"  # Postfix starts anew behind XCLIENT, and does not count it as done

    def test_the_quarantine_is_told_who_the_client_is(self):
        for kind, sender in (("v4", "alice@contractor.example"), ("v6", "alice@v6.contractor.example")):
            before = len(self.scene.attic.read_log())
            subject = self.scene.submit("bob@army.ml", sender=sender)
            self.scene.at_attic(subject)
            log = wait_for("the end of the session", 10, lambda: "rcpt=1" in self.scene.attic.read_log()[before:]
                           and self.scene.attic.read_log()[before:])
            self.assertRegex(log, self.said)
            self.assertIn(f"[{network.ADDRESS['client'][kind]}]", log)
            self.assertEqual(self.scene.stored(subject), {"server": [], "attic": ["bob@army.ml"]})


class Xforward(Xclient):
    scene_options = {"word": "xforward"}
    said = r"disconnect from .* ehlo=1 xforward=1 mail=1 rcpt=1"
