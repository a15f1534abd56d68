# SPDX-License-Identifier: BSD-3-Clause
"""postern doctor: finds what was spoiled on purpose, names the command, and repairs what interrupts nothing."""

import json
import unittest

from lab import network
from lab.box import Box, program
from lab.place import Place


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        network.connect(cls.place)
        cls.box = Box(cls.place, "", user="nobody")
        cls.box.settings.write_text(cls.box.settings.read_text() +
                                    f"steering:\n  enabled: true\n  directory: {cls.place.dir}/pins\n")

    @classmethod
    def tearDownClass(cls):
        cls.place.remove()

    def diagnosis(self):
        return self.doctor().stdout

    def doctor(self, *options, wrapper=()):
        return self.place.run("box", *wrapper, program("postern"), "doctor", "--config", self.box.settings, *options, check=False)

    def findings(self, *options):
        done = self.doctor("--json", *options)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["ok"], done.returncode == 0, done.stdout)
        return answer["findings"]

    def of(self, check, subject, findings=None):
        """(level, fix) of the findings of a check about a subject."""
        return [(f["level"], f["fix"]) for f in findings or self.findings() if (f["check"], f["subject"]) == (check, subject)]

    def test_a_good_lab_has_no_error(self):
        bad = [f for f in self.findings() if f["level"] == "error"]
        self.assertEqual(bad, [])

    def test_every_topic_is_looked_at(self):
        self.assertGreaterEqual({f["check"] for f in self.findings()},
                                {"huge_pages", "iommu", "clock", "cpus", "user", "capabilities", "kernel", "bpf", "bpffs", "port",
                                 "queues", "offloads", "xdp", "mtu"})

    def test_a_tag_kept_outside_of_the_frame_is_found_and_repaired_by_fix(self):
        self.place.run("box", "ethtool", "-K", "pin0", "rxvlan", "on")
        self.assertIn(("warning", "ethtool -K pin0 rxvlan off"), self.of("offloads", "pin0"))
        done = self.doctor("--fix")
        self.assertIn("ethtool -K pin0 rxvlan off: done", done.stderr)
        self.assertNotIn(("warning", "ethtool -K pin0 rxvlan off"), self.of("offloads", "pin0"))

    def test_an_interface_that_is_down_is_an_error_and_fix_sets_it_up(self):
        self.place.run("box", "ip", "link", "set", "pout0", "down")
        self.assertEqual(self.of("port", "pout0"), [("error", "ip link set pout0 up")])
        self.assertEqual(self.of("port", "pout0", self.findings("--fix")), [("ok", None)])

    def test_unequal_mtus_are_an_error_that_fix_leaves_alone(self):
        self.place.run("box", "ip", "link", "set", "pin0", "mtu", 1400)
        try:
            self.assertEqual(self.of("mtu", "pin0, pout0"), [("error", "ip link set pout0 mtu 1400")])
            self.assertEqual(self.of("mtu", "pin0, pout0", self.findings("--fix")), [("error", "ip link set pout0 mtu 1400")])
        finally:
            self.place.run("box", "ip", "link", "set", "pin0", "mtu", 1500)

    def test_an_mtu_that_af_xdp_cannot_have_is_an_error(self):
        for mtu, kind in ((2792, "ok"), (2793, "error"), (1500, "ok")):
            for name in ("pin0", "pout0"):
                self.place.run("box", "ip", "link", "set", name, "mtu", mtu)
            self.assertEqual(self.of("mtu", "pin0, pout0"), [(kind, None)])

    def test_a_missing_interface_is_an_error(self):
        text = self.box.settings.read_text()
        self.box.settings.write_text(text.replace("iface=pin0", "iface=absent0"))
        try:
            self.assertEqual(self.of("port", "absent0"), [("error", None)])
        finally:
            self.box.settings.write_text(text)

    def with_settings(self, change, *options):
        """The findings while the settings read otherwise."""
        text = self.box.settings.read_text()
        changed = change(text)
        self.assertNotEqual(changed, text)
        self.box.settings.write_text(changed)
        try:
            return self.findings(*options)
        finally:
            self.box.settings.write_text(text)

    def test_a_user_that_does_not_exist_is_an_error_with_the_command_that_makes_it(self):
        found = self.with_settings(lambda text: text.replace('user: "nobody"', 'user: "nosuchuser0"'))
        self.assertEqual(self.of("user", "nosuchuser0", found),
                         [("error", "useradd --system --no-create-home --shell /usr/sbin/nologin nosuchuser0")])

    def test_staying_root_is_a_warning(self):
        found = self.with_settings(lambda text: text.replace('user: "nobody"', 'user: ""'))
        self.assertEqual(self.of("user", "postern-dp", found), [("warning", None)])

    def test_a_pci_device_that_is_not_there_is_an_error_and_pci_ports_want_huge_pages(self):
        found = self.with_settings(lambda text: text.replace("net_af_xdp0,iface=pin0", "0000:ff:1f.7"))
        self.assertEqual(self.of("port", "0000:ff:1f.7", found), [("error", None)])
        self.assertEqual(self.of("huge_pages", "memory", found), [("error", None)])
        self.assertIn(self.of("iommu", "machine", found)[0][0], ("ok", "warning"))

    def test_more_huge_pages_than_the_machine_has_are_missed_with_the_command_that_gets_them(self):
        found = self.with_settings(lambda text: text.replace("  huge_pages: false", "  memory_mb: 1048576\n  huge_pages: true"))
        (level, fix), = self.of("huge_pages", "memory", found)
        self.assertEqual(level, "error")
        self.assertRegex(fix, r"^sysctl -w vm.nr_hugepages=\d{6}$")

    def test_more_workers_than_cpus_are_a_warning(self):
        found = self.with_settings(lambda text: text.replace("  flows:", "  workers: 64\n  flows:"))
        self.assertEqual(self.of("cpus", "machine", found), [("warning", None)])

    def test_several_receive_queues_are_an_error_that_fix_leaves_alone(self):
        self.place.run("box", "ip", "link", "add", "many0", "numrxqueues", "2", "numtxqueues", "2", "type", "veth", "peer", "many1")
        self.place.run("box", "ethtool", "-L", "many0", "rx", "2", "tx", "2")
        self.place.run("box", "ip", "link", "set", "many0", "up")
        try:
            for options in ((), ("--fix",)):
                found = self.with_settings(lambda text: text.replace("iface=pin0", "iface=many0"), *options)
                self.assertEqual(self.of("queues", "many0", found), [("error", "ethtool -L many0 rx 1 tx 1")])
        finally:
            self.place.run("box", "ip", "link", "del", "many0")

    def test_merging_in_software_is_found_on_the_interfaces_of_af_packet_only(self):
        packet = lambda text: text.replace("net_af_xdp0,iface=pin0", "net_af_packet0,iface=pin0")  # noqa: E731
        before = self.place.run("box", "ethtool", "-k", "pin0").stdout
        self.place.run("box", "ethtool", "-K", "pin0", "gro", "on")
        try:
            self.assertNotIn(("warning", "ethtool -K pin0 gro off"), self.of("offloads", "pin0"))
            self.assertIn(("warning", "ethtool -K pin0 gro off"), self.of("offloads", "pin0", self.with_settings(packet)))
            self.assertNotIn(("warning", "ethtool -K pin0 gro off"), self.of("offloads", "pin0", self.with_settings(packet, "--fix")))
        finally:
            word = "on" if "generic-receive-offload: on" in before else "off"
            self.place.run("box", "ethtool", "-K", "pin0", "gro", word)

    def test_missing_capabilities_are_named(self):
        done = self.doctor("--json", wrapper=("setpriv", "--bounding-set", "-net_admin,-sys_admin", "--inh-caps", "-all"))
        findings = json.loads(done.stdout)["findings"]
        self.assertEqual({f["subject"] for f in findings if f["check"] == "capabilities"}, {"CAP_NET_ADMIN", "CAP_SYS_ADMIN"})
        self.assertEqual(done.returncode, 1)

    def test_a_foreign_program_is_an_error(self):
        source = self.place.dir / "foreign.c"
        source.write_text('__attribute__((section("xdp"))) int foreign(void *ctx) { return 2; }\n'
                          'char _license[] __attribute__((section("license"))) = "BSD";\n')
        self.place.run("box", "clang", "-target", "bpf", "-O2", "-c", source, "-o", source.with_suffix(".o"))
        self.place.run("box", "ip", "link", "set", "pin0", "xdp", "obj", source.with_suffix(".o"), "sec", "xdp")
        try:
            self.assertEqual(self.of("xdp", "pin0"), [("error", "ip link set pin0 xdp off")])
            done = self.place.run("box", program("postern"), "steer", "attach", "--config", self.box.settings, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("ip link set pin0 xdp off", done.stderr)
        finally:
            self.place.run("box", "ip", "link", "set", "pin0", "xdp", "off")
            self.place.run("box", program("postern"), "steer", "detach", "--config", self.box.settings)

    def test_the_loader_takes_three_capabilities_and_no_less(self):
        words = (program("postern"), "steer", "attach", "--config", self.box.settings)
        self.place.run("box", *words)
        try:
            needed = ("net_admin", "bpf", "perfmon")
            self.assertEqual(self.attach_with(needed), 0)
            for missing in needed:
                self.assertNotEqual(self.attach_with([n for n in needed if n != missing]), 0, f"{missing} is not needed")
        finally:
            self.place.run("box", program("postern"), "steer", "detach", "--config", self.box.settings)

    def attach_with(self, capabilities):
        names = ",".join(f"+{name}" for name in capabilities)
        return self.place.run("box", "setpriv", f"--bounding-set=-all,{names}", program("postern"), "steer", "attach", "--config",
                              self.box.settings, check=False).returncode

    def test_attach_and_detach_leave_nothing(self):
        steer = lambda word: self.place.run("box", program("postern"), "steer", word, "--config", self.box.settings)  # noqa: E731
        self.assertIn("pin0: attached, native", steer("attach").stdout)
        self.assertIn("pin0: attached, native", steer("attach").stdout)
        self.assertEqual(self.of("xdp", "pin0")[0][0], "ok")
        shown = self.place.run("box", program("postern"), "show", "steer", "--config", self.box.settings).stdout
        self.assertIn("no dataplane", shown)
        steer("detach")
        self.assertFalse((self.place.dir / "pins").exists())
        self.assertNotIn("xdp", self.place.run("box", "ip", "link", "show", "pin0").stdout)
        steer("detach")
