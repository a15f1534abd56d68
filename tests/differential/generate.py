# SPDX-License-Identifier: BSD-3-Clause
"""
Dialogues from a seed: valid, odd and hostile. A dialogue is a list of steps (octets, wait): write the octets, then wait
for an answer or go on. Every recipient carries a token of its own in its local part, t<dialogue>x<number>z, so that it is
found again in what a server accepted as a recipient, and in what it took as text.
"""

import random
import re

TOKEN = re.compile(rb"t\d+x\d+z", re.I)

DOMAINS = (b"army.ml", b"ARMY.mil", b"Mail.Army.ml", b"navy.example", b"army.ml.", b"xn--bcher-kva.example", b"a.b-c.example", b"x_y.example")
ODD_DOMAINS = ("bücher.example".encode(), "BÜCHER.example".encode(), b"[192.0.2.9]", b"[IPv6:2001:db8::9]", b"#3221225993", b"army..ml", b".army.ml",
               b"army.ml..", b"-army-.ml", b"army.ml\xe9", b"army\xadml.example", b"army\x00.ml", b"[192.0.2.9", b"1.2.3.4", b"a" * 70 + b".ml",
               b"army.ml>", b"army.ml,x", b"army.ml;", b"(c)army.ml", b"army.ml(c)", b'"army.ml"', b"army .ml", b"army\t.ml", b"army.m\\l", b"ml")

# %t the token, %d a domain, %D another one
LOCALS = (b"%t@%d",) * 30 + (
    b'"%t"@%d', b'"%t x>y"@%d', b'"%t@inner.example"@%d', b'"%t\\"q"@%d', b"%t\\@z@%d", b'"%t\\@z"@%d', b"%t%%d", b"%t%%d@%D", b"%d!%t", b"%d!%t@%D",
    b"%D!%d!%t", b"%t@%d@%D", b"%t", b"%t@", b'"%t', b'"%t@%d', b"%t@%d", b"%t @%d", b"%t@ %d", b"%t\t@%d", b"%t+x@%d", b"%t.@%d", b".%t@%d",
    b"%t..x@%d", b"SRS0=aa=bb=army.mil=%t@%d", b"%t=army.mil@%d", b"%t(c)@%d", b"(c)%t@%d", b'x"%t"@%d', b'"%t"x@%d', b'"a"."%t"@%d', b"%t\xe9@%d",
    "é%t@%d".encode(), b"%t\x00@%d", b"\x00%t@%d", b"%t\\ x@%d", b"\\%t@%d", b"%t;x@%d", b"%t,x@%d", b"%t:x@%d", b"x:%t@%d", b"@%D:%t@%d",
    b"@%D,@%d:%t@%d", b"@%D %t@%d", b"@%t@%d", b"%t<x@%d", b"%t>x@%d", b"%t/x@%d", b"%t'x@%d", b"|%t@%d", b"/%t@%d", b'"%t"', b'""%t@%d', b'"%t"@@%d', b"%t@@%d",
    b"%t%%d%%D", b"%t%%d@[192.0.2.9]", b"postmaster", b"%t\x7f@%d", b"%t\x0b@%d", b"<%t@%d", b'"%t<x"@%d', b'"%t\\\\"@%d', b"%t@%d %D", b"!%t@%d", b"%%t@%d")

# %a an address
RCPTS = (b"RCPT TO:<%a>",) * 30 + (b"rcpt to:<%a>",) * 5 + (
    b"RCPT TO: <%a>", b"RCPT  TO:<%a>", b"RCPT\tTO:<%a>", b"RCPT TO :<%a>", b"RCPT TO:\t<%a>", b" RCPT TO:<%a>", b"\tRCPT TO:<%a>", b"RCPT TO : <%a>",
    b"RCPT TO:%a", b"RCPT TO: %a", b"RCPT TO:<%a", b"RCPT TO:%a>", b"RCPT TO:<<%a>>", b"RCPT TO:<%a> ", b"RCPT TO:<%a>\t", b"RCPT TO:< %a >",
    b"RCPT TO:<%a>x", b"RCPT TO:<%a> NOTIFY=NEVER", b"RCPT TO:<%a> ORCPT=rfc822;x@army.mil", b"RCPT TO:<%a> FOO=<b@c.example>", b"RCPT TO:<%a>FOO=bar",
    b"RCPT TO:<@one.example,@two.example:%a>", b"RCPT TO:<@one.example:%a>", b"RCPT TO:@one.example:%a", b'RCPT TO:"Name" <%a>', b'RCPT TO:"a@b.example" <%a>',
    b"RCPT TO:(comment)<%a>", b"RCPT TO:<%a(c)>", b"RCPT TO:Name <%a>", b"RCPT TO:Two Names <%a>", b"RCPTTO:<%a>", b"RCPT FROM:<%a>", b"RCPT TO<%a>", b"RCPT <%a>",
    b"RCPT %a", b"RCPT TO:<%a>,<%a>", b"RCPT TO:<%a> <%a>", b"RCPT TO:%a %a", b"RCPT TO:%a,%a", b"RCPT TO:<> <%a>", b'RCPT TO:<"x" %a>', b"RCPT TO:=<%a>", b"RCPT TO:<%a;>",
    b"RCPT TO:<group:%a;>", b"RCPT TO:group:%a;", b"RCPT\x00TO:<%a>", b"RCPT TO:\x00<%a>", b"RCPT TO:<%a>\x00", b"\x00RCPT TO:<%a>", b"RCPT\x0bTO:<%a>", b"RCPT TO:\x0b<%a>",
    b"RCPT\x0cTO:<%a>", b"RCPT TO:<%a>\x0b", b"RCPT\xa0TO:<%a>", b"RCPT TO\x00:<%a>", b"RCPT TO:<\\%a>", b"RCPT TO:<%a\r>", b"RCPT TO:\r<%a>", b"RCPT\rTO:<%a>",
    b"RCPT TO:<%a>\rRCPT TO:<%a>", b"RCPT TO:<x@y.example>\rRCPT TO:<%a>", b"RCPT TO:<%a> SIZE=1 <%a>", b"RCPT TO:a=b<%a>", b"RCPT TO:FOO=bar <%a>", b"RCPT TO:<%a> a@b.example",
    b"RCPT TO:x@y.example <%a>", b"RCPT TO:<x@y.example><%a>", b"RCPT TO:\"<%a>", b"RCPT TO:<%a>\"", b"RCPT TO:'<%a>'", b"RCPT TO:<'%a'>", b"RCPT TO:to:<%a>", b"RCPT TO::<%a>", b"RCPT TO:,<%a>",
    b"RCPT TO:<,%a>", b"RCPT TO:<%a,>", b"RCPT TO:<:%a>", b"RCPT TO:;<%a>", b"RCPT:<%a>", b"RCPT TO:>%a<", b"RCPT TO:<> %a", b"RCPT TO:<%a><>", b"RCPTX TO:<%a>", b"RCP TO:<%a>", b"RCPT: TO:<%a>", b".RCPT TO:<%a>",
    b"RCPT TO:<%a>%pad", b"RCPT TO:%pad<%a>", b"RCPT%pad TO:<%a>", b"%padRCPT TO:<%a>", b"RCPT TO:<%a> X=%long", b"RCPT TO:<@%long.example:%a>", b"RCPT TO:<%a.%long>")

MAILS = (b"MAIL FROM:<s@contractor.example>",) * 20 + (
    b"MAIL FROM:<>", b"mail from:<s@contractor.example>", b"MAIL FROM: <s@contractor.example>", b"MAIL FROM:s@contractor.example", b"MAIL  FROM :<s@contractor.example>",
    b"MAIL FROM:<s@contractor.example> SIZE=1000", b"MAIL FROM:<s@contractor.example> BODY=8BITMIME", b"MAIL FROM:<s@contractor.example> SMTPUTF8",
    b"MAIL FROM:<s@contractor.example> SIZE=999999999999", b"MAIL FROM:<s@contractor.example> FOO=bar", b"MAIL FROM:<s@contractor.example", b"MAIL FROM:", b"MAIL", b"MAIL FROM:<@x.example:s@contractor.example>",
    b"MAIL FROM:<s>", b"MAIL FROM:<s@contractor.example> AUTH=<>", b"MAIL TO:<s@contractor.example>", b"MAILFROM:<s@contractor.example>", b"MAIL FROM:<s@contractor.example> RET=HDRS ENVID=x", b"SEND FROM:<s@contractor.example>",
    b"MAIL FROM:<s@contractor.example> BODY=BINARYMIME")

HELLOS = (b"EHLO client.example",) * 12 + (b"HELO client.example",) * 3 + (
    b"ehlo client.example", b"EHLO", b"HELO", b" EHLO client.example", b"EHLO [192.0.2.1]", b"EHLO a b", b"LHLO client.example", b"EHLO\tclient.example", b"EHLO client.example ", b"EHLO %long")

OTHERS = (b"RSET", b"RSET x", b"rset", b"NOOP", b"NOOP x", b"VRFY %a", b"EXPN list", b"HELP", b"HELP RCPT", b"ETRN example.org", b"XCLIENT ADDR=192.0.2.7", b"", b" ", b"\t", b"FOO", b"FOO RCPT TO:<%a>", b"DATA", b"DATA x", b" DATA",
          b"DATA ", b"QUIT", b"QUIT x", b"quit ", b"TURN", b"STARTTLS x", b"AUTH", b"AUTH FOO", b"BURL x", b"Subject: x", b"250 ok", b"\x00", b"\xff\xfe", b"RSET\x00", b"NOOP\x00RCPT TO:<%a>", b"%long", b"RCPT", b"RCPT TO:", b"RCPT TO:<>",
          b"HELO client.example", b"EHLO client.example", b"EHLO x", b"MAIL FROM:<s@contractor.example>", b"MAIL FROM:<again@contractor.example>", b"NOOP %long", b"DATA\x00", b"NOOP\rDATA", b"BDAT", b"XFORWARD NAME=x", b"DATA\r")

AUTHS = ((b"AUTH PLAIN AHVzZXIAcGFzcw==",), (b"AUTH PLAIN", b"AHVzZXIAcGFzcw=="), (b"AUTH LOGIN", b"dXNlcg==", b"cGFzcw=="), (b"AUTH LOGIN dXNlcg==", b"cGFzcw=="), (b"AUTH LOGIN", b"*"), (b"AUTH PLAIN", b"RCPT TO:<%a>"),
         (b"AUTH LOGIN", b"RCPT TO:<%a>", b"MAIL FROM:<s@contractor.example>"), (b"AUTH PLAIN =",), (b"AUTH PLAIN", b""), (b"AUTH LOGIN", b"", b""), (b"AUTH CRAM-MD5", b"x"), (b"AUTH PLAIN", b"%long"), (b"auth  login", b"dXNlcg==", b"d3Jvbmc="))

# Ends of data as someone may read them. The first is the only true one.
ENDS = (b"\r\n.\r\n",) * 8 + (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n.\r\r\n", b"\r\n.\x00\r\n", b"\r\n\x00.\r\n", b"\n.\r", b"\r\r\n.\r\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n", b"\r\n..\r\n", b"\r.\n", b"\n\n.\n",
                             b"\r\n\r.\r\n", b"\n\r.\n\r", b"\r\n.\r.\r\n", b"\n\r\n.\r\n", b"x.\r\n", b"\r\n.x\r\n", b"\x0b.\r\n", b"\r\n.\n\r\n", b"\r\n.\r\n.\r\n", b"\n.\r\n.\r\n", b"\r\n.\x0b\r\n", b"\r\n.")

TEXTS = (b"hello\r\n", b"Subject: x\r\n\r\n", b"To: <x@army.ml>\r\n", b"RCPT TO:<%a>\r\n", b"MAIL FROM:<x@y.example>\r\nRCPT TO:<%a>\r\n", b"..\r\n", b".x\r\n", b"..RCPT TO:<%a>\r\n", b".RCPT TO:<%a>\r\n", b"\r\n", b"\n", b"\r",
         b"bare\nlf\n", b"bare\rcr\r", b"\x00nul\r\n", b"\xff\xfe\r\n", b"DATA\r\n", b"QUIT\r\n", b"RSET\r\n", b"%long\r\n", b"250 ok\r\n", b"354 go\r\n", b". \r\n", b"x\r\n.y\r\n", b"no end", b"NOOP\nRCPT TO:<%a>\n")

EOLS = (b"\r\n",) * 40 + (b"\n",) * 3 + (b"\r", b"\r\r\n", b"\n\r", b"\x00\r\n", b"\r\n\r\n", b"\r\x00\n", b" \r\n", b"\x0b\r\n", b"\n\n")

LENGTHS = (60, 300, 480, 505, 512, 520, 1000, 1024, 1100, 2000, 2040, 2049, 2100, 4080, 4096, 4100, 9000, 17000, 70000)


class Generator:
    def __init__(self, seed, number):
        self.random = random.Random(f"{seed}/{number}")
        self.number, self.tokens = number, 0
        self.steps = []
        # A mood per dialogue, so that there are whole valid ones, and whole strange ones.
        r = self.random.random()
        self.oddness = 0.0 if r < 0.12 else 0.04 if r < 0.55 else 0.12 if r < 0.88 else 0.5
        self.patience = self.random.choice((1.0, 1.0, 0.8, 0.5, 0.0))
        self.eols = self.random.choice((b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", None))

    def odd(self):
        return self.random.random() < self.oddness

    def pick(self, choices, plain=0):
        return self.random.choice(choices) if self.odd() else choices[plain]

    def address(self):
        self.tokens += 1
        token = b"t%dx%dz" % (self.number, self.tokens)
        domains = ODD_DOMAINS if self.random.random() < self.oddness / 3 else DOMAINS
        one, two = self.random.choice(domains), self.random.choice(DOMAINS)
        return self.pick(LOCALS).replace(b"%t", token).replace(b"%d", one).replace(b"%D", two)

    def fill(self, text):
        while b"%a" in text:
            text = text.replace(b"%a", self.address(), 1)
        if b"%pad" in text:
            text = text.replace(b"%pad", self.random.choice((b" ", b"\t")) * self.random.choice(LENGTHS))
        if b"%long" in text:
            text = text.replace(b"%long", b"l" * self.random.choice(LENGTHS))
        return text

    def eol(self):
        if self.eols is None or self.random.random() < self.oddness / 5:
            return self.random.choice(EOLS)
        return self.eols

    def say(self, octets, wait=None):
        """Adds octets; a piece of the last step where nothing waits between."""
        self.steps.append((octets, self.random.random() < self.patience if wait is None else wait))

    def command(self, choices):
        self.say(self.fill(self.pick(choices)) + self.eol())

    def recipients(self):
        for _ in range(self.random.choice((1, 1, 1, 2, 2, 3, 5, 8)) if self.random.random() < 0.98 else 45):
            self.command(RCPTS)
            if self.odd():
                self.command(OTHERS if self.random.random() < 0.5 else RCPTS)

    def text(self):
        parts = [b"Subject: x\r\n\r\n"] if self.random.random() < 0.7 else []
        for _ in range(self.random.choice((0, 1, 2, 4))):
            parts.append(self.fill(self.random.choice(TEXTS if self.oddness else TEXTS[:10])))
        return b"".join(parts)

    def next_mail(self):
        """What a smuggler puts behind an end that is none, or a client behind a true one."""
        return (b"MAIL FROM:<s@contractor.example>" + self.eol() + self.fill(self.pick(RCPTS)) + self.eol()
                + (b"DATA" + self.eol() if self.random.random() < 0.5 else b""))

    def data(self):
        self.say(self.pick((b"DATA", b"data", b"DATA ", b"DATA x", b" DATA", b"DATA\t")) + self.eol())
        for _ in range(self.random.choice((1, 1, 1, 2, 3)) if self.oddness else 1):
            body = self.text()
            end = self.pick(ENDS)
            self.say(body + end, self.random.random() < (0.95 if end == b"\r\n.\r\n" else 0.3))
            if self.oddness and self.random.random() < 0.4:
                self.say(self.next_mail())
        if self.random.random() < 0.9:
            self.say(b"\r\n.\r\n", True)

    def chunks(self):
        for i in range(count := self.random.choice((1, 1, 2, 3))):
            body = self.text()
            last = i == count - 1
            size = len(body)
            if self.odd():
                size = self.random.choice((0, max(size - 3, 0), size + 7, 10**9, 2**31, 2**32, 2**64, 10**20))
            line = b"BDAT %d%s" % (size, b" LAST" if last else b"")
            if self.odd():
                line = self.random.choice((b"BDAT x", b"BDAT", b"BDAT -1", b"BDAT %d FIRST" % size, b"BDAT  %d  LAST" % size, b"bdat %d last" % size, b"BDAT %d LAST x" % size, b"BDAT %dx" % size, b"BDAT +%d LAST" % size,
                                           b"BDAT 0x10 LAST", b"BDAT 0%d LAST" % size, b"BDAT\t%d\tLAST" % size, b"BDAT %d LAST " % size, b"BDAT %d LASTX" % size, b"BDAT %d,LAST" % size, b"BDAT 0 LAST", b" BDAT %d LAST" % size, b"BDAT %d.0 LAST" % size))
            behind = self.next_mail() if self.odd() else b""
            if self.random.random() < 0.7:
                self.say(line + self.eol() + body + behind)
            else:
                self.say(line + self.eol(), self.random.random() < 0.5)
                self.say(body + behind)

    def mail(self):
        self.command(MAILS)
        self.recipients()
        r = self.random.random()
        if r < 0.6:
            self.data()
        elif r < 0.8:
            self.chunks()
        elif r < 0.9:
            self.say(self.random.choice((b"RSET", b"EHLO again.example", b"HELO again.example", b"MAIL FROM:<nested@contractor.example>")) + self.eol())
            self.command(RCPTS)

    def auth(self):
        for line in self.random.choice(AUTHS):
            self.say(self.fill(line) + self.eol(), self.random.random() < 0.8)

    def dialogue(self):
        """The steps. The first may come before the greeting."""
        self.greeted = self.random.random() >= self.oddness / 8
        self.command(HELLOS)
        if self.random.random() < 0.08:
            self.auth()
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            if self.odd() and self.random.random() < 0.3:
                self.recipients()
            if self.odd():
                self.command(OTHERS)
            self.mail()
        if self.oddness and self.random.random() < 0.3:
            self.say(self.next_mail())
        if self.random.random() < 0.5:
            self.say(b"QUIT\r\n", True)
        return self.merge()

    def merge(self):
        """Steps that nothing separates become one write, or several cut anywhere."""
        out, pending = [], b""
        for octets, wait in self.steps:
            pending += octets
            if wait or self.random.random() < 0.2:
                if self.random.random() < 0.1 and len(pending) > 2:
                    cut = self.random.randrange(1, len(pending))
                    out.append((pending[:cut], False))
                    pending = pending[cut:]
                out.append((pending, wait))
                pending = b""
        if pending:
            out.append((pending, True))
        return out
