# SPDX-License-Identifier: BSD-3-Clause
"""
Servers refused for the name that they give themselves, at their greeting or at their answer to EHLO, as Postfix, Exim,
OpenSMTPD and swaks take it: what the sender of the mail is told, and what the server sees. A harmless server is left alone.
"""

import json
import re
import unittest

import scene  # noqa: F401 (the way to the lab)
from exchange import SUBMIT
from lab import network
from lab.box import Box
from lab.eximd import Exim
from lab.opensmtpd import OpenSMTPD
from lab.place import Place, wait_for
from lab.postfix import HOME, Postfix
from lab.sinks import Aiosmtpd
from lab.smtp import talk

RULES = """\
rule army  reject banner domain army.ml        means=army.mil
rule later defer  banner domain later.example  template="{domain} is not checked yet\\nTry again ({ref})"
rule cut   reset  banner domain cut.example
rule mail  reject from   domain contractro.example  means=contractor.example  lang=nl
rule two   defer  from   domain two.example    template="One: {domain}\\nTwo: {ref}"
rule rcpt  reject rcpt   domain navy.ml        means=navy.mil  lang=fr
rule slow  defer  rcpt   domain slow.example   template="Een: {domain}\\nTwee: {ref}"
rule rst1  reset  from   domain reset.example
rule rst2  reset  rcpt   domain reset.example
"""
# What each server calls itself in its greeting and in its answer to EHLO.
NAMES = {
    "postfix": ("mail.postfix.army.ml", "mail.postfix.army.ml"), "exim": ("mail.exim.army.ml", "mail.exim.army.ml"),
    "opensmtpd": ("mail.opensmtpd.army.ml", "mail.opensmtpd.army.ml"),
    "late-postfix": ("welcome.example", "mail.late.army.ml"), "late-exim": ("welcome.example", "mail.late.army.ml"),
    "later": ("mx.later.example", "mx.later.example"), "cut": ("mx.cut.example", "mx.cut.example"),
    "harmless": ("mx.army.mil", "mx.army.mil"), "quiet": ("mx.quiet.example", "mx.quiet.example")}
ADDRESS = {name: f"192.0.2.{20 + n}" for n, name in enumerate(NAMES)}
ROUTES = {f"{name}.{HOME}": address for name, address in ADDRESS.items()}
GREETS, ANSWERS = ("postfix", "exim", "opensmtpd"), ("late-postfix", "late-exim")
REFUSED = GREETS + ANSWERS


def postfix(place, name):
    greeting, ehlo = NAMES[name]
    return Postfix(place, "server", name=name, settings=(
        f"inet_interfaces = {ADDRESS[name]}", "inet_protocols = ipv4", f"myhostname = {ehlo}", f"smtpd_banner = {greeting} ESMTP"))


def exim(place, name):
    greeting, ehlo = NAMES[name]
    return Exim(place, "server", ADDRESS[name], name=name, settings=(f"smtp_active_hostname = {ehlo}", f"smtp_banner = {greeting} ESMTP"))


class Banners:
    """The lab: every server of NAMES, three clients."""

    def __init__(self):
        self.place = place = Place()
        try:
            network.connect(place)
            for address in ADDRESS.values():
                place.run("server", "ip", "address", "replace", f"{address}/24", "dev", "sv0")
            self.box = Box(place, RULES).start()
            self.server = {name: postfix(place, name) for name in ("postfix", "late-postfix")}
            self.server |= {name: exim(place, name) for name in ("exim", "late-exim")}
            self.server["opensmtpd"] = OpenSMTPD(place, "server", ADDRESS["opensmtpd"], hostname=NAMES["opensmtpd"][0])
            self.server |= {name: Aiosmtpd(place, name, ADDRESS[name], hostname=NAMES[name][0]) for name in ("later", "cut", "harmless", "quiet")}
            self.client = {
                "postfix": self.postfix_client("postfix-client", 2501),
                "postfix-hard": self.postfix_client("postfix-hard", 2504, "smtp_skip_5xx_greeting = no"),
                "exim": Exim(place, "client", "127.0.0.1", ROUTES, mine=f"*.{HOME}", port=2502),
                "opensmtpd": OpenSMTPD(place, "client", "127.0.0.1", ROUTES, mine=f"domain {{ {' '.join(ROUTES)} }}", port=2503)}
            for peer in (*self.server.values(), *self.client.values()):
                peer.start()
        except BaseException:
            place.remove()
            raise

    def postfix_client(self, name, port, *settings):
        client = Postfix(self.place, "client", name=name, port=port, settings=(
            "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", f"virtual_mailbox_domains = {' '.join(ROUTES)}",
            f"sender_dependent_relayhost_maps = texthash:{self.place.dir}/{name}/conf/relays", *settings))
        (client.dir / "conf" / "relays").write_text("".join(f"@{d} [{a}]:25\n" for d, a in ROUTES.items()))
        return client

    def submit(self, client, servers):
        mails = [(f"alice@{s}.{HOME}", ["bob@tls.example"], f"Subject: {client} {s}\n\nhello\n") for s in servers]
        self.place.run("client", "/usr/bin/python3", SUBMIT, self.client[client].port, input=json.dumps(mails))

    def swaks(self, server, *options, sender=f"carol@{HOME}", to="bob@tls.example"):
        return self.place.run("client", "swaks", "--server", ADDRESS[server], "--timeout", 20, "--from", sender, "--to", to, *options,
                              check=False).stdout

    def open_ends(self, server):
        """Connections to that server that either kernel still has, but those that only wait for the last segments to die."""
        rows = [self.place.run(side, "ss", "-Htn", "state", "connected", "exclude", "time-wait").stdout for side in ("client", "server")]
        return [row for text in rows for row in text.splitlines() if f"{ADDRESS[server]}:25 " in row + " "]

    def said(self, client, server):
        """What the sender in `client` was told about the mail to `server`: by bounce, else in the log."""
        sender = f"alice@{server}.{HOME}"
        for message in self.client[client].messages():
            if message.recipient == sender:
                return "bounce: " + message.text
        return self.logged(client, server)

    def logged(self, client, server):
        lines = [line for line in self.client[client].read_log().splitlines() if ADDRESS[server] in line or NAMES[server][1] in line]
        return "log: " + "\n".join(lines)


def refusal(server):
    code = 554 if server in GREETS else 550
    return rf"{code} 5\.1\.2 {re.escape(NAMES[server][1])} looks like a mistyped army\.mil: please check the recipient\."


class Banner(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Banners()
        for client in cls.lab.client:
            cls.lab.submit(client, [name for name in NAMES if name != "quiet"])

    @classmethod
    def tearDownClass(cls):
        cls.lab.place.remove()

    def diagnosis(self):
        lab = self.lab
        return lab.box.log() + "\n".join(f"--- {p.name}\n{p.read_log()[-2000:]}" for p in (*lab.client.values(), *lab.server.values()))

    def await_said(self, client, server, pattern):
        try:
            wait_for(f"what {client} says of {server}", 40, lambda: re.search(pattern, self.lab.said(client, server)), 0.3)
        except TimeoutError:
            self.fail(f"{client} to {server}: {self.lab.said(client, server)}")

    def test_exim_bounces_with_our_text_wherever_the_name_was_said(self):
        for server in REFUSED:
            self.await_said("exim", server, f"^bounce: .*{refusal(server)}")

    def test_postfix_keeps_a_mail_that_a_greeting_refuses_and_its_queue_has_our_text(self):
        for server in GREETS:
            self.await_said("postfix", server, rf"status=deferred \(host {ADDRESS[server]}.* refused to talk to me: {refusal(server)}")

    def test_postfix_that_skips_no_greeting_bounces_with_our_text(self):
        for server in GREETS:
            self.await_said("postfix-hard", server, f"^bounce: .*{refusal(server)}")

    def test_postfix_falls_back_to_helo_is_refused_again_and_bounces_with_our_text(self):
        for server in ANSWERS:
            self.await_said("postfix", server, f"^bounce: .*{refusal(server)}")
        self.assertRegex(self.lab.server["late-postfix"].read_log(), "helo=1 ehlo=1 quit=1 commands=3")

    def test_opensmtpd_keeps_the_mail_and_logs_our_text(self):
        log = self.lab.client["opensmtpd"].read_log
        for server in REFUSED:
            wait_for(f"OpenSMTPD's word about {server}", 40, lambda: re.search(f"(BANNER|HELO) rejected: {refusal(server)}", log()), 0.3)

    def test_a_deferred_server_leaves_the_mail_in_the_queue_with_both_lines_of_the_template(self):
        self.await_said("postfix", "later", r"status=deferred .*421-4\.1\.2 mx\.later\.example is not checked yet 421 4\.1\.2 Try again \(\w{13}\)")
        self.await_said("exim", "later", r"421-4\.1\.2 mx\.later\.example is not checked yet\\n421 4\.1\.2 Try again \(\w{13}\)")

    def test_swaks_ends_a_refused_session_in_order(self):
        for server in REFUSED:
            said = self.lab.swaks(server)
            self.assertRegex(said, r"<\*\* " + refusal(server))
            self.assertRegex(said, r" -> QUIT\n<-  221 ")
            wait_for("both ends to be closed", 5, lambda: not self.lab.open_ends(server))
        self.assertRegex(self.lab.server["postfix"].read_log(), "disconnect from .* quit=1 commands=1")

    def test_what_a_client_says_in_spite_of_a_refusal_reaches_no_transaction(self):
        rude = [("EHLO c\r\n", 1), (f"MAIL FROM:<carol@{HOME}>\r\n", 1), ("RCPT TO:<bob@tls.example>\r\n", 1), ("DATA\r\n", 1), ("QUIT\r\n", 1)]
        for server in REFUSED:
            replies = talk(self.lab.place, [{"send": s, "replies": n} for s, n in rude], address=ADDRESS[server])
            self.assertEqual([r.code for r in replies], [554 if server in GREETS else 220, 550, 503, 503, 503, 221], replies)
            self.assertEqual(self.lab.server[server].messages(), [])
        for server in ("postfix", "late-postfix"):
            self.assertNotRegex(self.lab.server[server].read_log(), "mail=|rcpt=|data=")

    def test_a_harmless_server_gets_every_mail(self):
        wait_for("a mail from each client", 40, lambda: len([m for m in self.lab.server["harmless"].messages() if m.subject.endswith("harmless")]) == 4)
        self.assertEqual([e for e in self.lab.box.events() if e["flow"].endswith(f"{ADDRESS['harmless']}:25") and e["event"] == "banner"], [])
        self.assertEqual(self.lab.box.total("changed_unjudged"), 0)

    def test_a_reset_closes_both_ends_whatever_it_is_for(self):
        for server, words in (("cut", {}), ("quiet", {"sender": "a@reset.example"}), ("quiet", {"to": "b@reset.example"})):
            said = self.lab.swaks(server, **words)
            self.assertNotIn(" -> DATA", said)
            wait_for("both ends to be closed", 5, lambda: not self.lab.open_ends(server))
        rules = {e.get("rule") for e in self.lab.box.events() if e["verdict"] == "reset"}
        self.assertEqual(rules, {"cut", "rst1", "rst2"})

    def test_template_lines_and_language_are_those_of_the_rule_for_senders_and_recipients_too(self):
        said = {name: self.lab.swaks("quiet", **words) for name, words in {
            "mail": {"sender": "a@contractro.example"}, "two": {"sender": "a@two.example"}, "rcpt": {"to": "b@navy.ml"},
            "slow": {"to": "b@slow.example"}}.items()}
        self.assertIn("<** 550 5.1.8 contractro.example lijkt een tikfout voor contractor.example: controleer de afzender. (Example", said["mail"])
        self.assertRegex(said["two"], r"<\*\* 451-4\.1\.8 One: two\.example\n<\*\* 451 4\.1\.8 Two: \w{13}\n")
        self.assertIn("<** 550 5.1.2 navy.ml semble une faute de frappe pour navy.mil : veuillez verifier le destinataire. (", said["rcpt"])
        self.assertRegex(said["slow"], r"<\*\* 451-4\.1\.2 Een: slow\.example\n<\*\* 451 4\.1\.2 Twee: \w{13}\n")

    def test_an_event_tells_the_name_of_the_server_and_no_address(self):
        events = [e for e in self.lab.box.events() if e["event"] == "banner" and e["rule"] == "army"]
        self.assertTrue(events)
        self.assertFalse(any("address" in e for e in events))
        self.assertLessEqual({e["domain"] for e in events}, {NAMES[s][1] for s in REFUSED})
        self.assertIn("mail.exim.army.ml", self.lab.box.postern("show", "events").stdout)
