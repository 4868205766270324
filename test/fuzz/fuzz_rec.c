/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_rec.c - any bytes in a lane, as the receiver meets them
 *
 *   byte 0     bit 0 makes lengths, sender and name of the first record fit, bit 1 sends fds ahead, bits 2..4 what kind they
 *              are, bit 5 leaves the number of its piece as it is
 *   byte 1, 2  where in the lane it starts, in steps of 8
 *   byte 3     what tail claims: the bytes there are, or some lie
 *   then       the lane
 *
 * First the judge of headers is held against a second one written from the table in rec.h; then the receiver itself runs over
 * the lane, with a table of members of its own and no process: it ends, stays inside the lane, delivers exactly what lies
 * there, and leaves no fd open.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_log.h>

#include "chan/chan_int.h"
#include "help_must.h"
#define sh_peer sh_proc_peer /* two rooms have a private struct of that name */
#include "proc/priv.h"

#define FROM_SLOT 3
#define FROM SH_ID(FROM_SLOT, 7)
#define SELF SH_ID(0, 1)

static struct sh_chan *chan;
static unsigned char *lane; /* mapped twice in a row, as sh_lane_map() does */
static int memfd, payload;  /* payload: sealed, 40000 bytes */

static void die(const char *what)
{
	perror(what);
	abort();
}

static void set_up(void)
{
	static struct sh_proc proc; /* a table of members without a group */
	static sh_id_t self = SELF;

	chan = calloc(1, sizeof(*chan));
	proc.r = aligned_alloc(4096, sizeof(*proc.r));
	memfd = memfd_create("lane", MFD_CLOEXEC);
	lane = mmap(NULL, 2 * SH_LANE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chan == NULL || proc.r == NULL || memfd < 0 || lane == MAP_FAILED || ftruncate(memfd, SH_LANE_SIZE) < 0)
		die("set up");
	memset(proc.r, 0, sizeof(*proc.r));
	for (unsigned i = 0; i < 2; i++)
		if (mmap(lane + i * SH_LANE_SIZE, SH_LANE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memfd,
			 0) == MAP_FAILED)
			die("mmap");
	atomic_store(&proc.r->members[FROM_SLOT].word, sh_word(7, SH_ACTIVE));
	for (unsigned i = 0; i < SH_GROUP_FDS; i++)
		atomic_store(&proc.len[i], UINT64_MAX); /* all of the region is there */
	sh_ctx.proc = &proc;
	sh_ctx.self = &self;
	sh_ctx.chan = chan;
	chan->self = SELF;
	chan->inbox = sh_inbox_of(0);
	chan->count = proc.r->members[0].count;
	chan->in[FROM_SLOT] =
		(struct sh_in){.from = FROM, .lane = sh_lane_at(0), .data = lane, .shown = SH_LANE_SIZE, .link = -1};
	payload = sh_big_make(lane, 40000);
	rte_log_set_global_level(RTE_LOG_EMERG);
}

/* one piece is on its way from FROM to me, one to somebody else, one comes back already */
static const uint64_t the_piece = sh_piece_id(1, FROM_SLOT, 0);

static void set_pieces(void)
{
	for (unsigned k = 0; k < 3; k++) {
		struct sh_piece *s = sh_piece_at(FROM_SLOT, k);

		atomic_store(&s->word, sh_piece_word(1, k == 2 ? SH_P_RETURNED : SH_P_OFFERED));
		atomic_store(&s->from, FROM);
		atomic_store(&s->to, k == 1 ? FROM + 1 : SELF);
	}
	atomic_store(&sh_pieces()->high[FROM_SLOT], 3);
}

static enum sh_piece_state piece_state(uint64_t id)
{
	return sh_piece_state(atomic_load(&sh_piece_at(FROM_SLOT, id & 0xffff)->word));
}

/* the judge, once more: rec.h's words */
static bool good(const struct sh_rec *r, uint64_t avail)
{
	bool big = (r->flags & SH_RF_BIG) != 0, piece = (r->flags & SH_RF_PIECE) != 0;
	uint64_t want = 64ull + r->name_len + (piece ? 8 : 0) + (big ? 0 : r->data_len);

	if (piece && r->type > SH_R_REP)
		return false;

	return avail >= 64 && r->type <= SH_R_REFUSE && (r->flags & ~SH_RF_ALL) == 0 && r->name_len >= 1 &&
	       r->name_len <= 63 && r->data_len <= (big ? 64ull << 20 : 32ull << 10) && r->len == (want + 7) / 8 * 8 &&
	       r->len <= avail && (!big || r->nfds >= 1) && (r->nfds == 0) == (r->fd_seq == 0) && r->from == FROM;
}

static void mend(struct sh_rec *r)
{
	bool big = (r->flags & SH_RF_BIG) != 0;

	r->flags &= SH_RF_ALL;
	r->type %= (r->flags & SH_RF_PIECE) != 0 ? SH_R_REP + 1 : SH_R_TYPES;
	r->name_len = (uint8_t)(r->name_len % SH_NAME_MAX + 1);
	r->from = FROM;
	r->to = SELF;
	r->data_len = big ? 40000 : r->data_len % 300;
	r->nfds = (uint8_t)(big && r->nfds == 0 ? 1 : r->nfds % 4);
	if (big && r->nfds == 0)
		r->nfds = 1;
	r->fd_seq = r->nfds != 0;
	r->len = sh_rec_size(r->name_len, (big ? 0 : (size_t)r->data_len) + ((r->flags & SH_RF_PIECE) != 0 ? 8 : 0));
}

/* fds ahead of the record, of the asked number and kind */
static void send_fds(unsigned n, unsigned how)
{
	struct {
		uint32_t magic, n;
		uint64_t seq;
	} pkt = {0x6b6e696cu, (how & 8) != 0 ? n + 1 : n, (how & 16) != 0 ? 2 : 1};
	int sv[2], fds[4];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0)
		die("socketpair");
	for (unsigned i = 0; i < 4; i++)
		fds[i] = (how & 4) != 0 ? memfd : payload;
	(void)sh_sock_send(sv[1], NULL, &pkt, sizeof(pkt), fds, n < 4 ? n : 4, MSG_DONTWAIT);
	close(sv[1]);
	chan->in[FROM_SLOT].link = sv[0];
	chan->in[FROM_SLOT].link_from = FROM;
}

static void check_msg(const struct sh_msg *m, const struct sh_rec *r, const unsigned char *p)
{
	size_t piece = (r->flags & SH_RF_PIECE) != 0 ? 8 : 0;

	if (r->type == SH_R_REP && r->nfds != 0 && m->type == SH_R_REFUSE) { /* an answer whose fds did not come */
		MUST(m->from == FROM && r->to == SELF && m->code == EMFILE && m->nfds == 0);
		return;
	}
	MUST(m->from == FROM && m->type == r->type && m->flags == r->flags && m->len == r->data_len);
	MUST(strlen(m->name) == r->name_len && memcmp(m->name, p + 64, r->name_len) == 0);
	MUST(m->nfds == (unsigned)r->nfds - ((r->flags & SH_RF_BIG) != 0) && r->to == SELF);
	MUST((m->piece != 0) == (piece != 0) && (piece == 0 || memcmp(&m->piece, p + 64 + r->name_len, 8) == 0));
	MUST(piece == 0 || (m->piece == the_piece && piece_state(m->piece) == SH_P_QUEUED));
	if ((r->flags & SH_RF_BIG) == 0)
		MUST(m->len == 0 || memcmp(m->data, p + 64 + r->name_len + piece, m->len) == 0);
	else /* every byte of it can be read */
		MUST(m->map_len == m->len && memchr(m->data, 1, m->len) == NULL);
	for (unsigned i = 0; i < m->nfds; i++)
		MUST(fcntl(m->fds[i], F_GETFD) == FD_CLOEXEC);
}

static void run_lane(uint64_t start, uint64_t tail)
{
	struct sh_in *in = &chan->in[FROM_SLOT];
	uint64_t before = start, had;
	struct sh_msg *m;

	in->head = start;
	atomic_store(&in->lane->head, start);
	atomic_store(&in->lane->tail, tail);
	atomic_store(&chan->inbox->dirty[0], 1ull << FROM_SLOT);
	while ((m = sh_inbox_next(chan)) != NULL) {
		struct sh_rec r;

		MUST(in->head > before && in->head - before <= SH_REC_MAX);
		/* records that were dropped may lie before it */
		memcpy(&r, lane + (in->head - (in->head - before)) % SH_LANE_SIZE, sizeof(r));
		while (before + r.len != in->head) {
			MUST(r.len >= 64 && before + r.len < in->head);
			before += r.len;
			memcpy(&r, lane + before % SH_LANE_SIZE, sizeof(r));
		}
		MUST(good(&r, tail - before));
		check_msg(m, &r, lane + before % SH_LANE_SIZE);
		before = in->head;
		had = m->piece;
		sh_msg_free(m);
		MUST(had == 0 || piece_state(had) == SH_P_RETURNED);
	}
	sh_inbox_leave(chan);
	MUST(in->head == tail && atomic_load(&in->lane->head) == tail);
	sh_link_drop(in);
	if (in->stash != NULL)
		sh_fds_close(in->stash);
	in->stash_seq = 0;
	memset(chan->look, 0, sizeof(chan->look));
	memset(chan->active, 0, sizeof(chan->active));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t start, tail, n;
	struct sh_rec r = {0};
	int probe, after;

	if (chan == NULL)
		set_up();
	if (size < 4)
		return 0;
	set_pieces();
	start = (uint64_t)(data[1] | data[2] << 8) * 8;
	n = size - 4;
	if (n > SH_LANE_SIZE)
		n = SH_LANE_SIZE;
	for (uint64_t i = 0; i < n; i++)
		lane[(start + i) % SH_LANE_SIZE] = data[4 + i];
	memcpy(&r, lane + start % SH_LANE_SIZE, sizeof(r));
	for (unsigned i = 0; i < 4; i++) {
		uint64_t avail = i < 2 ? n * i : i == 2 ? 64 : UINT64_MAX;

		MUST((sh_rec_check(&r, avail, FROM) == NULL) == good(&r, avail));
	}
	probe = fcntl(memfd, F_DUPFD_CLOEXEC, 0);
	close(probe);
	if ((data[0] & 1) != 0) {
		mend(&r);
		MUST(sh_rec_check(&r, r.len, FROM) == NULL && sh_rec_check(&r, r.len - 1, FROM) != NULL);
		memcpy(lane + start % SH_LANE_SIZE, &r, sizeof(r));
		memset(lane + start % SH_LANE_SIZE + 64, 'n', r.name_len);
		if ((r.flags & SH_RF_PIECE) != 0 && (data[0] & 32) == 0)
			memcpy(lane + start % SH_LANE_SIZE + 64 + r.name_len, &the_piece, sizeof(the_piece));
		if (n < r.len)
			n = r.len;
	}
	if ((data[0] & 2) != 0)
		send_fds(r.nfds, data[0]);
	tail = start + (data[3] == 0 ? (n + 7) / 8 * 8 : data[3] == 1 ? n : data[3] * 4096ull);
	if (data[3] == 255)
		tail = start - 64;
	run_lane(start, tail);
	for (uint64_t i = 0; i < n; i++) /* the next one finds an empty lane */
		lane[(start + i) % SH_LANE_SIZE] = 0;
	after = fcntl(memfd, F_DUPFD_CLOEXEC, 0);
	close(after);
	MUST(after == probe);
	return 0;
}
