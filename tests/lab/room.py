# SPDX-License-Identifier: BSD-3-Clause
"""
A mail server that believes it was installed: its package is unpacked elsewhere, and a mount namespace shows it its
programs in /usr, its accounts and configuration in /etc, and directories of its own in /run, /var/spool, /var/lib and
/var/log. On the machine itself nothing of that exists.
"""

import pathlib
import shutil

from .place import run, wait_for
from .postfix import MTA, Message

# Accounts that the package would have made; numbers that Debian gives to nobody.
ACCOUNTS = {"exim": {"Debian-exim": 64901}, "opensmtpd": {"opensmtpd": 64902, "opensmtpq": 64903}}
OWN = ("run", "spool", "lib", "log")

# $1: the directory of the server, $2: the unpacked package, then the command. The lab's directory stays where it is.
ENTER = """\
set -e
dir=$1 tree=$2; shift 2
mount --bind "$dir/run" "$dir/run"
mkdir -p "$dir/run/${dir#/run/}"
mount --rbind "$dir" "$dir/run/${dir#/run/}"
mount -t overlay room -o "ro,lowerdir=$dir/etc:/etc" /etc
mount -t overlay room -o "ro,lowerdir=$tree/usr:/usr" /usr
for name in spool lib log; do mount --bind "$dir/$name" "/var/$name"; done
mount --rbind "$dir/run" /run
exec "$@"
"""


class Room:
    """What Exim and OpenSMTPD have in common: a room, a port to listen at, a maildir `inbox`."""

    package = None  # which of ACCOUNTS

    def __init__(self, place, side, address, name=None, port=25):
        self.place, self.side, self.address, self.port = place, side, address, port
        self.name = name or f"{self.package}-{side}"
        self.dir = place.dir / self.name
        self.inbox = self.dir / "mail" / "box"
        self.process = None
        for name in OWN + ("etc", "mail/box/new", "mail/box/tmp", "mail/box/cur"):
            (self.dir / name).mkdir(parents=True)
        for path in (self.dir, *self.dir.rglob("*")):
            path.chmod(0o755)
        for path in (self.dir / "mail", *(self.dir / "mail").rglob("*")):
            shutil.chown(path, "mail", "mail")
        self._accounts()

    def _accounts(self):
        passwd, group = (pathlib.Path(p).read_text() for p in ("/etc/passwd", "/etc/group"))
        for name, number in ACCOUNTS[self.package].items():
            if f"\n{name}:" not in passwd:
                passwd += f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
                group += f"{name}:x:{number}:\n"
        (self.dir / "etc" / "passwd").write_text(passwd)
        (self.dir / "etc" / "group").write_text(group)

    def start(self):
        self.process = self.place.start(
            self.side, "unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "room", self.dir,
            MTA / self.package, *self.command(), log=f"{self.name}.out",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC"})
        wait_for(f"{self.name} to listen", 20, self._listens)
        return self

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {self.read_log()}")
        return f"{self.address}:{self.port} " in self.place.run(self.side, "ss", "-Hltn").stdout

    def inside(self, *argv):
        """Runs a command of the package where the server lives."""
        return run("nsenter", f"--target={self.process.pid}", "--mount", "--net", "--", *argv, check=False)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def messages(self):
        """What arrived here, oldest first."""
        return [Message(p) for p in sorted((self.inbox / "new").iterdir(), key=lambda p: p.stat().st_mtime_ns)]

    def read_log(self):
        logs = [self.place.dir / f"{self.name}.out", *sorted((self.dir / "log").rglob("*log"))]
        return "".join(p.read_text(errors="replace") for p in logs if p.is_file())
