# SPDX-License-Identifier: BSD-3-Clause
"""What goes wrong in the life of a box: a clear error, the old rules still judging, no mail lost."""

import pathlib
import signal
import struct
import time

from scene import RULES, SENDER, Scene, SceneTest, run, wait_for
from lab import handover
from lab.box import Box, program

MAIL = f"MAIL FROM:<{SENDER}>\r\n"


class Trouble(SceneTest):
    scene_options = {"client": ["smtp_connect_timeout = 2s", "smtp_helo_timeout = 10s"]}

    def tearDown(self):
        """Whatever a test broke, the next one finds a box that judges."""
        box = self.scene.box
        if box.dataplane.poll() is not None:
            box.start_dataplane()
        if box.daemon.poll() is not None:
            box.start_daemon()
        box.write_rules(RULES)
        wait_for("the rules to be live again", 30, lambda: box.reload(check=False)["ok"])

    def assertStillJudging(self):
        replies = self.scene.talk((MAIL + "RCPT TO:<a@army.mil>\r\nRCPT TO:<b@army.ml>\r\n", 3), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 250, 550, 221], replies)

    def test_malformed_rules_are_refused_with_file_line_and_column_and_the_old_ones_judge_on(self):
        box = self.scene.box
        before = box.generation()
        box.write_rules("rule good reject rcpt domain army.ml means=army.mil\nrule r1 rejekt rcpt domain army.ml\n"
                        "rule r2 reject rcpt regex ((( \n")
        done = box.postern("reload", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{box.dir}/rules.conf:2:9:", done.stderr)
        self.assertIn(f"{box.dir}/rules.conf:3:", done.stderr)
        self.assertIn("rejekt", done.stderr)
        self.assertEqual(box.generation(), before)
        self.assertStillJudging()
        self.assertIn("rejekt", str(box.show("rules")["last_error"]))

    def test_a_damaged_rule_set_is_refused_by_the_dataplane(self):
        blob = handover.blob_in_cache(self.scene.box.dir / "cache")
        blob[-20] ^= 0x55
        self.refused(blob, "damaged")

    def test_a_truncated_rule_set_is_refused_by_the_dataplane(self):
        blob = handover.blob_in_cache(self.scene.box.dir / "cache")
        for length in (len(blob) - 1, len(blob) // 2, 100, 1):
            self.refused(blob[:length], "")

    def test_a_rule_set_of_another_engine_version_is_refused_by_the_dataplane(self):
        blob = handover.blob_in_cache(self.scene.box.dir / "cache")
        blob[handover.ENGINE:handover.ENGINE + 5] = b"9.9.9"
        self.refused(handover.with_digest(blob), "engine")

    def test_a_rule_set_of_another_release_is_refused_by_the_dataplane(self):
        blob = handover.blob_in_cache(self.scene.box.dir / "cache")
        struct.pack_into("<I", blob, handover.ABI, 77)
        self.refused(handover.with_digest(blob), "")

    def test_a_rule_set_that_could_still_be_changed_is_refused_by_the_dataplane(self):
        self.refused(handover.blob_in_cache(self.scene.box.dir / "cache"), "sealed", seals=0)

    def refused(self, blob, word, **how):
        box = self.scene.box
        before = box.generation()
        answer = handover.load(box.dir / "dataplane.sock", blob, **how)
        self.assertFalse(answer["ok"])
        self.assertIn(word, answer["error"])
        self.assertGreater(len(answer["error"]), 20, answer)
        self.assertEqual(box.generation(), before)
        self.assertStillJudging()

    def test_a_damaged_cache_entry_is_compiled_anew(self):
        box = self.scene.box
        for entry in (box.dir / "cache").glob("*.ruleset"):
            octets = bytearray(entry.read_bytes())
            octets[len(octets) // 2] ^= 0xFF
            entry.write_bytes(octets)
        answer = box.reload()
        self.assertTrue(answer["ok"])
        self.assertFalse(answer["cached"])
        self.assertStillJudging()

    def test_without_the_daemon_the_command_says_so_at_once_and_mail_is_judged(self):
        box = self.scene.box
        box.daemon.kill()
        box.daemon.wait()
        began = time.monotonic()
        done = box.postern("reload", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("posternd", done.stderr)
        self.assertLess(time.monotonic() - began, 5)
        self.assertStillJudging()

    def test_a_hung_daemon_is_told_within_bounded_time(self):
        box = self.scene.box
        box.daemon.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            for words in (("reload",), ("show", "rules")):
                done = box.postern(*words, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("does not answer", done.stderr)
            self.assertLess(time.monotonic() - began, 10)
            self.assertStillJudging()
        finally:
            box.daemon.send_signal(signal.SIGCONT)

    def test_after_a_killed_dataplane_mail_waits_and_the_new_one_gets_the_rules_by_itself(self):
        box, scene = self.scene.box, self.scene
        box.dataplane.kill()
        box.dataplane.wait()
        began = time.monotonic()
        done = box.postern("show", "stats", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("postern-dp", done.stderr)
        done = box.postern("reload", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertLess(time.monotonic() - began, 15)
        subject = scene.submit("ann@army.mil", "bob@army.ml")
        time.sleep(3)
        box.start_dataplane()
        wait_for("the rules to be handed over", 30, lambda: box.generation() > 0)
        self.assertStillJudging()
        scene.accepted(subject, "ann@army.mil")
        self.assertRefused(scene.bounce("bob@army.ml", subject).text, "army.ml", "army.mil")
        self.assertEqual(scene.received(subject), ["ann@army.mil"])

    def test_a_wrong_key_in_the_settings_is_told_with_file_and_line(self):
        path = self.scene.place.dir / "wrong.yaml"
        path.write_text("operator: X\ndataplane:\n  pears: 3\n")
        done = run(program("postern-dp"), "--check", "-c", path, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{path}:3:", done.stderr)
        self.assertIn("pears", done.stderr)


def box_on_a_tiny_disk(place, rules):
    disk = place.dir / "disk"
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk)
    return Box(place, rules, events=disk / "events.json")


class FullDisk(SceneTest):
    """The file of events lies on a disk of its own, which is full before the first event."""

    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(make_box=box_on_a_tiny_disk)
        cls.disk = pathlib.Path(cls.scene.box.events_path).parent

    def test_a_full_disk_loses_events_counts_them_and_judges_mail_as_before(self):
        box = self.scene.box
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        written = box.show("stats")["event_file"]["written"]
        for _ in range(30):
            self.refuse()
        wait_for("lost events to be counted", 10, lambda: box.show("stats")["event_file"]["lost"] > 0)
        self.assertIn("mail is judged as before", box.log())
        filler.unlink()
        wait_for("events to be written again", 10, lambda: self.refuse() or box.show("stats")["event_file"]["written"] > written)
        wait_for("a whole event in the file", 10, lambda: box.events())
        self.assertEqual({e["rule"] for e in box.events()}, {"r1"})

    def refuse(self):
        replies = self.scene.talk((MAIL + "RCPT TO:<b@army.ml>\r\n", 2), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 550, 221], replies)
