# SPDX-License-Identifier: BSD-3-Clause
"""The box itself: postern-dp between pin0 and pout0, posternd beside it, and the command to ask both."""

import json
import pathlib
import signal

from .build import TOP, program
from .place import run, wait_for

SETTINGS = """\
operator: Example Carrier
rules: {dir}/rules.conf
dataplane:
  pairs:
    - inside: "{inside}"
      outside: "{outside}"
  huge_pages: {huge_pages}
  flows: 16384
  packets: {packets}
  held_packets: 1024
  user: "{user}"
  socket: {dir}/dataplane.sock
{dataplane}
control:
  socket: {dir}/posternd.sock
  cache: {dir}/cache
  watch: {watch}
events:
  path: {events}
  clear_addresses: true
  key_file: {dir}/key/event.key
"""
AF_XDP = ("net_af_xdp0,iface=pin0", "net_af_xdp1,iface=pout0")


class Box:
    def __init__(self, place, rules, name="box", huge_pages=False, watch=False, events=None, dataplane="", user="", ports=AF_XDP):
        """`rules`: text of the rule file. `dataplane`: further lines of that section of the settings. `ports`: inside, outside."""
        self.place = place
        self.dir = place.dir / name
        self.dir.mkdir()
        self.dir.chmod(0o755)
        self.name = name
        self.settings = self.dir / "postern.yaml"
        self.events_path = events or self.dir / "events.json"
        self.write_rules(rules)
        yes = {True: "true", False: "false"}
        self.settings.write_text(SETTINGS.format(
            dir=self.dir, huge_pages=yes[huge_pages], watch=yes[watch], events=self.events_path, user=user,
            packets=16383, dataplane=dataplane, inside=ports[0], outside=ports[1]))
        self.dataplane = self.daemon = None

    def write_rules(self, text):
        """As a careful editor does it: the file is the old one or the new one, never half of it."""
        fresh = self.dir / "rules.conf.new"
        fresh.write_text(text)
        fresh.rename(self.dir / "rules.conf")

    def start(self):
        self.start_dataplane()
        self.start_daemon()
        return self

    def start_dataplane(self):
        self.dataplane = self._launch("postern-dp")
        wait_for("postern-dp to be ready", 60, lambda: self._alive(self.dataplane) and self._answers("stats"))

    def start_daemon(self):
        self.daemon = self._launch("posternd")
        wait_for("the rules to be live", 60, lambda: self._alive(self.daemon) and self.generation() > 0)

    def _launch(self, name):
        return self.place.start("box", program(name), "-c", self.settings, log=f"{self.name}-{name}.log")

    def _alive(self, process):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[3]} ended with {process.returncode}\n{self.log()}")
        return True

    def _answers(self, view):
        return self.postern("show", view, "--json", check=False).returncode == 0

    def postern(self, command, *arguments, **how):
        """Runs `postern COMMAND`; the settings are added where the command talks to the box."""
        config = ("--config", self.settings) if command in ("show", "reload") else ()
        words = arguments[:1] if command == "show" else ()
        return run(program("postern"), command, *words, *config, *arguments[len(words):], **how)

    def show(self, view, *options):
        return json.loads(self.postern("show", view, "--json", *options).stdout)

    def generation(self):
        done = self.postern("show", "stats", "--json", check=False)
        return json.loads(done.stdout).get("generation", 0) if done.returncode == 0 else 0

    def total(self, counter):
        return self.show("stats")["total"][counter]

    def reload(self, **how):
        done = self.postern("reload", "--json", **how)
        return json.loads(done.stdout) if done.stdout else None

    def events(self):
        path = pathlib.Path(self.events_path)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def resident_kb(self, process=None):
        status = pathlib.Path(f"/proc/{(process or self.dataplane).pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def log(self):
        """What both programs have said, and the counters as far as they still answer."""
        logs = sorted(self.place.dir.glob(f"{self.name}-*.log"))
        stats = self.postern("show", "stats", check=False)
        return "".join(f"--- {p.name}\n{p.read_text(errors='replace')[-4000:]}" for p in logs) + f"--- stats\n{stats.stdout}{stats.stderr}"

    def stop(self):
        for process in (self.daemon, self.dataplane):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
