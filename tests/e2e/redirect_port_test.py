# SPDX-License-Identifier: BSD-3-Clause
"""
A quarantine behind a port of its own: a third link, whose kernel asks for Ethernet addresses, with a Postfix that
nobody else can reach. Two workers.
"""

import json
import os
import threading
import time

from redirect_scene import MAIL, RULES, RedirectScene, RedirectTest, body, rcpt
from scene import network, sha256, wait_for
from steering_test import skip_where_the_kernel_cannot
from lab.build import program
from lab.postfix import Postfix
from lab.quarantine import APART, APART_LINK, APART_PORT, QUARANTINE, change_address, connect_apart, hide_apart, show_apart
from lab.steering import SteeredBox

WELL = ("attic", "attic6")
LONG = bool(os.environ.get("POSTERN_LONG"))


class PortScene(RedirectScene):
    def box_with_attic(self, place, rules, **how):
        connect_apart(place)
        self.place = place
        self.attic = Postfix(place, "wire", name="attic", settings=[
            "virtual_mailbox_domains = static:here", f"inet_interfaces = {APART['v4']}, {APART['v6']}", *self.attic_settings])
        self.attic.start()
        section = QUARANTINE.format(**APART, fallback="reject", setup_ms=10000, answer_s=300)
        box = SteeredBox(place, rules, dataplane=f"  workers: 2\n{section}  interface: {APART_PORT}\n", heartbeat_ms=5000, **how)
        box.settings.write_text(box.settings.read_text().replace("packets: 16383", "packets: 24575"))  # a port more
        return box

    def __init__(self, **options):
        super().__init__(**options)
        self.await_health(names=WELL)

    def shown(self, name):
        return next(q for q in self.box.show("quarantine")["quarantines"] if q["name"] == name)

    def mac(self, side):
        return json.loads(self.place.run(side, "ip", "-j", "link", "show", APART_LINK[side][0]).stdout)[0]["address"]


class OwnPort(RedirectTest):
    scene_type = PortScene
    scene_options = {"tagged": ("vlan",)}

    @classmethod
    def setUpClass(cls):
        skip_where_the_kernel_cannot()
        super().setUpClass()

    def moves(self, kind="v4", octets=40000):
        text = body(octets)
        sender = f"alice@{'' if kind == 'v4' else kind + '.'}contractor.example"
        subject = self.scene.submit("bob@army.ml", sender=sender, body=text)
        message = self.scene.at_attic(subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))
        self.assertIn(network.ADDRESS["client"][kind], message.octets.decode())
        self.assertEqual(self.scene.stored(subject), {"server": [], "attic": ["bob@army.ml"]})

    def test_a_flagged_mail_arrives_by_the_own_port_byte_for_byte_by_ipv4_behind_a_tag_and_ipv6(self):
        self.moves("vlan")
        self.moves("v6")
        self.assertEqual(self.scene.box.total("redirect_failed"), 0)

    def test_show_quarantine_tells_the_next_hop_and_its_ethernet_address(self):
        mac = self.scene.mac("wire")
        self.assertEqual(self.scene.shown("attic")["by"], f"{APART_PORT} to {APART['v4']} at {mac}")
        self.assertEqual(self.scene.shown("attic6")["by"], f"{APART_PORT} to fd00:19::2 at {mac}")
        self.assertIn(f"{APART_PORT} to {APART['v4']} at {mac}", self.scene.box.postern("show", "quarantine").stdout)
        self.assertIn(f"quarantines, {APART_PORT}", self.scene.box.postern("show", "steer").stdout)

    def test_another_ethernet_address_is_found_within_a_health_check_and_a_session_goes_on(self):
        before = self.scene.mac("wire")
        subject = "moved in the middle"
        changed = []

        def change(mac):
            change_address(self.scene.place, mac)
            began = time.monotonic()
            wait_for("the new address", 40, lambda: all(mac in self.scene.shown(name)["by"] for name in WELL), 0.1)
            changed.append(time.monotonic() - began)

        mover = threading.Timer(1.0, change, ["02:00:5e:00:00:07"])
        mover.start()
        text = f"Subject: {subject}\r\n\r\n{body(3000).replace(chr(10), chr(13) + chr(10))}.\r\n"
        try:
            replies = self.scene.talk((MAIL, 1), (rcpt("bob@army.ml"), 1), {"pause": 2}, ("DATA\r\n", 1), (text, 1), ("QUIT\r\n", 1))
            mover.join()
            self.assertEqual([r.code for r in replies], [250, 250, 354, 250, 221])
            self.scene.at_attic(subject)
            self.assertEqual([self.scene.health()[name] for name in WELL], ["well", "well"])
            self.moves("v4", 20000)
        finally:
            mover.join()
            change(before)
        print(f"     found after {changed[0]:.1f} and {changed[1]:.1f} s", flush=True)
        self.assertLess(max(changed), 12)  # left alone, the kernel takes 20 s and more

    def test_the_doctor_looks_at_the_interface_as_well(self):
        done = self.scene.place.run("box", program("postern"), "doctor", "--json", "--config", self.scene.box.settings, check=False)
        found = {f["check"]: f["level"] for f in json.loads(done.stdout)["findings"] if f["subject"] == APART_PORT}
        self.assertEqual([found[check] for check in ("port", "queues", "xdp")], ["ok"] * 3)

    if LONG:
        def test_without_a_route_the_fallback_applies_and_says_why(self):
            hide_apart(self.scene.place)
            try:
                self.scene.await_health("ill", ("attic6",))
                self.assertEqual(self.scene.shown("attic6")["error"], f"no route on {APART_PORT}")
                before = self.scene.box.total("redirect_none")
                replies = self.scene.talk((MAIL, 1), (rcpt("bob@army.ml"), 1), ("QUIT\r\n", 1), kind="v6")
                self.assertEqual([r.code for r in replies], [250, 550, 221])
                self.assertEqual(self.scene.box.total("redirect_none"), before + 1)
            finally:
                show_apart(self.scene.place)
            self.scene.await_health(names=WELL)

        def test_what_is_the_machines_own_stays_with_the_kernel(self):
            place, peer = self.scene.place, APART_LINK["wire"][1].split("/")[0]
            place.run("box", "ping", "-c", 3, "-i", "0.2", "-W", 2, peer)
            place.run("box", "ping", "-c", 3, "-i", "0.2", "-W", 2, APART_LINK["wire"][2].split("/")[0])
            checks = self.scene.shown("attic")["checks"]
            wait_for("further checks", 10, lambda: self.scene.shown("attic")["checks"] > checks + 1)
            self.assertEqual(self.scene.shown("attic")["state"], "well")
