# SPDX-License-Identifier: BSD-3-Clause
"""Frames of 9,000 octets, which AF_XDP cannot have: the box reads its interfaces by AF_PACKET."""

from scene import Scene, SceneTest, sha256

MTU = 9000
# A frame and what the kernel puts before it in 9,216 octets; four of those in nine pages.
RING = "framesz=9216,blocksz=36864,framecnt=512"
LINES = 4000


class Jumbo(SceneTest):
    @classmethod
    def setUpClass(cls):
        ports = [f"net_af_packet{n},iface={name},{RING}" for n, name in enumerate(("pin0", "pout0"))]
        cls.scene = Scene(mtu=MTU, ports=ports, dataplane="  memory_mb: 384")

    def test_mail_in_jumbo_frames_arrives_identical_and_its_typo_bounces(self):
        body = "".join(f"RCPT TO:<x@army.ml> is line {n} of the text\n" for n in range(LINES))
        subject = self.scene.submit("ann@army.mil", "bob@army.ml", body=body)
        self.assertEqual(self.scene.received(subject), ["ann@army.mil"])
        got = self.scene.accepted(subject, "ann@army.mil").body
        self.assertEqual(sha256(got.strip(b"\n")), sha256(body.encode().strip(b"\n")))
        self.assertRefused(self.scene.bounce("bob@army.ml", subject).text, "army.ml", "army.mil")
        total = self.scene.box.show("stats")["total"]
        self.assertGreater(total["rx_octets"], 1514 * total["rx_packets"])  # acks and commands are among them
        self.assertEqual(total["undecoded"] + total["tx_dropped"] + total["changed_unjudged"], 0)
