# SPDX-License-Identifier: BSD-3-Clause
"""The action redirect: a flagged mail goes on at the quarantine, and the sender notices nothing."""

from redirect_scene import MAIL, RedirectScene, RedirectTest, body, rcpt
from scene import SENDER, network, sha256, wait_for
from lab.eximd import Exim as Eximd
from lab.exim import Exim as EximClient
from lab.opensmtpd import OpenSMTPD
from lab.quarantine import ATTIC


class Redirect(RedirectTest):
    def assertAtAtticOnly(self, subject, recipient="bob@army.ml"):
        self.scene.at_attic(subject, recipient)
        self.assertEqual(self.scene.stored(subject), {"server": [], "attic": [recipient]})

    def test_a_flagged_mail_of_postfix_arrives_at_the_quarantine_byte_for_byte(self):
        text = body(200000)
        subject = self.scene.submit("bob@army.ml", body=text)
        message = self.scene.at_attic(subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))
        self.assertEqual(message.sender, SENDER)
        self.assertIn(network.ADDRESS["client"]["v4"], message.octets.decode())
        self.assertAtAtticOnly(subject)

    def test_the_server_logs_a_clean_end_and_no_mail(self):
        before = len(self.scene.server.read_log())
        self.assertAtAtticOnly(self.scene.submit("bob@army.ml"))
        wait_for("the server to log the end", 10, lambda: "disconnect from" in self.scene.server.read_log()[before:])
        said = self.scene.server.read_log()[before:]
        self.assertRegex(said, r"disconnect from .* ehlo=1 mail=1 rset=1 quit=1 commands=4")
        self.assertNotIn("lost connection", said)
        self.assertNotIn("client=", said)

    def test_swaks_without_pipelining(self):
        said = self.scene.direct("bob@army.ml", subject="swaks plain")
        self.assertIn("queued as", said)
        self.assertAtAtticOnly("swaks plain")

    def test_swaks_with_pipelining(self):
        said = self.scene.direct("bob@army.ml", options=["--pipeline"], subject="swaks pipelined")
        self.assertIn("queued as", said)
        self.assertAtAtticOnly("swaks pipelined")

    def test_the_event_names_the_quarantine_and_its_queue_id(self):
        self.assertAtAtticOnly(self.scene.submit("queue@army.ml"), "queue@army.ml")
        events = wait_for("the events", 10, lambda: [e for e in self.scene.box.events() if e.get("address") == "queue@army.ml"
                                                     and e["event"] == "queued"])
        self.assertEqual(events[0]["quarantine"], "attic")
        queue_id = events[0]["answer"].rpartition(" ")[2]
        self.assertIn(f"{queue_id}: ", self.scene.attic.read_log())

    def test_good_recipients_of_the_same_mail_arrive_at_the_server_and_nobody_is_lost(self):
        for recipients in (["ann@army.mil", "bob@army.ml", "carol@example.org"], ["bob@army.ml", "ann@army.mil", "carol@example.org"]):
            subject = self.scene.submit(*recipients)
            self.scene.at_attic(subject)
            self.scene.accepted(subject, "ann@army.mil")
            self.scene.accepted(subject, "carol@example.org")
            self.assertEqual(self.scene.stored(subject), {"server": ["ann@army.mil", "carol@example.org"], "attic": ["bob@army.ml"]})

    def test_a_refused_recipient_beside_a_redirected_one_is_refused(self):
        replies = self.scene.talk((MAIL + rcpt("b@army.ml") + rcpt("c@navy.ml") + rcpt("d@army.mil") + "DATA\r\n", 5),
                                  ("Subject: beside\r\n\r\nbody\r\n.\r\n", 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 550, 452, 354, 250, 221], replies)
        self.assertAtAtticOnly("beside", "b@army.ml")

    def test_the_next_mail_of_the_session_is_sent_to_a_session_of_its_own(self):
        replies = self.scene.talk((MAIL, 1), (rcpt("b@army.ml"), 1), ("DATA\r\n", 1), ("Subject: one of two\r\n\r\nbody\r\n.\r\n", 1),
                                  (MAIL, 1))
        self.assertEqual([r.code for r in replies], [250, 250, 354, 250, 421], replies)
        self.assertAtAtticOnly("one of two", "b@army.ml")

    def test_a_mail_in_bdat_chunks(self):
        chunk, last = "Subject: chunked\r\n\r\nRCPT TO:<x@army.ml>\r\n", "end\r\n"
        replies = self.scene.talk((MAIL + rcpt("b@army.ml"), 2), (f"BDAT {len(chunk)}\r\n{chunk}", 1),
                                  (f"BDAT {len(last)} LAST\r\n{last}", 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 250, 250, 221], replies)
        self.assertEqual(self.scene.at_attic("chunked").body, b"RCPT TO:<x@army.ml>\nend\n")
        self.assertAtAtticOnly("chunked", "b@army.ml")

    def test_a_body_of_10_mb(self):
        text = body(10 << 20, 2)
        subject = self.scene.submit("big@army.ml", body=text)
        message = self.scene.at_attic(subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))

    def test_show_quarantine_tells_state_and_capabilities(self):
        attic = self.scene.box.show("quarantine")["quarantines"][0]
        self.assertEqual((attic["name"], attic["state"]), ("attic", "well"))
        self.assertIn("PIPELINING", attic["capabilities"].split())
        self.assertIn("attic", self.scene.box.postern("show", "quarantine").stdout)

    def test_over_ipv6(self):
        subject = self.scene.submit("six@army.ml", sender="alice@v6.contractor.example")
        message = self.scene.at_attic(subject)
        self.assertIn(network.ADDRESS["client"]["v6"], message.octets.decode())
        self.assertAtAtticOnly(subject, "six@army.ml")


def recipient_of(message):
    return next((str(message.mail[name]) for name in ("Envelope-to", "Delivered-To", "X-Original-To") if message.mail[name]), "")


class PeerScene(RedirectScene):
    """Another server, another quarantine."""

    def __init__(self, make_server=None, **how):
        super().__init__(**how)
        if make_server:
            self.server.stop()
            self.server = make_server(self.place).start()


class Peers(RedirectTest):
    """Postfix and Exim send to Exim; the quarantine is an OpenSMTPD, which offers neither PIPELINING nor CHUNKING."""

    scene_type = PeerScene
    scene_options = {"make_attic": lambda place: OpenSMTPD(place, "server", ATTIC["v4"], name="attic"),
                     "make_server": lambda place: Eximd(place, "server", network.ADDRESS["server"]["v4"],
                                                        settings=["chunking_advertise_hosts ="])}

    def arrives(self, subject, attic, server):
        for mta, wanted in ((self.scene.attic, attic), (self.scene.server, server)):
            wait_for(f"{subject} for {wanted} at {mta.name}", 40, lambda: sorted(
                recipient_of(m) for m in mta.messages() if m.subject == subject) == wanted)

    def test_a_mail_of_postfix_with_good_and_flagged_recipients(self):
        text = body(100000)
        subject = self.scene.submit("ann@army.mil", "bob@army.ml", "carol@example.org", body=text)
        self.arrives(subject, ["bob@army.ml"], ["ann@army.mil", "carol@example.org"])
        message = next(m for m in self.scene.attic.messages() if m.subject == subject)
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256(text.encode().rstrip(b"\n")))

    def test_a_mail_of_exim(self):
        exim = EximClient(self.scene.place)
        exim.send("of exim", body(50000), SENDER, "bob@army.ml")
        self.arrives("of exim", ["bob@army.ml"], [])

    def test_swaks(self):
        for n, options in enumerate(([], ["--pipeline"])):
            self.scene.direct("bob@army.ml", options=options, subject=f"peer {n}")
            self.arrives(f"peer {n}", ["bob@army.ml"], [])


    def test_a_client_that_brings_the_next_mail_in_one_go_is_sent_away(self):
        """Exim does so with recipients that got 452, and goes when the connection is closed only."""
        replies = self.scene.talk((MAIL + rcpt("b@army.ml") + rcpt("g@army.mil") + "DATA\r\n", 4),
                                  ("Subject: first\r\n\r\nbody\r\n.\r\n", 1), (MAIL + rcpt("g@army.mil") + "DATA\r\n", 3))
        self.assertEqual([r.code for r in replies][:6], [250, 250, 452, 354, 250, 421], replies)
        self.arrives("first", ["b@army.ml"], [])


class OtherPeers(Peers):
    """OpenSMTPD is the server, Postfix the quarantine."""

    scene_options = {"make_server": lambda place: OpenSMTPD(place, "server", network.ADDRESS["server"]["v4"])}


class Tagged(RedirectTest):
    scene_options = {"tagged": ("vlan", "qinq")}

    def test_inside_tags(self):
        for kind, address in (("vlan", "198.51.100.3"), ("qinq", "203.0.113.3")):
            self.scene.place.run("server", "ip", "address", "add", f"{address}/24", "dev", kind)
            # The quarantine's own address is reached by the same next hop; its answers go back inside the tags.
            self.scene.place.run("server", "ip", "rule", "add", "from", ATTIC["v4"], "to", network.ADDRESS["client"][kind], "table", "100")
            self.scene.place.run("server", "ip", "route", "replace", network.ADDRESS["client"][kind], "dev", kind, "table", "100")
            subject = self.scene.submit("tag@army.ml", sender=f"alice@{kind}.contractor.example")
            message = self.scene.at_attic(subject)
            self.assertIn(network.ADDRESS["client"][kind], message.octets.decode())
            self.assertEqual(self.scene.stored(subject), {"server": [], "attic": ["tag@army.ml"]})
