# SPDX-License-Identifier: BSD-3-Clause
"""
The main job, shown: real mail servers, the box between them, the shipped rules. control/quickstart.sh calls this.

    python3 demo.py [--keep]      python3 demo.py --stop
"""

import pathlib
import shutil
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import network  # noqa: E402
from lab.box import TOP, program  # noqa: E402
from lab.place import Place, remove_kept, wait_for  # noqa: E402
from lab.postfix import HOME, Postfix  # noqa: E402
from lab.steering import SteeredBox  # noqa: E402

SENDER = f"alice@{HOME}"
SHARE = TOP / "control" / "share"
SERVER = network.ADDRESS["server"]["v4"]

# What Alice sends in the first part: subject, recipients of one session, those that must not get it.
MAILS = (
    ("itinerary", ("bob@army.mil",), ()),
    ("passwords", ("bob@army.ml",), ("bob@army.ml",)),
    ("meeting", ("ann@us.navy.mil", "bob@mail.army.ml", "carol@example.org"), ("bob@mail.army.ml",)),
    ("greetings", ("amadou@sante.gouv.ml",), ()),
)

# The rule that is changed under traffic: shipped as a mere watch, then made to refuse.
WATCHED = ("rule ml-mindef       flag ", "rule ml-mindef       reject ")
FLOOD_SECONDS, FLOOD_RATE = 6, "20M"


class Broken(Exception):
    """The demonstration did not show what it promises."""


def step(text):
    print(f"\n== {text}", flush=True)


def table(rows, heads):
    """Rows of cells; a cell may hold several lines."""
    cells = [[str(c).split("\n") for c in row] for row in (heads, *rows)]
    width = [max(len(line) for row in cells for line in row[i]) for i in range(len(heads))]
    rule = "+".join("-" * (w + 2) for w in width)
    for row in cells:
        for i in range(max(map(len, row))):
            line = " | ".join((c[i] if i < len(c) else "").ljust(w) for c, w in zip(row, width))
            print(f" {line.rstrip()}")
        print(rule)


class Demo:
    def __init__(self, place):
        self.place = place

    def build(self):
        place = self.place
        network.connect(place)
        print(f"network    client {network.ADDRESS['client']['v4']} <-> [ postern-dp, AF_XDP on veth, steered in the kernel ] <-> "
              f"{network.ADDRESS['server']['v4']} server")
        self.box = SteeredBox(place, (SHARE / "rules.conf").read_text())
        shutil.copytree(SHARE / "feeds", self.box.dir / "feeds")
        self.box.start()
        rules = self.box.show("rules")
        print(f"dataplane  generation {self.box.generation()}, {len(rules['rules'])} rules from control/share/rules.conf")
        self.client = Postfix(place, "client").start()
        self.server = Postfix(place, "server").start()
        print("mail       Postfix runs at both ends")

    def send(self, subject, recipients):
        self.place.run("client", "swaks", "--silent", 2, "--server", "127.0.0.1", "--from", SENDER, "--to",
                       ",".join(recipients), "--h-Subject", subject)

    def settle(self):
        wait_for("the mail servers to finish", 60, lambda: self.client.idle() and self.server.idle(), 0.2)

    def accepted(self, subject):
        return {m.recipient for m in self.server.messages() if m.subject == subject}

    def bounce(self, recipient):
        return next((m for m in self.client.messages() if m.is_bounce and recipient in m.text), None)

    def outcome(self, subject, recipients, refused):
        """A row of the table; raises when it is not what must be."""
        got = self.accepted(subject)
        bounced = [r for r in recipients if self.bounce(r)]
        if got != set(recipients) - set(refused) or set(bounced) != set(refused):
            raise Broken(f"\"{subject}\": the server accepted {sorted(got)}, Alice got a bounce for {bounced}\n{self.box.log()}")
        return (f"\"{subject}\"", "\n".join(recipients), "\n".join("yes" if r in got else "no" for r in recipients),
                "\n".join("bounce" if r in bounced else "-" for r in recipients))

    def first_part(self):
        step(f"{SENDER} sends {len(MAILS)} mails, each in one session")
        for subject, recipients, _ in MAILS:
            self.send(subject, recipients)
        self.settle()
        table([self.outcome(*mail) for mail in MAILS], ("mail", "to", "server accepted", "sender received"))
        step("the bounce in Alice's mailbox")
        print(textwrap.indent(self.reply("bob@army.ml"), "  "))

    def reply(self, recipient):
        """The words of the bounce that come from the wire: the server's, as Alice's mail server believes."""
        text = self.bounce(recipient).text
        begin = text.index(f"<{recipient}>")
        return textwrap.fill(text[begin:text.index(")", text.index("ref ")) + 1], 100)

    def second_part(self):
        step(f"a rule is changed under traffic ({FLOOD_RATE}bit/s beside the mail)")
        listener = self.place.start("server", "iperf3", "-s", "-1", log="iperf-server")
        wait_for("iperf3 to listen", 10, lambda: ":5201" in self.place.run("server", "ss", "-Hltn").stdout)
        loss = network.Loss(self.place)
        flood = self.place.start("client", "iperf3", "-c", SERVER, "-u", "-b", FLOOD_RATE, "-l", 1200, "-t", FLOOD_SECONDS,
                                 log="iperf-client")
        self.send("before", ("dan@mindef.ml",))
        wait_for("the mail before the change", 20, lambda: self.accepted("before"))
        rules = (self.box.dir / "rules.conf").read_text()
        self.box.write_rules(rules.replace(*WATCHED))
        print(f"  - {WATCHED[0]}rcpt domain mindef.ml ...\n  + {WATCHED[1]}rcpt domain mindef.ml ...")
        print(f"$ postern reload\n  {self.box.postern('reload').stdout.strip()}")
        self.send("after", ("eve@mindef.ml",))
        flood.wait(FLOOD_SECONDS + 20)
        listener.wait(10)
        self.settle()
        table([self.outcome("before", ("dan@mindef.ml",), ()), self.outcome("after", ("eve@mindef.ml",), ("eve@mindef.ml",))],
              ("mail", "to", "server accepted", "sender received"))
        print(textwrap.indent(self.reply("eve@mindef.ml"), "  "))
        counts = loss.count()
        print("\n  packets on the wire meanwhile: " + ", ".join(
            f"{sent} {way.replace('_', ' ')}, {lost} lost" for way, (sent, lost) in counts.items()))

    def operators_view(self):
        step("what the operator sees")
        print("$ postern show events")
        print(textwrap.indent(self.box.postern("show", "events").stdout.rstrip(), "  "))

    def last_part(self):
        step("the dataplane is killed; the line stays up (fail-open)")
        before = self.box.steered()
        pings = self.place.start("client", "ping", "-q", "-c", 400, "-i", "0.01", SERVER, log="ping")
        self.box.dataplane.kill()
        self.box.dataplane.wait()
        print("$ kill -9 postern-dp")
        self.send("unread", ("joe@army.ml",))
        wait_for("the mail without a dataplane", 20, lambda: self.accepted("unread"))
        self.box.start_dataplane()
        wait_for("the rules to be live again", 20, lambda: self.box.generation() > 0)
        self.send("read again", ("joe@navy.ml",))
        self.settle()
        table([self.outcome("unread", ("joe@army.ml",), ()),
               self.outcome("read again", ("joe@navy.ml",), ("joe@navy.ml",))],
              ("mail", "to", "server accepted", "sender received"))
        pings.wait(20)
        sent, _, answered = (self.place.dir / "ping").read_text().partition(" packets transmitted, ")
        frames = self.box.steered()
        passed = sum(frames[cause] - before[cause] for cause in ("open_stopped", "open_hung"))
        print(f"\n  frames of mail that passed unread meanwhile: {passed}; "
              f"pings beside it: {sent.split()[-1]} sent, {answered.split()[0]} answered")

    def tell_how_to_play(self):
        postern, settings = program("postern"), self.box.settings
        step("it stays; to play with it")
        print(f"""  send a mail        nsenter --net=/run/netns/{self.place.namespace('client')} swaks --server 127.0.0.1 \\
                       --from {SENDER} --to bob@army.ml
  alice's mailbox    ls {self.client.inbox}/new
  server's mailbox   ls {self.server.inbox}/new
  the rules          editor {self.box.dir}/rules.conf
  make them live     {postern} reload --config {settings}
  look               {postern} show stats|flows|rules|events|steer --config {settings}
  the wire           nsenter --net=/run/netns/{self.place.namespace('server')} tcpdump -ni sv0 port 25
  end it             control/quickstart.sh --stop""")


def main(options):
    if options == ["--stop"]:
        print(f"{remove_kept()} labs removed")
        return 0
    with_keep = options == ["--keep"]
    place = Place()
    try:
        step("the lab")
        demo = Demo(place)
        demo.build()
        demo.first_part()
        demo.second_part()
        demo.operators_view()
        demo.last_part()
        if with_keep:
            demo.tell_how_to_play()
            place.keep()
    except (Broken, RuntimeError, TimeoutError) as e:
        print(f"\nquickstart: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not (place.dir / "kept").exists():
            place.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
