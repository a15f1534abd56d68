/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay/replay.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay/capture.h"
#include "replay/front.h"

/* Frames that come within this time run as one burst: events tell milliseconds. */
enum { BURST_NS = 1000000 };

struct replay {
	struct replay_options o;
	struct replay_front front;
	struct packet_ops ops;
	struct pipeline *pipeline;
	struct counters counters;
	const char *capture; /* file at hand, without its folders */
	pcap_t *dead;        /* describes the written capture */
	int written_dlt;
	double seconds;
	bool write_failed;
	struct packet *burst[FLOW_BURST];
	unsigned waiting;  /* packets in it */
	uint64_t burst_ns; /* when its first frame was captured */
	uint64_t wall_ns;  /* when its last one was */
};

static double
clock_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
on_event(void *ctx, const struct event *e)
{
	struct replay *r = ctx;

	r->o.event(r->o.ctx, r->capture, e);
}

struct replay *
replay_new(const struct replay_options *o)
{
	struct replay *r = calloc(1, sizeof *r);
	struct pipeline_config c;

	if (r == NULL)
		return NULL;
	r->o = *o;
	r->ops = replay_front_ops(&r->front);
	pipeline_config_default(&c);
	c.sample_every = 1;
	memcpy(c.ports, o->ports, o->port_count * sizeof c.ports[0]);
	c.port_count = o->port_count;
	c.ignore_checksums = o->ignore_checksums;
	c.every_address = true;
	c.late_events = true;
	/* Nobody waits for a capture's packets: hold longer than a live box may, and forget nothing. */
	c.tcp.held_per_flow = 1024;
	c.tcp.refuse = false;
	c.tcp.hold_ns = c.gate_ns = 60 * 1000000000ULL;
	c.flows.embryonic_ns = c.flows.established_ns = 86400 * 1000000000ULL;
	c.line_buffers = 1024;
	c.edits = 1024;
	r->pipeline = pipeline_new(&c, &r->ops, &r->counters, on_event, r);
	if (r->pipeline == NULL) {
		fprintf(stderr, "postern: no memory for the pipeline\n");
		free(r);
		return NULL;
	}
	return r;
}

/* Opens the capture to write with the link type of the first one read; a capture file has one link type only. */
static bool
open_output(struct replay *r, int dlt)
{
	if (r->o.write == NULL)
		return true;
	if (r->front.out != NULL) {
		if (dlt == r->written_dlt)
			return true;
		fprintf(stderr, "postern: %s: link type differs from the captures before it; --write takes one\n",
			r->capture);
		return false;
	}
	r->written_dlt = dlt;
	r->dead = pcap_open_dead_with_tstamp_precision(dlt, 262144, PCAP_TSTAMP_PRECISION_NANO);
	r->front.out = pcap_dump_open(r->dead, r->o.write);
	if (r->front.out == NULL)
		fprintf(stderr, "postern: %s: %s\n", r->o.write, pcap_geterr(r->dead));
	return r->front.out != NULL;
}

/* What waits goes through the pipeline. */
static void
run_burst(struct replay *r)
{
	if (r->waiting == 0)
		return;
	pipeline_burst(r->pipeline, r->o.rules, r->burst, r->waiting, r->front.now_ns, r->wall_ns);
	pipeline_tick(r->pipeline, r->o.rules, r->front.now_ns, r->wall_ns);
	r->waiting = 0;
}

/*
 * One captured frame. A snapped frame goes in as it is: its lengths say that
 * it is short. What is written carries the time of its own frame: then there
 * are no bursts.
 */
static bool
feed(struct replay *r, const struct capture_frame *f, int link)
{
	struct packet *p = replay_front_packet(&r->front, f->octets.at, (uint32_t)f->octets.len);
	uint64_t now = f->time_ns;

	if (p == NULL)
		return false;
	if (r->waiting > 0 && (now < r->burst_ns || now - r->burst_ns >= BURST_NS))
		run_burst(r);
	if (r->waiting == 0)
		r->burst_ns = now;
	/* Captures merged from several taps may step back in time; the pipeline's clock must not. */
	if (now > r->front.now_ns)
		r->front.now_ns = now;
	r->wall_ns = now;
	p->link = (uint8_t)link;
	p->time_ns = r->front.now_ns;
	r->burst[r->waiting++] = p;
	if (r->waiting == FLOW_BURST || r->front.out != NULL)
		run_burst(r);
	return true;
}

static bool
feed_all(struct replay *r, struct capture *in, int link)
{
	struct capture_frame f;
	int got;

	r->front.now_ns = 0;
	while ((got = capture_next(in, &f)) == 1) {
		if (!feed(r, &f, link)) {
			fprintf(stderr, "postern: %s: no memory\n", r->capture);
			run_burst(r);
			return false;
		}
	}
	run_burst(r);
	pipeline_drain(r->pipeline, r->o.rules, r->front.now_ns, r->front.now_ns);
	if (got < 0)
		fprintf(stderr, "postern: %s: %s (what was read up to there counts)\n", r->capture, capture_error(in));
	return got == 0;
}

bool
replay_file(struct replay *r, const char *path)
{
	char err[PCAP_ERRBUF_SIZE];
	const char *slash = strrchr(path, '/');
	double begin = clock_seconds();
	struct capture *in = capture_open(path, err);
	int dlt, link;
	bool ok;

	r->capture = slash != NULL ? slash + 1 : path;
	if (in == NULL) {
		fprintf(stderr, "postern: %s\n", err);
		return false;
	}
	dlt = capture_link(in);
	link = replay_link_type(dlt);
	if (link < 0) {
		const char *name = pcap_datalink_val_to_name(dlt);
		fprintf(stderr,
			"postern: %s: link type %s is not supported; Ethernet, Linux cooked (v1, v2), raw IP and "
			"loopback are\n",
			r->capture, name != NULL ? name : "(unknown)");
		capture_close(in);
		return false;
	}
	ok = open_output(r, dlt) && feed_all(r, in, link);
	capture_close(in);
	r->seconds += clock_seconds() - begin;
	return ok;
}

bool
replay_done(struct replay *r, struct replay_totals *totals)
{
	bool ok = true;

	pipeline_free(r->pipeline);
	if (r->front.out != NULL) {
		ok = pcap_dump_flush(r->front.out) == 0 && ferror(pcap_dump_file(r->front.out)) == 0;
		if (!ok)
			fprintf(stderr, "postern: %s: could not be written\n", r->o.write);
		pcap_dump_close(r->front.out);
	}
	if (r->dead != NULL)
		pcap_close(r->dead);
	replay_front_done(&r->front);
	totals->counters = r->counters;
	totals->seconds = r->seconds;
	free(r);
	return ok;
}
