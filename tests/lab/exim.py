# SPDX-License-Identifier: BSD-3-Clause
"""
An Exim that sends: unlike Postfix it uses BDAT wherever the server offers CHUNKING. It delivers one mail a call, in
the foreground. Its account is compiled in, so it runs where /etc/passwd has that account: in mounts of its own.
"""

import pathlib

from . import network
from .postfix import HOME, MTA, Message

PROGRAM = MTA / "exim" / "usr" / "sbin" / "exim4"

CONFIGURATION = """\
primary_hostname = mx.exim.example
exim_path = {program}
spool_directory = {dir}/spool
log_file_path = {dir}/log-%s
keep_environment =
never_users =
begin routers
mine:
  driver = accept
  domains = {home}
  transport = box
other:
  driver = manualroute
  domains = *
  route_list = * {server} byname
  transport = chunks
begin transports
box:
  driver = appendfile
  directory = {dir}/box
  maildir_format
  create_directory
  user = Debian-exim
  group = Debian-exim
chunks:
  driver = smtp
  hosts_try_chunking = *
  hosts_avoid_tls = *
  hosts_try_dane =
  dnssec_request_domains =
begin retry
* * F,1h,5s
"""

# The account is there only for what runs inside.
SCRIPT = """\
set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
shift
exec "$@"
"""


class Exim:
    def __init__(self, place):
        self.place = place
        self.dir = place.dir / "exim"
        for path in (self.dir, self.dir / "spool", self.dir / "box"):
            path.mkdir()
            path.chmod(0o777)
        for name, line in (("passwd", "Debian-exim:x:64999:64999::/:/bin/false\n"), ("group", "Debian-exim:x:64999:\n")):
            (self.dir / name).write_text(pathlib.Path(f"/etc/{name}").read_text() + line)
        self.configuration = self.dir / "exim.conf"
        self.configuration.write_text(CONFIGURATION.format(
            dir=self.dir, home=HOME, server=network.ADDRESS["server"]["v4"], program=PROGRAM))

    def send(self, subject, body, sender, *recipients):
        mail = f"From: {sender}\nTo: {', '.join(recipients)}\nSubject: {subject}\n\n{body}"
        return self.place.run("client", "unshare", "--mount", "sh", "-c", SCRIPT, "sh", self.dir, PROGRAM, "-C", self.configuration, "-odf", "-oi", "-f", sender, *recipients, input=mail)

    def messages(self):
        where = self.dir / "box" / "new"
        return [Message(p) for p in sorted(where.iterdir())] if where.is_dir() else []

    def read_log(self):
        return "".join(p.read_text() for p in sorted(self.dir.glob("log-*")))
