# SPDX-License-Identifier: BSD-3-Clause
"""The lab by itself, and the box in other clothes than usual."""

import pathlib
import pwd
import unittest

from scene import SENDER, Scene, SceneTest, network
from lab.place import Place

PAGES = 400


class Nothing:
    """In the place of a box: a bridge, which has no rules."""

    def __init__(self, place, rules):
        network.Bridge(place)

    def start(self):
        return self

    def log(self):
        return "(a kernel bridge)"

    def postern(self, *words, **how):
        raise RuntimeError("there is no box")


class PlainBridge(SceneTest):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene.__new__(Scene)
        cls.scene.place = Place()
        cls.scene.set(make_box=Nothing)

    def test_without_the_box_the_lab_delivers_mistyped_mail(self):
        subject = self.scene.submit("ann@army.mil", "bob@army.ml")
        self.assertEqual(self.scene.received(subject), ["ann@army.mil", "bob@army.ml"])
        self.assertFalse(any(m.is_bounce for m in self.scene.client.messages()))


class HugePages(SceneTest):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene.__new__(Scene)
        cls.scene.place = Place()
        if not cls.scene.place.want_huge_pages(PAGES):
            cls.scene.close()
            raise unittest.SkipTest(f"kernel: {PAGES} huge pages of 2 MiB cannot be reserved")
        cls.scene.set(huge_pages=True, user="nobody")

    def test_the_box_judges_in_huge_pages_as_a_user_without_privileges(self):
        replies = self.scene.talk((f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<a@army.mil>\r\nRCPT TO:<b@army.ml>\r\n", 3),
                                  ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 550, 221], replies)
        status = pathlib.Path(f"/proc/{self.scene.box.dataplane.pid}/status").read_text()
        self.assertIn(f"\nUid:\t{pwd.getpwnam('nobody').pw_uid}\t", status)
        self.assertIn("\nCapEff:\t0000000000000000\n", status)
        self.assertTrue(self.scene.box.reload()["ok"])
