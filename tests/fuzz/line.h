/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A front end for fuzz targets: remembers each frame that was given as it
 * came, and demands that it leaves, or goes back, exactly once. Buffers are
 * made one by one, so that a sanitiser sees every octet too far.
 */
#ifndef POSTERN_TESTS_FUZZ_LINE_H
#define POSTERN_TESTS_FUZZ_LINE_H

#include "base/packet.h"
#include "fuzz.h"

/* A packet of this front end. */
struct car {
	struct packet packet; /* first member: a packet is its car */
	uint64_t alive;       /* CAR_ALIVE until it is given back */
	bool given;           /* by the target; else the code under test asked for it */
	unsigned mark;        /* the target's, of a given one */
	uint32_t came_len;
	uint8_t *came; /* octets as they were given; owned; NULL where it was not */
};
#define CAR_ALIVE UINT64_C(0x616c697665636172)

struct line {
	struct packet_ops ops;
	unsigned alive;       /* cars that nobody has given back */
	unsigned allocs_left; /* then alloc() says NULL */
	/* Told of each packet that leaves, before it is freed. */
	void (*leaves)(struct line *line, const struct car *car, enum side side);
	/* Told of each given packet that goes back without having left. NULL: nobody. */
	void (*lost)(struct line *line, const struct car *car);
};

static inline struct car *
line_car(struct line *line, uint32_t room)
{
	struct car *car = fuzz_memory(sizeof *car);

	car->packet.data = fuzz_memory(room);
	car->packet.room = room;
	car->alive = CAR_ALIVE;
	line->alive++;
	return car;
}

static inline void
line_free(struct line *line, struct car *car)
{
	PROMISE(car->alive == CAR_ALIVE);
	car->alive = 0;
	line->alive--;
	free(car->packet.data);
	free(car->came);
	free(car);
}

static inline struct packet *
line_alloc(void *front, uint32_t need)
{
	struct line *line = front;

	if (line->allocs_left == 0)
		return NULL;
	line->allocs_left--;
	return &line_car(line, need)->packet;
}

static inline void
line_release(void *front, struct packet *p)
{
	struct line *line = front;
	struct car *car = (struct car *)p;

	if (car->given && line->lost != NULL)
		line->lost(line, car);
	line_free(line, car);
}

static inline void
line_transmit(void *front, struct packet *p, enum side side)
{
	struct line *line = front;
	struct car *car = (struct car *)p;

	PROMISE(car->alive == CAR_ALIVE);
	PROMISE(!(p->flags & PACKET_COPY));
	line->leaves(line, car, side);
	line_free(line, car);
}

static inline void
line_init(struct line *line, void (*leaves)(struct line *line, const struct car *car, enum side side))
{
	*line = (struct line){ .allocs_left = UINT32_MAX, .leaves = leaves };
	line->ops = (struct packet_ops){ line_alloc, line_release, line_transmit, line };
}

/* A frame from the wire, as a front end gives it: room for an edit behind it. Returns owned. */
static inline struct packet *
line_frame(struct line *line, struct view frame, unsigned mark)
{
	struct car *car = line_car(line, (uint32_t)frame.len + PACKET_TAILROOM);

	if (frame.len > 0)
		memcpy(car->packet.data, frame.at, frame.len);
	car->packet.len = (uint32_t)frame.len;
	car->packet.room = PACKET_TAILROOM;
	car->given = true;
	car->mark = mark;
	car->came = fuzz_memory(frame.len);
	car->came_len = (uint32_t)frame.len;
	if (frame.len > 0)
		memcpy(car->came, frame.at, frame.len);
	return &car->packet;
}

/* True where a given packet is, octet for octet, what it was. */
static inline bool
line_as_it_came(const struct car *car)
{
	return view_equal(view_of(car->packet.data, car->packet.len), view_of(car->came, car->came_len));
}

#endif
