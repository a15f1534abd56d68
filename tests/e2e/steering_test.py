# SPDX-License-Identifier: BSD-3-Clause
"""The line stays up: what passes while the dataplane is killed, hangs, is restarted or replaced, and what does not."""

import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading
import time
import unittest

from scene import SENDER, Scene, SceneTest, network, run, sha256, wait_for
from lab.box import program
from lab.place import HUGE_PAGES
from lab.steering import SteeredBox
from lab.throughput import cpu_seconds

MAIL = f"MAIL FROM:<{SENDER}>\r\n"
KILLS = 100 if os.environ.get("POSTERN_LONG") else 6
HEARTBEAT_S = 0.2


class Beside:
    """UDP beside the mail, at a steady rate: context manager; lost() says how many packets did not arrive."""

    def __init__(self, place, rate="20M"):
        self.place, self.rate = place, rate
        self.result = place.dir / "beside.json"

    def __enter__(self):
        self.listener = self.place.start("server", "iperf3", "-s", "-1", log="iperf-server")
        wait_for("iperf3 to listen", 10, lambda: ":5201" in self.place.run("server", "ss", "-Hltn").stdout)
        # More seconds than any test takes: ended by closing().
        self.sender = self.place.start("client", "iperf3", "-c", network.ADDRESS["server"]["v4"], "-u", "-b", self.rate,
                                       "-l", 1200, "-t", 600, "-w", "4M", "--json", log="iperf-client",
                                       stdout=open(self.result, "wb"))
        time.sleep(1)
        return self

    def close(self):
        self.sender.send_signal(signal.SIGINT)
        self.sender.wait(20)
        try:
            self.listener.wait(20)
        except Exception:
            self.listener.kill()

    def __exit__(self, *exception):
        if self.sender.poll() is None:
            self.close()

    def lost(self):
        """(sent, lost)"""
        self.close()
        end = json.loads(self.result.read_text())["end"]
        total = end.get("sum_received") or end["sum"]
        return end["sum"]["packets"], total["lost_packets"]


class MailLoop:
    """One session after another, each with a mail to a good recipient; what did not go as it should is kept."""

    def __init__(self, scene):
        self.scene, self.over = scene, threading.Event()
        self.good, self.bad, self.slowest = [], [], 0.0

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        self.thread.join()

    def run(self):
        while not self.over.is_set():
            subject = f"loop {id(self)} {len(self.good)} {len(self.bad)}"
            body = f"Subject: {subject}\r\n\r\nbody\r\n.\r\n"
            began = time.monotonic()
            replies = self.scene.talk((MAIL, 1), ("RCPT TO:<ann@army.mil>\r\n", 1), ("DATA\r\n", 1), (body, 1), ("QUIT\r\n", 1))
            self.slowest = max(self.slowest, time.monotonic() - began)
            right = [r.code for r in replies] == [250, 250, 354, 250, 221]
            (self.good if right else self.bad).append(subject)


def skip_where_the_kernel_cannot():
    """By the name of the feature that is missing."""
    found = json.loads(run(program("postern"), "doctor", "--json", check=False).stdout)["findings"]
    missing = [f["subject"] for f in found if f["check"] == "bpf" and f["level"] == "error"]
    if missing:
        raise unittest.SkipTest(f"kernel: lacks {', '.join(missing)}")


class SteeringTest(SceneTest):
    scene_options = {"make_box": SteeredBox}

    @classmethod
    def setUpClass(cls):
        skip_where_the_kernel_cannot()
        super().setUpClass()

    @property
    def box(self):
        return self.scene.box

    def diagnosis(self):
        return f"{super().diagnosis()}\n--- steer\n{self.box.postern('show', 'steer', check=False).stdout}"

    def tearDown(self):
        if self.box.dataplane.poll() is not None:
            self.box.start_dataplane()
        self.judging()

    def judging(self):
        """Waits until the dataplane has its rules, and mail reaches it."""
        wait_for("the rules to be live", 30, lambda: self.box.generation() > 0)
        before = self.box.steered()["mail"]
        wait_for("mail to be judged", 20, lambda: self.refused() and self.box.steered()["mail"] > before)

    def refused(self):
        replies = self.scene.talk((MAIL + "RCPT TO:<b@army.ml>\r\n", 2), ("QUIT\r\n", 1))
        return [r.code for r in replies] == [250, 550, 221]

    def passes(self):
        """A mail to a wrong recipient passes: nobody reads it."""
        replies = self.scene.talk((MAIL + "RCPT TO:<b@army.ml>\r\n", 2), ("QUIT\r\n", 1))
        return [r.code for r in replies] == [250, 250, 221]

    def kill(self):
        self.box.dataplane.kill()
        self.box.dataplane.wait()

    def stop(self):
        self.box.dataplane.terminate()
        self.assertEqual(self.box.dataplane.wait(20), 0)

    def cpu_percent(self, seconds):
        before = cpu_seconds(self.box.dataplane_pid())
        time.sleep(seconds)
        return (cpu_seconds(self.box.dataplane_pid()) - before) / seconds * 100

    def more(self, before, cause):
        return self.box.steered()[cause] - before[cause]


class FailOpen(SteeringTest):
    def test_mail_goes_to_the_dataplane_and_everything_else_past_it(self):
        before, packets = self.box.steered(), self.box.total("rx_packets")
        self.scene.place.run("client", "ping", "-c", 20, "-i", "0.01", network.ADDRESS["server"]["v4"])
        self.assertGreaterEqual(self.more(before, "other"), 40)
        self.assertEqual(self.box.total("rx_packets"), packets)
        self.assertTrue(self.refused())
        self.assertGreater(self.more(before, "mail") + self.more(before, "edited"), 10)
        self.assertEqual(self.more(before, "open_stopped") + self.more(before, "open_hung"), 0)

    def test_traffic_beside_the_mail_costs_no_worker_anything(self):
        idle = self.cpu_percent(3)
        packets = self.box.total("rx_packets")
        with Beside(self.scene.place, "200M") as beside:
            busy = self.cpu_percent(3)
            sent, _ = beside.lost()
        print(f"     CPU of the dataplane: {idle:.1f} % idle, {busy:.1f} % with {sent} packets beside it", flush=True)
        self.assertEqual(self.box.total("rx_packets"), packets)
        # A worker that naps takes 8 to 13 %, one that forwards them 40 % and more.
        self.assertLess(max(idle, busy), 2)

    def test_a_worker_that_sleeps_gives_signs_of_life_and_answers_at_once(self):
        before = self.box.steered()
        time.sleep(1)
        began = time.monotonic()
        self.box.show("flows")
        took, quiet = time.monotonic() - began, self.box.reload()["quiesce_ns"] / 1e6
        print(f"     show flows took {took * 1000:.0f} ms, a reload waited {quiet:.2f} ms for the worker", flush=True)
        self.assertLess(took, 1)
        self.assertLess(quiet, 5)
        self.assertTrue(self.refused())
        self.assertEqual(self.more(before, "open_hung") + self.more(before, "open_stopped"), 0)

    def test_a_killed_dataplane_costs_the_traffic_beside_it_nothing_and_mail_goes_on(self):
        before = self.box.steered()
        with Beside(self.scene.place) as beside, MailLoop(self.scene) as loop:
            time.sleep(2)
            self.kill()
            died, until_death = time.monotonic(), len(loop.good)
            wait_for("mail to pass without a dataplane", 15, lambda: len(loop.good) >= until_death + 5)
            self.assertTrue(self.passes())
            gap = time.monotonic() - died
            self.box.start_dataplane()
            time.sleep(2)
            sent, lost = beside.lost()
        print(f"     {len(loop.good)} mails, slowest {loop.slowest:.2f} s, {gap:.1f} s until 6 had passed; beside: {sent} packets, "
              f"{lost} lost", flush=True)
        self.assertEqual((lost, loop.bad), (0, []))
        self.assertGreater(self.more(before, "open_stopped") + self.more(before, "open_hung"), 0)

    def test_a_hung_dataplane_is_passed_by_after_the_heartbeat_time_and_used_again_when_it_goes_on(self):
        before = self.box.steered()
        with Beside(self.scene.place) as beside, MailLoop(self.scene) as loop:
            time.sleep(1)
            self.box.dataplane.send_signal(signal.SIGSTOP)
            try:
                hung = len(loop.good)
                wait_for("mail to pass a hung dataplane", 15, lambda: len(loop.good) >= hung + 5)
            finally:
                self.box.dataplane.send_signal(signal.SIGCONT)
            time.sleep(1)
            sent, lost = beside.lost()
        print(f"     {len(loop.good)} mails, slowest {loop.slowest:.2f} s; beside: {sent} packets, {lost} lost", flush=True)
        self.assertEqual((lost, loop.bad), (0, []))
        self.assertGreater(self.more(before, "open_hung"), 0)
        self.judging()

    def test_a_restart_loses_no_packet_and_no_mail(self):
        with Beside(self.scene.place) as beside, MailLoop(self.scene) as loop:
            for _ in range(3):
                time.sleep(1)
                self.stop()
                self.box.start_dataplane()
            time.sleep(1)
            sent, lost = beside.lost()
        print(f"     {len(loop.good)} mails, slowest {loop.slowest:.2f} s; beside: {sent} packets, {lost} lost", flush=True)
        self.assertEqual((lost, loop.bad), (0, []))

    def test_another_binary_takes_over_without_the_program_leaving_its_interfaces(self):
        links = self.links()
        with Beside(self.scene.place) as beside, MailLoop(self.scene) as loop:
            self.stop()
            with self.scene.box.other_binary():
                self.box.start_dataplane()
                self.judging()
                self.assertIn("postern-dp.new", os.readlink(f"/proc/{self.box.dataplane_pid()}/exe"))
                self.stop()
            self.box.start_dataplane()
            time.sleep(1)
            sent, lost = beside.lost()
        self.assertEqual((lost, loop.bad), (0, []))
        self.assertEqual({link["id"] for link in links}, {link["id"] for link in self.links()})
        self.assertFalse({link["prog_id"] for link in links} & {link["prog_id"] for link in self.links()})

    def test_an_address_is_exempted_and_read_again_while_everything_runs(self):
        before, text = self.box.steered(), self.box.settings.read_text()
        client = network.ADDRESS["client"]["v4"]
        with Beside(self.scene.place) as beside, MailLoop(self.scene) as loop:
            self.apply(text.replace("  flows:", f"  exempt: [{client}, '2001:db8::/32']\n  flows:"))
            try:
                self.assertTrue(self.passes())
                self.assertIn(f"exempt, never read: {client}/32 2001:db8::/32", self.box.postern("show", "steer").stdout)
                self.assertEqual(self.box.show("stats")["scope"]["exempt"], [f"{client}/32", "2001:db8::/32"])
            finally:
                self.apply(text)
            self.assertTrue(self.refused())
            sent, lost = beside.lost()
        self.assertEqual((lost, loop.bad), (0, []))
        self.assertGreater(self.more(before, "exempt"), 20)
        self.assertEqual(self.more(before, "open_hung") + self.more(before, "open_stopped"), 0)

    def test_mail_ports_change_while_everything_runs(self):
        text = self.box.settings.read_text()
        self.apply(text.replace("  flows:", "  mail_ports: [587]\n  flows:"))
        try:
            self.assertTrue(self.passes())
        finally:
            self.apply(text)
        self.assertTrue(self.refused())

    def test_a_session_with_a_verdict_outlives_the_mail_port_that_it_uses(self):
        before, text = self.box.total("exempt"), self.box.settings.read_text()
        taken_off = threading.Timer(1.5, self.apply, [text.replace("  flows:", "  mail_ports: [587]\n  flows:")])
        taken_off.start()
        try:
            replies = self.scene.talk((MAIL + "RCPT TO:<b@army.ml>\r\n", 2), {"pause": 3}, ("RCPT TO:<c@army.ml>\r\n", 1),
                                      ("RCPT TO:<a@army.mil>\r\n", 1), ("QUIT\r\n", 1))
            taken_off.join()
            self.assertEqual([r.code for r in replies], [250, 550, 550, 250, 221])
            self.assertTrue(self.passes())
            self.assertGreater(self.box.total("exempt"), before)
        finally:
            self.apply(text)

    def apply(self, settings):
        self.box.settings.write_text(settings)
        self.scene.place.run("box", program("postern"), "apply", "--config", self.box.settings)

    def links(self):
        """What is attached to the two interfaces."""
        shown = [json.loads(run("bpftool", "-j", "link", "show", "pinned", self.box.pins / f"link-{slot}").stdout) for slot in (0, 1)]
        return [s[0] if isinstance(s, list) else s for s in shown]

    def test_kills_in_a_row_leave_the_line_up_and_nothing_behind(self):
        self.judging()
        carrier = self.carrier_changes()
        objects, huge = self.counts(), HUGE_PAGES.with_name("nr_hugepages").read_text()
        with Beside(self.scene.place, "5M") as beside:
            for round_number in range(KILLS):
                self.kill()
                self.box.start_dataplane_until("begun" if round_number % 2 else "ready")
            sent, lost = beside.lost()
        wait_for("the kernel to let go of the last ones", 10, lambda: self.counts() == objects)
        print(f"     {KILLS} kills; beside: {sent} packets, {lost} lost", flush=True)
        self.assertEqual(lost, 0)
        self.assertEqual(self.carrier_changes(), carrier, "the link went down for a while")
        self.assertEqual(HUGE_PAGES.read_text(), huge)
        self.assertEqual(sorted(p.name for p in self.box.pins.iterdir() if not p.name.endswith(".debug")),
                         ["bypass", "layout-2", "link-0", "link-1"])

    def carrier_changes(self):
        """How often the link of each interface went up or down so far."""
        shown = [self.scene.place.run("box", "ip", "-j", "-s", "-s", "link", "show", "dev", name).stdout for name in ("pin0", "pout0")]
        return [re.search(r'"carrier_changes": *(\d+)', text)[1] for text in shown]

    def counts(self):
        """How many programs and maps of this box the kernel holds."""
        return tuple(map(len, self.box.bpf_objects()))

    def test_the_switch_lets_mail_pass_and_survives_a_restart(self):
        before = self.box.steered()
        self.box.bypass("on")
        try:
            self.assertTrue(self.passes())
            self.assertIn("BYPASSED BY HAND", self.box.postern("show", "steer").stdout)
            self.stop()
            self.box.start_dataplane()
            wait_for("the rules to be live", 30, lambda: self.box.generation() > 0)
            self.assertTrue(self.passes())
            self.assertGreater(self.more(before, "switched"), 20)
        finally:
            self.box.bypass("off")
        self.assertTrue(self.refused())

    def test_a_session_with_a_verdict_is_reset_when_its_dataplane_was_killed(self):
        before = self.box.steered()
        killer = threading.Timer(2, self.kill)
        killer.start()
        began = time.monotonic()
        replies = self.scene.talk((MAIL + "RCPT TO:<b@army.ml>\r\n", 2), {"pause": 4}, ("RCPT TO:<a@army.mil>\r\n", 1),
                                  ("QUIT\r\n", 1))
        killer.join()
        self.assertEqual([r.code for r in replies], [250, 550], "nothing broken may arrive")
        self.assertLess(time.monotonic() - began, 10, "the client must learn it at once")
        self.assertGreater(self.more(before, "orphan_reset"), 0)

    def test_a_session_with_a_verdict_is_finished_before_an_orderly_end(self):
        before = self.box.steered()
        stopper = threading.Timer(1.5, self.stop)
        stopper.start()
        replies = self.scene.talk((MAIL + "RCPT TO:<b@army.ml>\r\n", 2), {"pause": 2}, ("RCPT TO:<a@army.mil>\r\n", 1),
                                  ("RSET\r\n", 1), ("QUIT\r\n", 1))
        stopper.join()
        self.assertEqual([r.code for r in replies], [250, 550, 250, 250, 221], replies)
        self.assertEqual(self.more(before, "orphan_reset"), 0)

    def test_a_second_dataplane_started_by_mistake_does_no_harm(self):
        second = self.scene.place.start("box", *self.box.dataplane_command(), log="second.log")
        self.assertNotEqual(second.wait(30), 0)
        self.assertTrue(self.refused())

    def test_a_dataplane_without_privileges_steers_as_well(self):
        self.stop()
        text = self.box.settings.read_text()
        self.box.settings.write_text(text.replace('user: ""', 'user: "nobody"'))
        try:
            self.box.start_dataplane()
            wait_for("the rules to be live", 30, lambda: self.box.generation() > 0)
            status = dict(line.split(":\t", 1) for line in
                          pathlib.Path(f"/proc/{self.box.dataplane_pid()}/status").read_text().splitlines())
            self.assertEqual({status[name].strip() for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")}, {"0" * 16})
            self.assertEqual(status["NoNewPrivs"].strip(), "1")
            self.assertNotIn("0", status["Uid"].split())
            self.assertTrue(self.refused())
            self.assertGreater(self.box.show("stats")["steering"]["interfaces"][0]["frames"]["mail"], 0)
            self.stop()
        finally:
            self.box.settings.write_text(text)
        self.assertTrue(self.passes())


    def test_a_start_takes_exactly_these_capabilities(self):
        needed = ("net_admin", "net_raw", "sys_admin", "ipc_lock", "setuid", "setgid")
        self.stop()
        text = self.box.settings.read_text()
        self.box.settings.write_text(text.replace('user: ""', 'user: "nobody"'))
        try:
            for missing in needed:
                left = [name for name in needed if name != missing]
                self.assertEqual(self.starts_with(left), False, f"{missing} is not needed")
            self.assertTrue(self.starts_with(needed), self.box.log())
        finally:
            self.box.wrapper = ()
            self.box.settings.write_text(text)

    def starts_with(self, capabilities):
        names = ",".join(f"+{name}" for name in capabilities)
        # A limit on locked memory as an ordinary login has it.
        self.box.wrapper = ("prlimit", "--memlock=8388608", "setpriv", f"--bounding-set=-all,{names}")
        try:
            self.box.start_dataplane_until("ready")
        except RuntimeError:
            return False
        self.stop()
        return True


class TwoWorkers(SteeringTest):
    scene_options = {"make_box": lambda *a, **how: SteeredBox(*a, dataplane="  workers: 2", **how)}

    def test_two_workers_sleep_and_wake_each_other(self):
        used = self.cpu_percent(3)
        print(f"     CPU of the dataplane: {used:.1f} % idle", flush=True)
        self.assertLess(used, 3)
        before = self.box.steered()
        for _ in range(3):
            time.sleep(0.3)
            self.assertTrue(self.refused())
        self.assertEqual(self.more(before, "open_hung") + self.more(before, "open_stopped"), 0)


class Encrypted(SteeringTest):
    """STARTTLS: nothing can be read any more, so the rest of the session never wakes a worker."""

    @classmethod
    def setUpClass(cls):
        skip_where_the_kernel_cannot()
        cls.keys = tempfile.mkdtemp()
        key, certificate = f"{cls.keys}/key.pem", f"{cls.keys}/certificate.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=mx.server.example",
            "-keyout", key, "-out", certificate)
        cls.scene = Scene(make_box=SteeredBox, client=["smtp_tls_security_level = encrypt", "smtp_tls_loglevel = 1"],
                          server=["smtpd_tls_security_level = may", f"smtpd_tls_cert_file = {certificate}",
                                  f"smtpd_tls_key_file = {key}"])

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.keys)

    def judging(self):
        wait_for("the rules to be live", 30, lambda: self.box.generation() > 0)

    def test_an_encrypted_session_goes_past_the_dataplane_until_it_ends(self):
        before, body = self.box.steered(), "x" * 70 + "\n"
        subject = self.scene.submit("ann@army.mil", body=body * 40000)
        message = self.scene.accepted(subject, "ann@army.mil")
        self.assertEqual(sha256(message.body.rstrip(b"\n")), sha256((body * 40000).rstrip("\n").encode()))
        self.assertIn("TLS connection established", self.scene.client.read_log())
        self.assertGreater(self.more(before, "opaque"), 500)
        self.assertLess(self.more(before, "mail"), 200)
        wait_for("the mark to go with the session", 10, lambda: self.box.sessions("passed") == 0)

    def test_an_encrypted_session_outlives_its_dataplane(self):
        killer = threading.Timer(2, self.kill)
        killer.start()
        replies = self.scene.talk(("STARTTLS\r\n", 1), {"tls": True}, ("EHLO c\r\n", 1), {"pause": 4}, (MAIL, 1), ("QUIT\r\n", 1))
        killer.join()
        self.assertEqual([r.code for r in replies], [220, 250, 250, 221], replies)


class FailClosed(SteeringTest):
    scene_options = {"make_box": lambda *a, **how: SteeredBox(*a, fail="closed", **how)}

    def test_without_a_dataplane_mail_stops_and_nothing_else_does(self):
        before = self.box.steered()
        with Beside(self.scene.place) as beside:
            self.kill()
            time.sleep(2 * HEARTBEAT_S)
            self.assertEqual(self.connects(), False)
            self.scene.place.run("client", "ping", "-c", 5, "-i", "0.05", network.ADDRESS["server"]["v4"])
            sent, lost = beside.lost()
        self.assertEqual(lost, 0)
        self.assertGreater(self.more(before, "closed_stopped") + self.more(before, "closed_hung"), 0)
        self.assertEqual(self.more(before, "open_stopped") + self.more(before, "open_hung"), 0)

    def test_a_hung_dataplane_stops_mail_only(self):
        self.box.dataplane.send_signal(signal.SIGSTOP)
        try:
            time.sleep(2 * HEARTBEAT_S)
            before = self.box.steered()
            self.assertEqual(self.connects(), False)
            self.assertGreater(self.more(before, "closed_hung"), 0)
        finally:
            self.box.dataplane.send_signal(signal.SIGCONT)

    def connects(self):
        code = f"import socket; socket.create_connection(('{network.ADDRESS['server']['v4']}', 25), 2)"
        return self.scene.place.run("client", "python3", "-c", code, check=False).returncode == 0
