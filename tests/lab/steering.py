# SPDX-License-Identifier: BSD-3-Clause
"""A box with steering: the program in the kernel carries the line beside, before and after the dataplane."""

import contextlib
import json
import shutil

from . import network
from .box import Box, program
from .place import run, wait_for


class SteeredBox(Box):
    binary = None  # in place of the one that was built
    wrapper = ()  # a command that starts it

    def __init__(self, place, rules, fail="open", heartbeat_ms=200, drain_ms=1000, **how):
        super().__init__(place, rules, **how)
        self.pins = place.dir / "pins"  # on a file system of its own, which goes with the lab
        text = self.settings.read_text().replace("iface=pout0\"\n", f"iface=pout0\"\n      fail: {fail}\n")
        text += (f"steering:\n  enabled: true\n  directory: {self.pins}\n  heartbeat_ms: {heartbeat_ms}\n"
                 f"  drain_ms: {drain_ms}\n")
        self.settings.write_text(text)
        for side, (far, _) in network.END.items():
            # veth takes frames from the other interface's program only where the far end polls.
            place.run(side, "ethtool", "-K", far, "gro", "on")

    def steered(self):
        """Frames by cause, both interfaces together. Also where no dataplane runs."""
        total = {}
        for interface in json.loads(self._ask().stdout)["interfaces"]:
            for cause, frames in interface["frames"].items():
                total[cause] = total.get(cause, 0) + frames
        return total

    def _ask(self):
        return self.place.run("box", program("postern"), "show", "steer", "--json", "--config", self.settings)

    def sessions(self, kind):
        """How many sessions the program knows of a kind: "passed", "edited"."""
        return json.loads(self._ask().stdout)["sessions"][kind]

    def bypass(self, word):
        return self.place.run("box", program("postern"), "bypass", word, "--config", self.settings)

    def detach(self):
        return self.place.run("box", program("postern"), "steer", "detach", "--config", self.settings)

    def dataplane_command(self):
        return [program("postern-dp"), "-c", self.settings]

    def dataplane_pid(self):
        """The process itself; what was started may be the shell that entered the namespace."""
        return self.dataplane.pid

    def start_dataplane_until(self, stage):
        """Starts a dataplane without waiting for its answers: until its program is attached, or its loops run."""
        word = {"begun": "link up", "ready": "ready:"}[stage]
        log = self.place.dir / f"{self.name}-postern-dp.log"
        seen = log.stat().st_size
        self.dataplane = self._launch("postern-dp")
        wait_for(f"postern-dp to be {stage}", 30, lambda: self._alive(self.dataplane) and word in log.read_text()[seen:], 0.01)

    @contextlib.contextmanager
    def other_binary(self):
        """Inside, the dataplane is another file with the same program in it, as after an upgrade."""
        fresh = self.dir / "postern-dp.new"
        shutil.copy2(program("postern-dp"), fresh)
        self.binary = fresh
        try:
            yield
        finally:
            self.binary = None

    def _launch(self, name):
        if name != "postern-dp":
            return super()._launch(name)
        return self.place.start("box", *self.wrapper, self.binary or program(name), "-c", self.settings,
                                log=f"{self.name}-{name}.log")

    def bpf_objects(self):
        """Programs of this box that the kernel holds, whoever holds them there, and the maps they use: two sets of ids."""
        ours = json.loads(run("bpftool", "-j", "map", "show", "pinned", self.pins / "layout-2" / "config").stdout)["id"]
        programs = [p for p in json.loads(run("bpftool", "-j", "prog", "show").stdout) if ours in p.get("map_ids", ())]
        return {p["id"] for p in programs}, {m for p in programs for m in p["map_ids"]}
