# SPDX-License-Identifier: BSD-3-Clause
"""
Clients that are no mail server: one call, one session. Each sends a whole message (header and body, lines with LF) and
returns what it said, which holds the reply of a refusal.
"""

import json

from .postfix import MTA

PYTHON = "/usr/bin/python3"

AIOSMTPLIB = """\
import asyncio, json, sys
import aiosmtplib
host, sender, recipients = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
async def main():
    message = sys.stdin.buffer.read().replace(b"\\n", b"\\r\\n")
    try:
        async with aiosmtplib.SMTP(hostname=host, port=25, timeout=300, start_tls=False) as smtp:
            refused, _ = await smtp.sendmail(sender, recipients, message)
    except aiosmtplib.SMTPRecipientsRefused as e:
        refused = {r.recipient: (r.code, r.message) for r in e.recipients}
    for recipient, (code, text) in refused.items():
        print(recipient, code, text)
asyncio.run(main())
"""


class Tool:
    def __init__(self, place, name):
        self.place, self.name = place, name
        self.dir = place.dir / f"tool-{name}"
        self.dir.mkdir()

    def send(self, server, sender, recipients, message):
        """Sends to the server's address, through the box. Returns the program's words."""
        file = self.dir / f"{abs(hash((sender, tuple(recipients), message)))}"
        file.write_text(message)
        done = getattr(self, self.name.replace("-", "_"))(str(server), sender, recipients, file)
        return done.stdout + done.stderr

    def run(self, *argv, **how):
        return self.place.run("client", *argv, check=False, timeout=how.pop("timeout", 600), **how)

    def swaks(self, server, sender, recipients, file):
        return self.run("swaks", "--server", server, "--timeout", 300, "--pipeline", "--from", sender, "--to", ",".join(recipients),
                        "--data", f"@{file}")

    def msmtp(self, server, sender, recipients, file):
        return self.run("msmtp", "--file=/dev/null", f"--host={server}", "--port=25", f"--from={sender}", "--auth=off", "--tls=off",
                        "--timeout=300", "--", *recipients, input=file.read_text())

    def curl(self, server, sender, recipients, file):
        wire = file.with_suffix(".crlf")
        wire.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
        to = [word for r in recipients for word in ("--mail-rcpt", r)]
        return self.run("curl", "--silent", "--show-error", "--verbose", "--mail-rcpt-allowfails", f"smtp://{server}:25/curl.example",
                        "--mail-from", sender, *to, "--upload-file", wire)

    def aiosmtplib(self, server, sender, recipients, file):
        return self.run(PYTHON, "-c", AIOSMTPLIB, server, sender, json.dumps(recipients), input=file.read_text())

    def smtp_source(self, server, sender, recipients, file):
        """Further recipients it makes by numbers before the first: 2name@domain, ... -A: a refusal does not end it."""
        number = ("-r", len(recipients)) if len(recipients) > 1 else ()
        return self.run(MTA / "postfix/usr/sbin/smtp-source", "-A", "-f", sender, "-t", recipients[0], *number,
                        "-F", file, f"inet:{server}:25",
                        env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": str(MTA / "postfix/usr/lib/postfix"), "MAIL_CONFIG": str(self.conf())})

    def conf(self):
        where = self.dir / "conf"
        where.mkdir(exist_ok=True)
        (where / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = source.example\n")
        return where
