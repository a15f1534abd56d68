# SPDX-License-Identifier: BSD-3-Clause
"""
Redirection by a box of several workers: the quarantine's answers come by other addresses than the session's own
packets, and the spread over the workers brings them to another one.
"""

from redirect_scene import RedirectScene, RedirectTest, body
from scene import network, sha256


class WorkersScene(RedirectScene):
    def __init__(self, workers=2, **how):
        self.workers = workers
        super().__init__(**how)

    def box_with_attic(self, place, rules, **how):
        self.quarantine = f"  workers: {self.workers}\n{self.quarantine}"
        return super().box_with_attic(place, rules, **how)


class TwoWorkers(RedirectTest):
    """By IPv6 the session is with the owner of the ports, and its quarantine's answers come to the other worker."""

    scene_type = WorkersScene

    def moves(self, kind, sender):
        text = body(200000)
        subject = self.scene.submit("bob@army.ml", sender=sender, body=text)
        message = self.scene.at_attic(subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))
        self.assertIn(network.ADDRESS["client"][kind], message.octets.decode())
        self.assertEqual(self.scene.stored(subject), {"server": [], "attic": ["bob@army.ml"]})

    def test_answers_that_come_to_another_worker_than_the_session_reach_it(self):
        self.moves("v4", "alice@contractor.example")
        self.moves("v6", "alice@v6.contractor.example")
        self.assertGreater(self.scene.box.total("redirect_handed"), 5)
        self.assertEqual(self.scene.box.total("spread_dropped"), 0)

    def test_show_quarantine_tells_of_workers_and_figures(self):
        shown = self.scene.box.postern("show", "quarantine").stdout
        self.assertIn(f"workers: {self.scene.workers}, each with up to 1024 sessions", shown)


class ThreeWorkers(TwoWorkers):
    """Neither of the two is the owner of the ports, which stands between them."""

    scene_options = {"workers": 3}
