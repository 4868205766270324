/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rte_mbuf_core.h - what an mbuf is: a packet, or a piece of one
 *
 * An mbuf is an object of a pool: this struct (128 bytes, two cache lines), private bytes of the program's, a buffer. The data
 * lie somewhere in the buffer, with headroom before and tailroom behind. A packet is a chain of mbufs ("segments"); what is
 * said of the packet as a whole stands in the first one.
 *
 * While it is in its pool: refcnt 1, nb_segs 1, next NULL, no flags (RTE_MBUF_F_EXTERNAL in a pool of pinned buffers). Whoever gives one
 * back by other ways than those of rte_mbuf.h has to leave it so.
 *
 * Who writes: whoever has the packet, one at a time; refcnt alone is changed by several. Names, values and offsets are what
 * programs written for DPDK 22.11 and later know.
 */
#ifndef RTE_MBUF_CORE_H
#define RTE_MBUF_CORE_H

#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what reception found: ol_flags, bits from 0 on ---- */

#define RTE_MBUF_F_RX_VLAN (1ULL << 0)		     /* a VLAN packet: vlan_tci is filled in, if that was asked for */
#define RTE_MBUF_F_RX_RSS_HASH (1ULL << 1)	     /* hash.rss is filled in */
#define RTE_MBUF_F_RX_FDIR (1ULL << 2)		     /* a flow rule matched */
#define RTE_MBUF_F_RX_L4_CKSUM_BAD (1ULL << 3)	     /* these two bits are one field: unknown, bad, good, none */
#define RTE_MBUF_F_RX_IP_CKSUM_BAD (1ULL << 4)	     /* and these */
#define RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD (1ULL << 5) /* of a tunnel's outer header */
#define RTE_MBUF_F_RX_VLAN_STRIPPED (1ULL << 6)	     /* the VLAN header is not in the data; RX_VLAN is set too */
#define RTE_MBUF_F_RX_IP_CKSUM_GOOD (1ULL << 7)
#define RTE_MBUF_F_RX_L4_CKSUM_GOOD (1ULL << 8)
#define RTE_MBUF_F_RX_IEEE1588_PTP (1ULL << 9)	 /* a packet of the precision time protocol */
#define RTE_MBUF_F_RX_IEEE1588_TMST (1ULL << 10) /* which was time-stamped */
#define RTE_MBUF_F_RX_FDIR_ID (1ULL << 13)	 /* hash.fdir.hi is filled in */
#define RTE_MBUF_F_RX_FDIR_FLX (1ULL << 14)	 /* hash.fdir.lo and hi have flexible bytes */
#define RTE_MBUF_F_RX_QINQ_STRIPPED (1ULL << 15) /* both VLAN headers are not in the data */
#define RTE_MBUF_F_RX_LRO (1ULL << 16)		 /* put together from several; tso_segsz is the size of those */
#define RTE_MBUF_F_RX_SEC_OFFLOAD (1ULL << 18)	 /* decrypted */
#define RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED (1ULL << 19)
#define RTE_MBUF_F_RX_QINQ (1ULL << 20)		      /* vlan_tci_outer and vlan_tci are filled in */
#define RTE_MBUF_F_RX_OUTER_L4_CKSUM_BAD (1ULL << 21) /* one field of two bits */
#define RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD (1ULL << 22)

#define RTE_MBUF_F_RX_IP_CKSUM_MASK (RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_GOOD)
#define RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN 0
#define RTE_MBUF_F_RX_IP_CKSUM_NONE RTE_MBUF_F_RX_IP_CKSUM_MASK /* wrong in the data, but the packet is sound */
#define RTE_MBUF_F_RX_L4_CKSUM_MASK (RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_GOOD)
#define RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN 0
#define RTE_MBUF_F_RX_L4_CKSUM_NONE RTE_MBUF_F_RX_L4_CKSUM_MASK
#define RTE_MBUF_F_RX_OUTER_L4_CKSUM_MASK (RTE_MBUF_F_RX_OUTER_L4_CKSUM_BAD | RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD)
#define RTE_MBUF_F_RX_OUTER_L4_CKSUM_UNKNOWN 0
#define RTE_MBUF_F_RX_OUTER_L4_CKSUM_INVALID RTE_MBUF_F_RX_OUTER_L4_CKSUM_MASK

/* bits between these two are for rte_mbuf_dynflag_register() */
#define RTE_MBUF_F_FIRST_FREE (1ULL << 23)
#define RTE_MBUF_F_LAST_FREE (1ULL << 40)

/* ---- what transmission shall do: ol_flags, bits from 60 down ---- */

#define RTE_MBUF_F_TX_OUTER_UDP_CKSUM (1ULL << 41) /* of the outer header */
#define RTE_MBUF_F_TX_UDP_SEG (1ULL << 42)	   /* cut into datagrams of tso_segsz */
#define RTE_MBUF_F_TX_SEC_OFFLOAD (1ULL << 43)	   /* encrypt */
#define RTE_MBUF_F_TX_MACSEC (1ULL << 44)
/* four bits: which tunnel, if the inner headers have work for the port */
#define RTE_MBUF_F_TX_TUNNEL_VXLAN (0x1ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_GRE (0x2ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_IPIP (0x3ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_GENEVE (0x4ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_MPLSINUDP (0x5ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_VXLAN_GPE (0x6ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_GTP (0x7ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_ESP (0x8ULL << 45)
#define RTE_MBUF_F_TX_TUNNEL_IP (0xDULL << 45)	/* any other on IP */
#define RTE_MBUF_F_TX_TUNNEL_UDP (0xEULL << 45) /* any other on UDP */
#define RTE_MBUF_F_TX_TUNNEL_MASK (0xFULL << 45)
#define RTE_MBUF_F_TX_QINQ (1ULL << 49)		 /* insert vlan_tci_outer and vlan_tci */
#define RTE_MBUF_F_TX_TCP_SEG (1ULL << 50)	 /* cut into TCP segments of tso_segsz; implies TCP_CKSUM */
#define RTE_MBUF_F_TX_IEEE1588_TMST (1ULL << 51) /* time-stamp it */
/* two bits: which checksum of layer 4; l2_len, l3_len must be set */
#define RTE_MBUF_F_TX_L4_NO_CKSUM (0ULL << 52)
#define RTE_MBUF_F_TX_TCP_CKSUM (1ULL << 52)
#define RTE_MBUF_F_TX_SCTP_CKSUM (2ULL << 52)
#define RTE_MBUF_F_TX_UDP_CKSUM (3ULL << 52)
#define RTE_MBUF_F_TX_L4_MASK (3ULL << 52)
#define RTE_MBUF_F_TX_IP_CKSUM (1ULL << 54) /* of the IPv4 header; TX_IPV4, l2_len, l3_len must be set */
#define RTE_MBUF_F_TX_IPV4 (1ULL << 55)	    /* it is IPv4: needed by what works on layers 3 and 4 */
#define RTE_MBUF_F_TX_IPV6 (1ULL << 56)
#define RTE_MBUF_F_TX_VLAN (1ULL << 57)		  /* insert vlan_tci */
#define RTE_MBUF_F_TX_OUTER_IP_CKSUM (1ULL << 58) /* of the outer IPv4 header */
#define RTE_MBUF_F_TX_OUTER_IPV4 (1ULL << 59)
#define RTE_MBUF_F_TX_OUTER_IPV6 (1ULL << 60)

/* all that asks the port for something */
#define RTE_MBUF_F_TX_OFFLOAD_MASK                                                                                     \
	(RTE_MBUF_F_TX_OUTER_UDP_CKSUM | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_SEC_OFFLOAD | RTE_MBUF_F_TX_MACSEC |    \
	 RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_QINQ | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IEEE1588_TMST |        \
	 RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 |                    \
	 RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)

/* ---- where the buffer is: neither flag, in the mbuf itself ---- */

#define RTE_MBUF_F_EXTERNAL (1ULL << 61) /* elsewhere; shinfo says who else uses it and how it is freed */
#define RTE_MBUF_F_INDIRECT (1ULL << 62) /* in another mbuf, whose refcnt counts this one */

/* ---- sizes ---- */

#define RTE_MBUF_PRIV_ALIGN 8 /* private bytes come in multiples of this */
#define RTE_MBUF_DEFAULT_DATAROOM 2048
#define RTE_MBUF_DEFAULT_BUF_SIZE (RTE_MBUF_DEFAULT_DATAROOM + RTE_PKTMBUF_HEADROOM)
#define RTE_MBUF_MAX_NB_SEGS UINT16_MAX
#define RTE_MBUF_PORT_INVALID UINT16_MAX
#define MBUF_INVALID_PORT RTE_MBUF_PORT_INVALID

/* ---- the struct ---- */

/* hash.sched: what a hierarchical scheduler is told */
struct rte_mbuf_sched {
	uint32_t queue_id;
	uint8_t traffic_class; /* 0 is the most urgent */
	uint8_t color;	       /* an enum rte_color */
	uint16_t reserved;
};

/* bits of the fields of tx_offload, and where they begin */
enum {
	RTE_MBUF_L2_LEN_BITS = 7,
	RTE_MBUF_L3_LEN_BITS = 9,
	RTE_MBUF_L4_LEN_BITS = 8,
	RTE_MBUF_TSO_SEGSZ_BITS = 16,
	RTE_MBUF_OUTL3_LEN_BITS = 9,
	RTE_MBUF_OUTL2_LEN_BITS = 7,
	RTE_MBUF_TXOFLD_UNUSED_BITS = 8,
	RTE_MBUF_L2_LEN_OFS = 0,
	RTE_MBUF_L3_LEN_OFS = 7,
	RTE_MBUF_L4_LEN_OFS = 16,
	RTE_MBUF_TSO_SEGSZ_OFS = 24,
	RTE_MBUF_OUTL3_LEN_OFS = 40,
	RTE_MBUF_OUTL2_LEN_OFS = 49,
	RTE_MBUF_TXOFLD_UNUSED_OFS = 56
};

struct rte_mempool;
struct rte_mbuf_ext_shared_info;

struct rte_mbuf {
	__extension__ union {
		void *cacheline0[1]; /* where the first line begins */
		void *buf_addr;
	};
	rte_iova_t buf_iova; /* the same address: devices that need another are not served */
	__extension__ union {
		uint64_t rearm_data[1]; /* these four in one store */
		__extension__ struct {
			uint16_t data_off; /* from buf_addr to the data */
			uint16_t refcnt;   /* how many have this mbuf or share its buffer; rte_mbuf_refcnt_...() */
			uint16_t nb_segs;  /* of the packet; first segment */
			uint16_t port;	   /* that received it */
		};
	};
	uint64_t ol_flags; /* RTE_MBUF_F_... and dynamic flags */
	__extension__ union {
		void *rx_descriptor_fields1[24 / sizeof(void *)];
		__extension__ struct {
			__extension__ union {
				uint32_t packet_type; /* RTE_PTYPE_... */
				__extension__ struct {
					uint8_t l2_type : 4;
					uint8_t l3_type : 4;
					uint8_t l4_type : 4;
					uint8_t tun_type : 4;
					__extension__ union {
						uint8_t inner_esp_next_proto;
						__extension__ struct {
							uint8_t inner_l2_type : 4;
							uint8_t inner_l3_type : 4;
						};
					};
					uint8_t inner_l4_type : 4;
				};
			};
			uint32_t pkt_len;  /* bytes of the whole packet; first segment */
			uint16_t data_len; /* bytes in this segment */
			uint16_t vlan_tci;
			union {
				uint32_t rss; /* RTE_MBUF_F_RX_RSS_HASH */
				struct {
					__extension__ union {
						__extension__ struct {
							uint16_t hash;
							uint16_t id;
						};
						uint32_t lo;
					};
					uint32_t hi;
				} fdir;
				struct rte_mbuf_sched sched;
				struct {
					uint32_t reserved1;
					uint16_t reserved2;
					uint16_t txq;
				} txadapter;
				uint32_t usr; /* the program's */
			} hash;
			uint16_t vlan_tci_outer;
			uint16_t buf_len; /* bytes from buf_addr on */
		};
	};
	struct rte_mempool *pool; /* it goes back there */

	__extension__ union {
		void *cacheline1[1];   /* the second */
		struct rte_mbuf *next; /* segment; NULL: the last */
	};
	__extension__ union {
		uint64_t tx_offload; /* all of these; rte_mbuf_tx_offload() */
		__extension__ struct {
			uint64_t l2_len : RTE_MBUF_L2_LEN_BITS; /* with outer headers, if it is a tunnel */
			uint64_t l3_len : RTE_MBUF_L3_LEN_BITS;
			uint64_t l4_len : RTE_MBUF_L4_LEN_BITS;
			uint64_t tso_segsz : RTE_MBUF_TSO_SEGSZ_BITS;
			uint64_t outer_l3_len : RTE_MBUF_OUTL3_LEN_BITS;
			uint64_t outer_l2_len : RTE_MBUF_OUTL2_LEN_BITS;
		};
	};
	struct rte_mbuf_ext_shared_info *shinfo; /* RTE_MBUF_F_EXTERNAL */
	uint16_t
		priv_size; /* bytes between this struct and the buffer; of an indirect one: of the mbuf it is attached to */
	uint16_t timesync;
	uint32_t dynfield1[9]; /* rte_mbuf_dynfield_register() gives these away */
} __rte_cache_aligned;

/** Called when nobody uses an external buffer any more, in the process that initialized its shared info. */
typedef void (*rte_mbuf_extbuf_free_callback_t)(void *addr, void *opaque);

/*
 * Beside an external buffer: who uses it, how it is freed. Must be where all processes that may free such an mbuf see it.
 * Initialized by rte_pktmbuf_ext_shinfo_init_helper(), or by hand: both pointers, then rte_mbuf_ext_refcnt_set().
 */
struct rte_mbuf_ext_shared_info {
	rte_mbuf_extbuf_free_callback_t free_cb; /* means something in its own process only */
	void *fcb_opaque;
	uint16_t refcnt;      /* mbufs that are attached; rte_mbuf_ext_refcnt_...() */
	uint8_t __home_check; /* that of the other two, if they were written at all */
	uint8_t __home_slot;  /* the member whose free_cb it is */
	uint32_t __home_gen;
};

/* ---- questions ---- */

#define RTE_MBUF_CLONED(mb) ((mb)->ol_flags & RTE_MBUF_F_INDIRECT)
#define RTE_MBUF_HAS_EXTBUF(mb) ((mb)->ol_flags & RTE_MBUF_F_EXTERNAL)
/* its buffer is its own, and no other than the one it has in its pool */
#define RTE_MBUF_DIRECT(mb) (!((mb)->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)))

/* a pointer of type t to the data, o bytes into them; in the first segment only */
#define rte_pktmbuf_mtod_offset(m, t, o) ((t)(void *)((char *)(m)->buf_addr + (m)->data_off + (o)))
#define rte_pktmbuf_mtod(m, t) rte_pktmbuf_mtod_offset(m, t, 0)
/* the same as an IO address */
#define rte_pktmbuf_iova_offset(m, o) (rte_iova_t)(rte_mbuf_iova_get(m) + (m)->data_off + (o))
#define rte_pktmbuf_iova(m) rte_pktmbuf_iova_offset(m, 0)

#ifdef __cplusplus
}
#endif

#endif
