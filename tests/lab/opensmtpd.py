# SPDX-License-Identifier: BSD-3-Clause
"""
An OpenSMTPD of its own. It takes mail from anyone, keeps what is addressed to its own domains in a maildir, and gives
the rest to a server that the domain of the sender names. No DNS is asked.
"""

from .room import Room

# Runs as the user mail. The recipient is in Delivered-To.
KEEP = """\
#!/bin/sh
file=$(mktemp {inbox}/tmp/XXXXXXXXXX)
cat >"$file"
mv "$file" {inbox}/new/
"""

CONFIG = """\
table everyone {{ "@" = "mail" }}
{settings}
listen on {address} port {port} hostname {hostname} {listen}
smtp max-message-size 100M
action "keep" mda "{dir}/keep" virtual <everyone>
{actions}
match from any for {mine} action "keep"
{matches}
"""


class OpenSMTPD(Room):
    package = "opensmtpd"

    def __init__(self, place, side, address, routes=(), mine="any", settings=(), listen="", hostname=None, **how):
        """`routes`: {sender domain: address of its server}; `mine`: domains kept; `settings`: further lines; `listen`: further words of its line;
        `hostname`: what it calls itself."""
        super().__init__(place, side, address, **how)
        (self.dir / "lib" / "opensmtpd" / "empty").mkdir(parents=True)
        keep = self.dir / "keep"
        keep.write_text(KEEP.format(inbox=self.inbox))
        keep.chmod(0o755)
        routes = list(dict(routes).items())
        actions = [f'action "out{i}" relay host smtp://{target}' for i, (_, target) in enumerate(routes)]
        matches = [f'match from any mail-from "@{domain}" for any action "out{i}"' for i, (domain, _) in enumerate(routes)]
        conf = self.dir / "etc" / "smtpd.conf"
        conf.write_text(CONFIG.format(
            address=address, port=self.port, hostname=hostname or f"{self.name}.example", dir=self.dir, mine=mine, listen=listen,
            settings="\n".join(settings), actions="\n".join(actions), matches="\n".join(matches)))
        conf.chmod(0o644)
        (self.dir / "etc" / "mailname").write_text(f"{self.name}.example\n")

    def command(self):
        return "/usr/sbin/smtpd", "-d"

    def retry(self):
        """Deferred mail goes out now; by itself OpenSMTPD waits for 400 s, then ever longer."""
        self.inside("setpriv", "--regid", "opensmtpq", "--clear-groups", "/usr/sbin/smtpctl", "schedule", "all")

    def idle(self):
        """No mail in the queue."""
        return not any(p.is_file() for p in (self.dir / "spool" / "smtpd" / "queue").rglob("*"))
