# SPDX-License-Identifier: BSD-3-Clause
"""What the wire carries at both ends: untouched where no rule matched, right where one did."""

import random
import shutil
import string
import tempfile

from scene import Scene, SceneTest, network, sha256
from lab.capture import Capture, streams
from lab.place import run

BIG = "".join(random.Random(1).choices(string.ascii_letters + string.digits + " .", k=1 << 20))
BIG = "\n".join(BIG[i:i + 72] for i in range(0, len(BIG), 72)) + "\n"


class Comparison(SceneTest):
    def assertSameWire(self, near, far):
        """The same frames at both ends. Their order may differ only between the two directions."""
        here, there = near.packets(), far.packets()
        self.assertGreater(len(here), 10)
        for port in (25, None):
            want = [p.frame for p in here if (p.source_port == 25) == (port == 25)]
            got = [p.frame for p in there if (p.source_port == 25) == (port == 25)]
            self.assertEqual(want, got)
        self.assertEqual(streams(here), streams(there))


class Wire(Comparison):
    scene_options = {"tagged": ("vlan", "qinq")}

    def test_a_body_of_1_mib_arrives_intact(self):
        subject = self.scene.submit("ann@army.mil", "bob@army.ml", body=BIG)
        message = self.scene.accepted(subject, "ann@army.mil")
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(BIG.encode().rstrip(b"\n")))
        self.assertEqual(self.scene.received(subject), ["ann@army.mil"])

    def test_a_typo_is_refused_over_ipv6(self):
        self.refused_by("v6")

    def test_a_typo_is_refused_inside_a_vlan(self):
        with Capture(self.scene.place, "server", "vlan", name="vlan") as wire:
            self.refused_by("vlan")
        self.assertEqual({p.tags for p in wire.packets()}, {((0x8100, 100),)})

    def test_a_typo_is_refused_inside_a_vlan_within_a_vlan(self):
        with Capture(self.scene.place, "server", "ether proto 0x88a8", name="qinq") as wire:
            self.refused_by("qinq")
        self.assertEqual({p.tags for p in wire.packets()}, {((0x88A8, 200), (0x8100, 100))})

    def refused_by(self, kind):
        sender = f"alice@{kind}.contractor.example"
        subject = self.scene.submit("ann@army.mil", "bob@army.ml", sender=sender)
        bounce = self.scene.bounce("bob@army.ml", subject)
        self.assertRefused(bounce.text, "army.ml", "army.mil")
        self.assertEqual(self.scene.received(subject), ["ann@army.mil"])
        self.assertIn(network.ADDRESS["client"][kind], self.scene.accepted(subject, "ann@army.mil").octets.decode())

    def test_a_session_without_a_verdict_leaves_byte_for_byte_as_it_came(self):
        place = self.scene.place
        with Capture(place, "client", name="plain-c") as near, Capture(place, "server", name="plain-s") as far:
            subject = self.scene.submit("ann@army.mil", "carol@example.org", body=BIG[:200000])
            self.assertEqual(self.scene.received(subject), ["ann@army.mil", "carol@example.org"])
        self.assertSameWire(near, far)
        self.assertEqual(self.scene.box.total("changed_unjudged"), 0)


class EncryptedWire(Comparison):
    """STARTTLS: nothing can be read afterwards, so nothing is judged, and nothing is touched."""

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp()
        key, certificate = f"{cls.keys}/key.pem", f"{cls.keys}/certificate.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=mx.server.example",
            "-keyout", key, "-out", certificate)
        cls.scene = Scene(client=["smtp_tls_security_level = encrypt", "smtp_tls_loglevel = 1"],
                          server=["smtpd_tls_security_level = may", f"smtpd_tls_cert_file = {certificate}",
                                  f"smtpd_tls_key_file = {key}"])

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.keys)

    def test_a_session_with_starttls_leaves_byte_for_byte_as_it_came(self):
        place = self.scene.place
        with Capture(place, "client", name="tls-c") as near, Capture(place, "server", name="tls-s") as far:
            subject = self.scene.submit("ann@army.mil", "bob@army.ml", body=BIG[:200000])
            self.assertEqual(self.scene.received(subject), ["ann@army.mil", "bob@army.ml"])
        self.assertIn("TLS connection established", self.scene.client.read_log())
        self.assertSameWire(near, far)
        self.assertEqual(self.scene.box.total("changed_unjudged"), 0)
