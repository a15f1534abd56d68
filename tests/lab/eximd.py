# SPDX-License-Identifier: BSD-3-Clause
"""
An Exim of its own. It takes mail from anyone, keeps what is addressed to its own domains in a maildir, and gives the
rest to a server that the domain of the sender names. No DNS is asked.
"""

import shutil

from .room import Room

CONFIG = """\
primary_hostname = {hostname}
local_interfaces = <; {interfaces}
daemon_smtp_ports = {port}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
log_selector = +smtp_protocol_error +smtp_syntax_error {log}
keep_environment =
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
check_spool_space = 0
check_log_space = 0
remote_max_parallel = 4
smtp_accept_max = 400
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 400
smtp_accept_reserve = 0
queue_run_max = 20
deliver_queue_load_max = 1000
{rcpt}
domainlist mine = {mine}
{settings}
begin acl
take:
  accept
{acl}
begin routers
home:
  driver = accept
  domains = +mine
  transport = box
away:
  driver = manualroute
  route_data = ${{lookup{{$sender_address_domain}}lsearch{{/etc/exim4/routes}}}}
  transport = wire
  self = send
  no_more

begin transports
box:
  driver = appendfile
  directory = {inbox}
  maildir_format
  envelope_to_add
  return_path_add
  user = mail
  group = mail
  mode_fail_narrower = false
wire:
  driver = smtp
{transport}

begin retry
* * F,2h,{retry}
{tail}"""


class Exim(Room):
    package = "exim"

    def __init__(self, place, side, address, routes=(), mine="*", settings=(), transport=(), retry="2s", acl="", tail="",
                 runner="-q2s", log="", more=(), **how):
        """`routes`: {sender domain: address of its server}; `mine`: domains kept; `settings`, `transport`, `acl`,
        `tail`: further lines; `runner`: the option that starts queue runners, or nothing; `log`: further words for log_selector; `more`:
        further addresses to listen at."""
        super().__init__(place, side, address, **how)
        self.runner = (runner,) if runner else ()
        etc = self.dir / "etc" / "exim4"
        etc.mkdir()
        for path in (self.dir / "spool" / "exim4", self.dir / "log" / "exim4", self.dir / "lib" / "exim4"):
            path.mkdir()
            shutil.chown(path, 64901, 64901)
        (etc / "routes").write_text("".join(f"{domain}: {target}\n" for domain, target in dict(routes).items()))
        (etc / "exim4.conf").write_text(CONFIG.format(
            hostname=f"{self.name}.example", interfaces=" ; ".join((address, *more)), port=self.port, log=log, mine=mine, inbox=self.inbox, retry=retry,
            settings="\n".join(settings), acl=acl, tail=tail,
            rcpt="" if any(line.startswith("acl_smtp_rcpt") for line in settings) else "acl_smtp_rcpt = take", transport="\n".join(f"  {line}" for line in transport)))

    def command(self):
        return "/usr/sbin/exim4", "-bdf", *self.runner

    def idle(self):
        """No mail in the queue."""
        return not any(p.name.endswith("-H") for p in (self.dir / "spool" / "exim4" / "input").rglob("*"))
