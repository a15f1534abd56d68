#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The real postern-dp: on capture files, rings and empty ports, and on AF_XDP between two network namespaces.

Usage: smoke_test.py POSTERN_DP. Needs root. Leaves no namespace, process or socket behind.
"""
import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "postern-dp"
START_SECONDS = 60
# Own names for each run: several may be under way on one machine.
CLIENT, SERVER, INSIDE, OUTSIDE, WIDE = (f"{name}{os.getpid()}" for name in ("psmc", "psms", "psmi", "psmo", "psmw"))
SEALS = 0x02 | 0x04 | 0x08  # F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE


class Dataplane:
    """A running postern-dp with settings, socket, log and events in a directory of its own."""

    def __init__(self, pairs, **settings):
        self.dir = tempfile.TemporaryDirectory(prefix="postern-smoke-")
        self.socket = f"{self.dir.name}/dp.sock"
        self.log = f"{self.dir.name}/log"
        self.config = f"{self.dir.name}/postern.yaml"
        dataplane = {
            "pairs": [{"inside": inside, "outside": outside} for inside, outside in pairs],
            "memory_mb": 256, "flows": 4096, "huge_pages": False, "socket": self.socket, **settings,
        }
        events = {"path": f"{self.dir.name}/events.json", "key_file": f"{self.dir.name}/key"}
        with open(self.config, "w") as f:  # JSON is YAML
            json.dump({"dataplane": dataplane, "events": events}, f, indent=1)
        self.process = None

    def start(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([PROGRAM, "-c", self.config], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + START_SECONDS
        while "ready: " not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"postern-dp is not ready:\n{self.said()}")
            time.sleep(0.02)
        return self

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def stop(self):
        """Returns the exit status."""
        if self.process is None or self.process.returncode is not None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def connect(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(5)
        s.connect(self.socket)
        return s

    def ask(self, request, fd=None):
        """All datagrams of the answer; `request` is an object, or octets as they are."""
        data = request if isinstance(request, bytes) else json.dumps(request).encode()
        with self.connect() as s:
            if fd is None:
                s.send(data)
            else:
                s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))])
            answers = []
            while not answers or not answers[-1].get("end"):
                answers.append(json.loads(s.recv(1 << 17)))
            return answers

    def total(self):
        return self.ask({"cmd": "stats"})[0]["total"]

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            status = self.stop()
            if kind is not None:
                print(self.said(), file=sys.stderr)
            elif status not in (0, None):
                raise AssertionError(f"postern-dp ended with {status}:\n{self.said()}")
        finally:
            self.dir.cleanup()


def wait_for(what, condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)


def frame(number, host, protocol=17):
    """An IPv4 packet from 10.0.0.host with its number inside."""
    payload = struct.pack("!HHHHI", 1000, 2000, 12, 0, number) + bytes(number % 200)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number & 0xffff, 0, 64, protocol, 0,
                       bytes((10, 0, 0, host)), bytes((10, 1, 0, host)))
    return bytes.fromhex("0200000000020200000000010800") + head + payload


def write_pcap(path, frames):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, data in enumerate(frames):
            f.write(struct.pack("<IIII", i, 0, len(data), len(data)) + data)


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    at, frames = 24, []
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


def memfd(data, seals):
    fd = os.memfd_create("rules", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


class VirtualPorts(unittest.TestCase):
    def capture_run(self, frames, **settings):
        with tempfile.TemporaryDirectory() as d:
            write_pcap(f"{d}/in.pcap", frames)
            write_pcap(f"{d}/none.pcap", [])
            pair = (f"net_pcap0,rx_pcap={d}/in.pcap,tx_pcap={d}/back.pcap",
                    f"net_pcap1,rx_pcap={d}/none.pcap,tx_pcap={d}/out.pcap")
            with Dataplane([pair], **settings) as dp:
                wait_for("all frames", lambda: dp.total()["tx_packets"] >= len(frames))
                self.assertEqual(dp.total()["tx_packets"], len(frames))
                dp.stop()
                return read_pcap(f"{d}/out.pcap"), read_pcap(f"{d}/back.pcap")

    def test_frames_of_a_capture_leave_at_the_other_side_as_they_came(self):
        frames = [frame(i, 1) for i in range(3000)]
        frames += [b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x88\xcc" + bytes(46), frame(7, 2)[:30] + bytes(30), b"\0" * 14]
        out, back = self.capture_run(frames)
        self.assertEqual(out, frames)
        self.assertEqual(back, [])

    def test_several_workers_keep_the_order_of_each_host(self):
        frames = [frame(i, i % 50) for i in range(1500)]
        out, _ = self.capture_run(frames, workers=3)
        self.assertEqual(sorted(out), sorted(frames))
        for host in range(50):
            mine = bytes((10, 0, 0, host))
            self.assertEqual([f for f in out if f[26:30] == mine], [f for f in frames if f[26:30] == mine])

    def test_a_link_that_comes_up_late_is_told_with_the_time_it_took(self):
        with tempfile.TemporaryDirectory() as d:
            pair = lambda role: (f"net_memif0,role={role},socket={d}/memif,socket-abstract=no", "net_null1,no-rx=1")  # noqa: E731
            with Dataplane([pair("server")]) as late:
                self.assertIn("link down", late.said())
                self.assertNotIn("ms after the start", late.said())
                with Dataplane([pair("client")]):
                    wait_for("the link to be told", lambda: "ms after the start" in late.said())
                    self.assertRegex(late.said(), r'port "net_memif0,[^"]*": link up \d+ ms after the start')
                    time.sleep(0.2)
                    self.assertEqual(late.said().count("ms after the start"), 1)

    def test_a_card_that_takes_no_rules_leaves_mail_to_software_and_says_so(self):
        with Dataplane([("net_null0", "net_null1")]) as dp:
            self.assertEqual(dp.said().count("mail is told from the rest in software: the card takes no rules"), 2, dp.said())
            self.assertEqual(dp.ask({"cmd": "scope", "mail_ports": [25, 2525], "exempt": ["192.0.2.0/24"]})[0]["ok"], True)
            answer = dp.ask({"cmd": "stats"})[0]
            self.assertEqual([(p["mail_by"], p["rules"]) for p in answer["ports"]], [("software", 0)] * 2)
            self.assertEqual(answer["scope"], {"mail_ports": [25, 2525], "exempt": ["192.0.2.0/24"]})
            self.assertGreater(answer["ports"][0]["rx_packets"], 0)
            self.assertFalse(dp.ask({"cmd": "scope", "mail_ports": [0], "exempt": []})[0]["ok"])
            self.assertFalse(dp.ask({"cmd": "scope", "mail_ports": [25], "exempt": ["192.0.2.1/24"]})[0]["ok"])

    def test_empty_ports_are_served_at_full_speed_and_stop(self):
        with Dataplane([("net_null0", "net_null1")]) as dp:
            wait_for("traffic", lambda: dp.total()["rx_packets"] > 100000)

    def test_all_workers_take_part(self):
        with tempfile.TemporaryDirectory() as d:
            write_pcap(f"{d}/in.pcap", [frame(i, i % 50) for i in range(1500)])
            with Dataplane([(f"net_pcap0,rx_pcap={d}/in.pcap,tx_pcap={d}/back.pcap", "net_null0")], workers=3) as dp:
                wait_for("frames at each", lambda: all(w["rx_packets"] > 300
                                                       for w in dp.ask({"cmd": "stats"})[0]["workers"]))

    def test_rings_are_ports_too(self):
        with Dataplane([("net_ring0", "net_ring1")]) as dp:
            self.assertEqual(dp.ask({"cmd": "ping"})[0]["pid"], dp.process.pid)

    def test_two_pairs_do_not_mix(self):
        with tempfile.TemporaryDirectory() as d:
            pairs, frames = [], [[frame(i, 1 + pair) for i in range(100)] for pair in range(2)]
            write_pcap(f"{d}/none.pcap", [])
            for pair in range(2):
                write_pcap(f"{d}/in{pair}.pcap", frames[pair])
                pairs.append((f"net_pcap{2 * pair},rx_pcap={d}/in{pair}.pcap,tx_pcap={d}/back{pair}.pcap",
                              f"net_pcap{2 * pair + 1},rx_pcap={d}/none.pcap,tx_pcap={d}/out{pair}.pcap"))
            with Dataplane(pairs) as dp:
                wait_for("all frames", lambda: dp.total()["tx_packets"] == 200)
                dp.stop()
                for pair in range(2):
                    self.assertEqual(read_pcap(f"{d}/out{pair}.pcap"), frames[pair])


class Start(unittest.TestCase):
    def refused(self, dp, words):
        with self.assertRaises(AssertionError) as caught:
            dp.start()
        self.assertIn(words, str(caught.exception))
        self.assertEqual(dp.process.wait(5), 1)
        dp.dir.cleanup()

    def test_wrong_settings_are_told_with_their_line(self):
        self.refused(Dataplane([("net_null0", "net_null1")], wrokers=1), 'unknown key "wrokers"')

    def test_a_port_that_is_not_there_is_told(self):
        self.refused(Dataplane([("net_af_xdp0,iface=nonexistent0", "net_null1")]), "net_af_xdp0")

    def test_a_pair_of_one_port_is_refused(self):
        self.refused(Dataplane([("net_null0", "net_null0,size=64")]), "net_null0")

    def test_too_few_packets_are_refused_with_the_number_wanted(self):
        self.refused(Dataplane([("net_null0", "net_null1")], packets=1024), "give at least")

    def test_no_pairs_are_refused(self):
        self.refused(Dataplane([]), "0 pairs of ports")

    def test_check_says_whether_settings_are_good(self):
        dp = Dataplane([("net_null0", "net_null1")])
        self.assertEqual(subprocess.run([PROGRAM, "-c", dp.config, "--check"], stdout=subprocess.DEVNULL).returncode, 0)
        dp.dir.cleanup()

    def test_huge_pages_that_are_required_and_missing_are_told_with_the_remedy(self):
        dp = Dataplane([("net_null0", "net_null1")], huge_pages=True, memory_mb=1048576)
        self.refused(dp, "sysctl -w vm.nr_hugepages=524288")


class ControlSocket(unittest.TestCase):
    def setUp(self):
        self.dp = self.enterContext(Dataplane([("net_ring0", "net_ring1")]))

    def refusal(self, request, fd=None):
        answer = self.dp.ask(request, fd)[0]
        self.assertFalse(answer["ok"])
        return answer["error"]

    def test_only_sealed_and_intact_rule_sets_are_taken(self):
        self.assertIn("memfd", self.refusal({"cmd": "load"}))
        self.assertIn("not sealed", self.refusal({"cmd": "load"}, memfd(b"POSTERN\1" + bytes(500), 0)))
        self.assertIn("empty", self.refusal({"cmd": "load"}, memfd(b"", SEALS)))
        for blob in (b"POSTERN\1", b"POSTERN\1" + bytes(5000), os.urandom(100000)):
            self.assertTrue(self.refusal({"cmd": "load"}, memfd(blob, SEALS)))
        with open(self.dp.config, "rb") as f:
            self.assertIn("not sealed", self.refusal({"cmd": "load"}, f.fileno()))
        self.assertEqual(self.dp.ask({"cmd": "rules"})[0]["generation"], 0)

    def test_nonsense_gets_a_sentence(self):
        for request in (b"x", b"{}", b"[]", b'{"cmd":7}', b'{"cmd":"flows', os.urandom(1000), b"[" * 5000):
            self.assertIn("wanted", self.refusal(request))

    def test_descriptors_that_come_with_requests_are_closed(self):
        def open_files():
            return len(os.listdir(f"/proc/{self.dp.process.pid}/fd"))
        self.dp.ask({"cmd": "ping"}, 0)
        before = open_files()
        for _ in range(50):
            self.dp.ask({"cmd": "ping"}, 0)
        time.sleep(0.1)
        self.assertLessEqual(open_files(), before)

    def test_a_client_that_does_not_read_does_not_keep_others_waiting(self):
        with self.dp.connect() as deaf:
            deaf.settimeout(0.2)
            with contextlib.suppress(socket.timeout, BrokenPipeError):
                for _ in range(500):
                    deaf.send(b'{"cmd":"stats"}')
            begin = time.monotonic()
            self.dp.ask({"cmd": "ping"})
            self.assertLess(time.monotonic() - begin, 3)

    def test_flows_and_events_of_an_idle_box_are_empty_lists(self):
        self.assertEqual(self.dp.ask({"cmd": "flows", "limit": 10})[0]["flows"], [])
        self.assertEqual(self.dp.ask({"cmd": "events", "limit": 10})[0]["events"], [])

    def test_a_second_instance_leaves_the_first_one_alone(self):
        second = Dataplane([("net_null0", "net_null1")], socket=self.dp.socket)
        with self.assertRaises(AssertionError) as caught:
            second.start()
        self.assertIn("served by another", str(caught.exception))
        self.assertTrue(self.dp.ask({"cmd": "ping"})[0]["ok"])
        second.process.wait()
        second.dir.cleanup()

    def test_the_socket_of_a_killed_instance_is_replaced(self):
        self.dp.process.kill()
        self.dp.process.wait()
        self.assertTrue(os.path.exists(self.dp.socket))
        self.dp.start()
        self.assertTrue(self.dp.ask({"cmd": "ping"})[0]["ok"])

    def test_events_go_to_a_new_file_after_a_hangup(self):
        path = f"{self.dp.dir.name}/events.json"
        os.rename(path, path + ".1")
        self.dp.process.send_signal(signal.SIGHUP)
        wait_for("a new file", lambda: os.path.exists(path))


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def inside(namespace, *words, **options):
    return subprocess.Popen(["ip", "netns", "exec", namespace, *words], **options)


ECHO = """
import socket, sys
s = socket.create_server(("10.77.0.2", int(sys.argv[1])))
print("listening", flush=True)
c, _ = s.accept()
while data := c.recv(65536):
    c.sendall(data)
"""

TALK = """
import hashlib, os, socket, sys, threading
want = hashlib.sha256()
c = socket.create_connection(("10.77.0.2", int(sys.argv[1])), 10)
def send():
    for _ in range(256):
        block = os.urandom(65536)
        want.update(block)
        c.sendall(block)
    c.shutdown(socket.SHUT_WR)
t = threading.Thread(target=send)
t.start()
got = hashlib.sha256()
while data := c.recv(65536):
    got.update(data)
t.join()
sys.exit(got.digest() != want.digest())
"""


class AfXdp(unittest.TestCase):
    """Two hosts in namespaces, postern-dp in the wire between them."""

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.clean_up)
        for namespace, root_end, end, address in ((CLIENT, INSIDE, "c0", 1), (SERVER, OUTSIDE, "s0", 2)):
            ip("netns", "add", namespace)
            ip("link", "add", root_end, "type", "veth", "peer", "name", end, "netns", namespace)
            ip("link", "set", root_end, "up")
            ip("-n", namespace, "link", "set", end, "up")
            ip("-n", namespace, "addr", "add", f"10.77.0.{address}/24", "dev", end)
            # Nobody fills in the checksums that a virtual interface leaves out.
            subprocess.run(["ip", "netns", "exec", namespace, "ethtool", "-K", end, "tx", "off"], check=True,
                           stdout=subprocess.DEVNULL)

    @classmethod
    def clean_up(cls):
        for name in (INSIDE, OUTSIDE):
            subprocess.run(["ip", "link", "del", name], stderr=subprocess.DEVNULL)
        for name in (CLIENT, SERVER):
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def dataplane(self, **settings):
        return Dataplane([(f"net_af_xdp0,iface={INSIDE}", f"net_af_xdp1,iface={OUTSIDE}")], **settings)

    def talk(self, port):
        """16 MiB to an echo server and back, compared by hash."""
        with inside(SERVER, sys.executable, "-c", ECHO, str(port), stdout=subprocess.PIPE) as server:
            try:
                self.assertEqual(server.stdout.readline(), b"listening\n")
                with inside(CLIENT, sys.executable, "-c", TALK, str(port)) as client:
                    self.assertEqual(client.wait(60), 0)
            finally:
                server.kill()

    def forwards(self, **settings):
        with self.dataplane(**settings) as dp:
            self.talk(7)
            self.talk(25)  # not SMTP: read, given up, passed
            total = dp.total()
            self.assertEqual(total["tx_dropped"] + total["spread_dropped"] + total["no_buffer"], 0)
            self.assertEqual(total["changed_unjudged"], 0)
            self.assertGreater(total["mail_packets"], 1000)
            self.assertGreater(total["not_mail"], 1000)
            self.assertEqual(total["flows_created"], 1)
            flows = dp.ask({"cmd": "flows"})[0]["flows"]
            self.assertEqual([f["server"] for f in flows], ["10.77.0.2:25"])
            yield dp

    def test_connections_pass_unharmed(self):
        for _ in self.forwards():
            pass

    def test_connections_pass_unharmed_through_several_workers(self):
        for _ in self.forwards(workers=2):
            pass

    def test_it_works_on_as_a_user_without_privileges(self):
        for dp in self.forwards(user="nobody"):
            for task in os.listdir(f"/proc/{dp.process.pid}/task"):
                with open(f"/proc/{dp.process.pid}/task/{task}/status") as f:
                    status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
                self.assertEqual(set(status["Uid"].split()), {"65534"})
                self.assertEqual(int(status["CapPrm"], 16) | int(status["CapEff"], 16), 0)

    def test_no_buffer_gets_lost(self):
        with self.dataplane() as dp:
            self.talk(7)
            time.sleep(0.3)
            before = dp.ask({"cmd": "stats"})[0]["packets"]["free"]
            for _ in range(3):
                self.talk(7)
            # What rings and caches of cores hold differs from moment to moment.
            wait_for("buffers to return",
                     lambda: abs(dp.ask({"cmd": "stats"})[0]["packets"]["free"] - before) <= 2 * 2048 + 512)
            self.assertEqual(dp.total()["no_buffer"], 0)

    def test_it_starts_again_after_it_was_killed(self):
        with self.dataplane() as dp:
            dp.process.kill()
            dp.process.wait()
            dp.start()
            self.talk(7)

    def refused(self, dp, words):
        with self.assertRaises(AssertionError) as caught:
            dp.start()
        self.assertIn(words, str(caught.exception))
        dp.process.wait()
        dp.dir.cleanup()

    def test_different_mtus_are_refused(self):
        ip("link", "set", INSIDE, "mtu", "1400")
        try:
            self.refused(self.dataplane(), "MTU 1400")
        finally:
            ip("link", "set", INSIDE, "mtu", "1500")

    def set_mtu(self, mtu):
        for interface in (INSIDE, OUTSIDE):
            ip("link", "set", interface, "xdp", "off")  # who became nobody has left it, and it limits the MTU of the peer
            ip("link", "set", interface, "mtu", str(mtu))
        for namespace, end in ((CLIENT, "c0"), (SERVER, "s0")):
            ip("-n", namespace, "link", "set", end, "mtu", str(mtu))

    def test_jumbo_frames_pass_up_to_the_mtu_that_is_told_to_be_possible(self):
        self.addCleanup(self.set_mtu, 1500)
        self.set_mtu(9000)
        self.refused(Dataplane([(f"net_af_packet0,iface={INSIDE}", f"net_af_packet1,iface={OUTSIDE}")]),
                     "slots of at least 9088 octets: add framesz=9216")
        # As NIC_AF_XDP_MTU and bpf/README.md have it.
        self.refused(self.dataplane(), "a frame and its room must fit a page; at most 2792 is possible")
        self.set_mtu(2792)
        with self.dataplane() as dp:
            self.talk(25)
            total = dp.total()
            self.assertGreater(total["rx_octets"], 1514 * total["rx_packets"])  # acks are among them
            self.assertEqual(total["tx_dropped"] + total["undecoded"] + total["changed_unjudged"], 0)

    def test_an_interface_whose_second_queue_nobody_would_read_is_refused(self):
        ip("link", "add", WIDE, "numrxqueues", "2", "numtxqueues", "2", "type", "veth", "peer", "name", WIDE + "p")
        try:
            self.refused(Dataplane([(f"net_af_xdp0,iface={WIDE}", f"net_af_xdp1,iface={OUTSIDE}")]),
                         "several receive queues")
        finally:
            ip("link", "del", WIDE)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: root is needed for network namespaces and AF_XDP")
        sys.exit(77)
    unittest.main(verbosity=2)
