# SPDX-License-Identifier: BSD-3-Clause
"""What a rule refuses, and what goes through beside it: both ends' view."""

from scene import SENDER, SceneTest, sha256, wait_for
from lab.capture import Capture
from lab.exim import Exim
from lab.smtp import talk

MAIL = f"MAIL FROM:<{SENDER}>\r\n"
BODY = "Subject: {}\r\n\r\nbody\r\n.\r\n"


def rcpt(address):
    return f"RCPT TO:<{address}>\r\n"


class Refusal(SceneTest):
    def test_a_single_typo_is_refused_with_our_text_in_the_bounce(self):
        subject = self.scene.submit("bob@army.ml")
        bounce = self.scene.bounce("bob@army.ml", subject)
        self.assertRefused(bounce.text, "army.ml", "army.mil")
        self.assertEqual(bounce.recipient, SENDER)
        self.assertEqual(self.scene.received(subject), [])

    def test_a_subdomain_of_the_typo_is_refused_as_well(self):
        subject = self.scene.submit("bob@mail.us.army.ml")
        self.assertRefused(self.scene.bounce("bob@mail.us.army.ml", subject).text, "army.ml", "army.mil")
        self.assertEqual(self.scene.received(subject), [])

    def test_a_typo_among_good_recipients_stops_nobody_else_with_pipelining(self):
        subject = self.scene.submit("ann@army.mil", "bob@army.ml", "carol@example.org")
        bounce = self.scene.bounce("bob@army.ml", subject)
        self.assertRefused(bounce.text, "army.ml", "army.mil")
        self.assertNotIn("ann@army.mil", bounce.text)
        self.assertEqual(self.scene.received(subject), ["ann@army.mil", "carol@example.org"])

    def test_swaks_with_pipelining_sees_the_refusal_in_the_slot_of_its_own_command(self):
        said = self.scene.direct("ann@army.mil", "bob@army.ml", "carol@example.org", options=["--pipeline"], subject="swaks p")
        self.assertEqual(said.count("mistyped army.mil"), 1, said)
        self.assertEqual(self.scene.received("swaks p"), ["ann@army.mil", "carol@example.org"])

    def test_a_typo_among_good_recipients_stops_nobody_else_without_pipelining(self):
        said = self.scene.direct("ann@army.mil", "bob@army.ml", "carol@example.org", subject="swaks n")
        self.assertEqual(said.count("mistyped army.mil"), 1, said)
        self.assertEqual(self.scene.received("swaks n"), ["ann@army.mil", "carol@example.org"])

    def test_a_typo_in_the_second_mail_of_a_session_refuses_only_that_one(self):
        replies = self.scene.talk(
            (MAIL, 1), (rcpt("ann@army.mil"), 1), ("DATA\r\n", 1), (BODY.format("first of two"), 1),
            (MAIL, 1), (rcpt("bob@army.ml"), 1), ("RSET\r\n", 1),
            (MAIL, 1), (rcpt("carol@navy.mil"), 1), ("DATA\r\n", 1), (BODY.format("third of two"), 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 354, 250, 250, 550, 250, 250, 250, 354, 250, 221], replies)
        self.assertRefused(replies[5].text, "army.ml", "army.mil")
        self.assertEqual(self.scene.received("first of two"), ["ann@army.mil"])
        self.assertEqual(self.scene.received("third of two"), ["carol@navy.mil"])

    def test_replies_of_one_pipelined_group_stand_in_the_order_of_their_commands(self):
        group = MAIL + rcpt("a@army.mil") + rcpt("b@army.ml") + rcpt("c@navy.mil") + rcpt("d@navy.ml") + "DATA\r\n"
        replies = self.scene.talk((group, 6), (BODY.format("group"), 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 550, 250, 550, 354, 250, 221], replies)
        self.assertRefused(replies[2].text, "army.ml", "army.mil")
        self.assertRefused(replies[4].text, "navy.ml", "navy.mil")
        self.assertEqual(self.scene.received("group"), ["a@army.mil", "c@navy.mil"])

    def test_a_group_whose_only_recipient_is_refused_gets_no_message_accepted(self):
        replies = self.scene.talk((MAIL + rcpt("b@army.ml") + "DATA\r\n", 3), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies][:2], [250, 550], replies)
        self.assertGreaterEqual(replies[2].code, 500)

    def test_a_typo_in_mail_from_is_refused_and_the_next_sender_is_not(self):
        replies = self.scene.talk(
            ("MAIL FROM:<alice@contractro.example>\r\n", 1), (MAIL, 1), (rcpt("ann@army.mil"), 1), ("DATA\r\n", 1),
            (BODY.format("right sender"), 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [550, 250, 250, 354, 250, 221], replies)
        self.assertRefused(replies[0].text, "contractro.example", "contractor.example")
        self.assertEqual(self.scene.received("right sender"), ["ann@army.mil"])

    def test_postfix_bounces_a_mail_whose_sender_is_mistyped(self):
        subject = self.scene.submit("ann@army.mil", sender="alice@contractro.example")
        bounce = self.scene.bounce("ann@army.mil", subject, home=self.scene.server)
        self.assertRefused(bounce.text, "contractro.example", "contractor.example")
        self.assertEqual(self.scene.received(subject), [])

    def test_a_mail_in_bdat_chunks_reaches_its_good_recipients_only(self):
        chunk, last = "Subject: chunks\r\n\r\nRCPT TO:<x@army.ml>\r\n", "end\r\n"
        replies = self.scene.talk(
            (MAIL + rcpt("ann@army.mil") + rcpt("bob@army.ml"), 3),
            (f"BDAT {len(chunk)}\r\n{chunk}", 1), (f"BDAT {len(last)} LAST\r\n{last}", 1),
            (MAIL + rcpt("carol@navy.ml"), 2), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 550, 250, 250, 250, 550, 221], replies)
        self.assertEqual(self.scene.received("chunks"), ["ann@army.mil"])
        message = self.scene.accepted("chunks", "ann@army.mil")
        self.assertEqual(message.body, b"RCPT TO:<x@army.ml>\nend\n")

    def test_exim_sends_a_big_mail_in_chunks_to_its_good_recipients_and_bounces_the_other(self):
        exim = Exim(self.scene.place)
        body = "".join(f"line {n}: RCPT TO:<x@army.ml>\n" for n in range(20000))
        with Capture(self.scene.place, "server", name="exim") as wire:
            exim.send("from exim", body, SENDER, "ann@army.mil", "bob@army.ml", "carol@example.org")
            self.assertEqual(self.scene.received("from exim"), ["ann@army.mil", "carol@example.org"], exim.read_log())
        self.assertTrue(any(b"BDAT " in p.payload for p in wire.packets()))
        self.assertEqual(sha256(self.scene.accepted("from exim", "ann@army.mil").body), sha256(body.encode()))
        try:
            bounce = wait_for("the bounce", 10, lambda: next((m for m in exim.messages() if "bob@army.ml" in m.text), None))
        except TimeoutError:
            self.fail(exim.read_log())
        self.assertRefused(bounce.text, "army.ml", "army.mil")

    def test_a_rule_that_only_flags_lets_the_mail_through_and_leaves_an_event(self):
        subject = self.scene.submit("flo@airforce.ml")
        self.scene.accepted(subject, "flo@airforce.ml")
        self.assertIn("r3", [e.get("rule") for e in self.scene.box.events()])

    def test_the_reference_in_the_bounce_is_that_of_the_event(self):
        subject = self.scene.submit("ref@army.ml")
        text = self.scene.bounce("ref@army.ml", subject).text
        refs = [e["ref"] for e in self.scene.box.events() if e.get("rule") == "r1"]
        self.assertTrue(any(f"ref {ref}" in text for ref in refs), (refs, text))

    def test_a_command_sent_octet_by_octet_is_judged_as_one(self):
        steps = [{"send": c, "replies": 0} for c in "RCPT TO:<bob@army.ml>\r"] + [{"send": "\n", "replies": 1}]
        replies = self.scene.talk((MAIL, 1), *steps, (rcpt("ann@army.mil"), 1), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 550, 250, 221], replies)

    def test_a_typo_in_the_data_of_a_syn_is_refused(self):
        place, before = self.scene.place, self.scene.box.total("syn_octets")
        # A client that sends data with its SYN without a cookie, and a server that would take them so.
        for side, fast_open in (("client", 0x5), ("server", 0x602)):
            place.run(side, "sysctl", "-qw", f"net.ipv4.tcp_fastopen={fast_open}")
        group = "EHLO mx.client.example\r\n" + MAIL + rcpt("ann@army.mil") + rcpt("bob@army.ml") + "DATA\r\n"
        replies = talk(place, [{"syn": group, "replies": 5}, {"send": BODY.format("fast open"), "replies": 1},
                               {"send": "QUIT\r\n", "replies": 1}])
        self.assertEqual([r.code for r in replies], [220, 250, 250, 250, 550, 354, 250, 221], replies)
        self.assertRefused(replies[4].text, "army.ml", "army.mil")
        self.assertEqual(self.scene.received("fast open"), ["ann@army.mil"])
        self.assertEqual(self.scene.box.total("syn_octets") - before, len(group))

    def test_more_refusals_than_a_session_may_hold_still_end_in_order(self):
        names = [f"u{n}@army.ml" for n in range(20)]
        subject = self.scene.submit("ann@army.mil", *names)
        self.assertEqual(self.scene.received(subject), ["ann@army.mil"])
        text = " ".join(m.text for m in self.scene.client.messages() if m.is_bounce)
        for name in names:
            self.assertIn(name, text)


class StrictServer(SceneTest):
    """It takes pipelining as RFC 2920 has it: NOOP only as the last of a group."""

    scene_options = {"server": ["smtpd_forbid_unauth_pipelining = yes", "smtpd_data_restrictions = reject_unauth_pipelining"]}

    def test_a_strict_server_delivers_to_the_good_recipients_of_a_pipelined_group(self):
        subject = self.scene.submit("ann@army.mil", "bob@army.ml", "carol@example.org")
        bounce = self.scene.bounce("bob@army.ml", subject)
        self.assertRefused(bounce.text, "army.ml", "army.mil")
        self.assertNotIn("ann@army.mil", bounce.text)
        self.assertEqual(self.scene.received(subject), ["ann@army.mil", "carol@example.org"])
