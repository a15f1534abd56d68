# SPDX-License-Identifier: BSD-3-Clause
"""
A Postfix of its own: unpacked binaries, own configuration, queue and data directory, in one namespace of the lab.
It takes mail from anyone, keeps what is addressed to its own domains in a mailbox, and gives the rest to the
server at the other end, whose address depends on the sender's domain (v6.*, vlan.*, qinq.*: see network.py). No DNS is asked.
"""

import email
import email.policy
import hashlib
import os
import pathlib
import pwd
import grp

from . import network
from .place import run, wait_for

MTA = pathlib.Path(os.environ.get("POSTERN_LAB", "/var/cache/postern-lab")) / "mta"

# Accounts that every Debian has, so that none must be created. Postfix wants a user and a group nobody else uses here.
OWNER, DROP_GROUP = "mail", "irc"

# The domains of senders: the name says by which address the other end is reached.
HOME = "contractor.example"
HOMES = [HOME] + [f"{kind}.{HOME}" for kind in ("v6", "vlan", "qinq")]

MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    def __init__(self, place, side, name=None, port=25, settings=()):
        """The client's keeps mail for HOMES, the server's all mail. `settings`: further lines of its main.cf."""
        self.place, self.side, self.port = place, side, port
        self.name = name or f"postfix-{side}"
        self.dir = place.dir / self.name
        self.inbox = self.dir / "mail" / "box"
        self.log = self.dir / "log"
        self.process = None
        self._lay_out()
        self._configure("static:here" if side == "server" else " ".join(HOMES), settings)

    def _lay_out(self):
        owner, drop = pwd.getpwnam(OWNER).pw_uid, grp.getgrnam(DROP_GROUP).gr_gid
        queue = self.dir / "queue"
        for path in (self.dir, self.dir / "conf", queue, queue / "pid"):
            path.mkdir(exist_ok=True, parents=True)
            path.chmod(0o755)
        for name in "active bounce corrupt defer deferred flush hold incoming private saved trace".split():
            (queue / name).mkdir(mode=0o700)
            os.chown(queue / name, owner, -1)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            (queue / name).mkdir()
            os.chown(queue / name, owner, drop)
            (queue / name).chmod(mode)
        for path in (self.dir / "data", self.dir / "mail"):
            path.mkdir(mode=0o700)
            os.chown(path, owner, -1)

    def _configure(self, mine, settings):
        peer = network.ADDRESS["server" if self.side == "client" else "client"]
        program = MTA / "postfix" / "usr"
        uid = pwd.getpwnam(OWNER).pw_uid
        conf = self.dir / "conf"
        (conf / "master.cf").write_text(MASTER.format(port=self.port))
        (conf / "routes").write_text(
            "".join(rf"/@{kind}\./ [{peer[kind]}]:25" "\n" for kind in ("v6", "vlan", "qinq")))
        lines = [
            "compatibility_level = 3.6",
            f"mail_owner = {OWNER}",
            f"setgid_group = {DROP_GROUP}",
            f"daemon_directory = {program}/lib/postfix/sbin",
            f"command_directory = {program}/sbin",
            f"shlib_directory = {program}/lib/postfix",
            f"meta_directory = {conf}",
            f"queue_directory = {self.dir}/queue",
            f"data_directory = {self.dir}/data",
            f"maillog_file = {self.log}",
            f"maillog_file_prefixes = {self.dir}",
            "import_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ=UTC",
            f"myhostname = mx.{self.side}.example",
            "mydestination =",
            "local_recipient_maps =",
            "alias_maps =",
            "inet_interfaces = all",
            "inet_protocols = all",
            "mynetworks = 0.0.0.0/0 [::]/0",
            "smtpd_peername_lookup = no",
            "disable_dns_lookups = yes",
            "smtp_host_lookup = native",
            "default_database_type = texthash",
            f"relayhost = [{peer['v4']}]:25",
            f"sender_dependent_relayhost_maps = regexp:{conf}/routes",
            f"virtual_mailbox_domains = {mine}",
            f"virtual_mailbox_base = {self.dir}/mail",
            "virtual_mailbox_maps = static:box/",
            f"virtual_uid_maps = static:{uid}",
            f"virtual_gid_maps = static:{uid}",
            "virtual_minimum_uid = 1",
            "virtual_mailbox_limit = 0",
            "message_size_limit = 0",
            "in_flow_delay = 0",
            "smtpd_client_connection_rate_limit = 0",
            "minimal_backoff_time = 5s",
            "queue_run_delay = 5s",
            "maximal_backoff_time = 10s",
            *settings]
        # The later of two lines for one setting counts. Postfix would say so in warnings, and enough of them make
        # postlogd wait for itself.
        chosen = {line.partition("=")[0].strip(): line for line in lines}
        (conf / "main.cf").write_text("".join(f"{line}\n" for line in chosen.values()))

    @property
    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": str(MTA / "postfix/usr/lib/postfix")}

    def command(self, name, *arguments):
        return run(MTA / "postfix/usr/sbin" / name, "-c", self.dir / "conf", *arguments, env=self.environment)

    def start(self):
        self.process = self.place.start(
            self.side, MTA / "postfix/usr/lib/postfix/sbin/master", "-c", self.dir / "conf", "-s",
            log=f"{self.name}.out", env=self.environment)
        wait_for(f"{self.name} to listen", 20, self._listens)
        return self

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.read_log()}")
        sockets = self.place.run(self.side, "ss", "-Hltnp").stdout.splitlines()  # another server may have the port, too
        return any(f":{self.port} " in line and f"pid={self.process.pid}," in line for line in sockets)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def read_log(self):
        out = self.place.dir / f"{self.name}.out"
        return "".join(p.read_text(errors="replace") for p in (self.log, out) if p.exists())

    def messages(self):
        """What arrived here, oldest first: envelope recipient in X-Original-To, envelope sender in Return-Path."""
        where = self.inbox / "new"
        files = sorted(where.iterdir(), key=lambda p: p.stat().st_mtime_ns) if where.is_dir() else []
        return [Message(p) for p in files]

    def await_message(self, what, wanted, seconds=30):
        """The first message for which wanted(message) is true."""
        try:
            return wait_for(what, seconds, lambda: next((m for m in self.messages() if wanted(m)), None), 0.2)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.read_log()[-3000:]}") from None

    def idle(self):
        """No mail in the queue, waiting or on its way."""
        return not any(f for d in ("maildrop", "incoming", "active", "deferred")
                       for f in (self.dir / "queue" / d).rglob("*") if f.is_file())


# Where Postfix and aiosmtpd, Exim, OpenSMTPD, smtp-sink write the envelope recipient; the first that is there counts.
RECIPIENT_HEADERS = ("X-Original-To", "Envelope-To", "X-Rcpt-Args", "Delivered-To")


class Message:
    def __init__(self, path):
        self.octets = path.read_bytes()
        self.mail = email.message_from_bytes(self.octets, policy=email.policy.default)
        self.recipients = [str(v).strip().lstrip("<").partition(">")[0] for name in RECIPIENT_HEADERS for v in self.mail.get_all(name, ())]
        self.recipient = self.recipients[0] if self.recipients else ""
        self.sender = str(self.mail.get("Return-Path", "")).strip("<>")
        self.subject = str(self.mail.get("Subject", ""))

    @property
    def body(self):
        """What follows the header, line ends as stored (LF)."""
        return self.octets.partition(b"\n\n")[2]

    @property
    def text(self):
        """All text of a bounce in one string, white space folded so that a wrapped reply is found."""
        parts = [p.get_content() for p in self.mail.walk() if p.get_content_maintype() == "text"]
        parts += [str(p) for p in self.mail.walk() if p.get_content_type() == "message/delivery-status"]
        return " ".join(" ".join(map(str, parts)).split())

    @property
    def is_bounce(self):
        return self.mail.get_content_type() == "multipart/report"

    def body_sum(self):
        return hashlib.sha256(self.body).hexdigest()
