/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sha256.c - SHA-256 as FIPS 180-4 writes it, plain and short
 *
 * The constants are computed as the standard defines them: the first 32 bits of the fractional parts of the square roots (of
 * the first 8 primes) and of the cube roots (of the first 64), in integers: root of p * 2^64 or p * 2^96, low 32 bits.
 */
#include "sha256.h"

#include <string.h>

static uint32_t k[64], h0[8];

/* floor(n-th root of p * 2^(32 n)), n is 2 or 3; its low 32 bits are those of the fraction */
static uint32_t root_fraction(unsigned p, unsigned n)
{
	uint64_t lo = 0, hi = 20ull << 32; /* the 8th prime is 19, the cube root of the 64th (311) is below 7 */

	while (hi - lo > 1) {
		uint64_t mid = lo + (hi - lo) / 2;
		/* mid^n <= p << 32n. The cube has up to 111 bits, so 128 are enough. */
		unsigned __int128 x = (unsigned __int128)mid * mid, limit = (unsigned __int128)p << (32 * n);

		if (n == 3)
			x = (mid >> 32) >= 8 ? limit + 1 : x * mid;
		if (x <= limit)
			lo = mid;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

__attribute__((constructor)) static void make_constants(void)
{
	unsigned n = 0;

	for (unsigned p = 2; n < 64; p++) {
		unsigned d = 2;

		while (d * d <= p && p % d != 0)
			d++;
		if (d * d <= p)
			continue;
		if (n < 8)
			h0[n] = root_fraction(p, 2);
		k[n++] = root_fraction(p, 3);
	}
}

static uint32_t ror(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void compress(uint32_t h[8], const uint8_t *b)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)b[4 * i] << 24 | (uint32_t)b[4 * i + 1] << 16 | (uint32_t)b[4 * i + 2] << 8 |
		       b[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t s1 = ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25);
		uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		uint32_t s0 = ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22);
		uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
	memcpy(s->h, h0, sizeof(s->h));
	s->total = 0;
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		size_t have = s->total % 64, take = 64 - have < len ? 64 - have : len;

		if (take == 64) {
			compress(s->h, p);
		} else {
			memcpy(s->block + have, p, take);
			if (have + take == 64)
				compress(s->h, s->block);
		}
		s->total += take;
		p += take;
		len -= take;
	}
}

void sha256_end(struct sha256 *s, char hex[65])
{
	static const char digit[] = "0123456789abcdef";
	uint64_t bits = s->total * 8;
	uint8_t len[8];

	sha256_add(s, "\x80", 1);
	while (s->total % 64 != 56)
		sha256_add(s, "", 1);
	for (int i = 0; i < 8; i++)
		len[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(s, len, 8);
	for (int i = 0; i < 64; i++)
		hex[i] = digit[s->h[i / 8] >> (28 - 4 * (i % 8)) & 15];
	hex[64] = '\0';
}
