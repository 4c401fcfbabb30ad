/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of a ruleset, from the parser's tree to what is evaluated.
 *
 * One kind of tree serves all steps: the parser makes it from text (symbols unresolved),
 * the checker resolves it in place (symbols become values of a known type), the printer
 * writes it, the evaluator walks it. All of it lives in the ruleset's arena and ends with
 * it. Values are numbers in network order, right-aligned, in as few bytes as their type
 * has; so comparing bytes is comparing numbers, for every type.
 */
#ifndef SL_RULES_RULES_H
#define SL_RULES_RULES_H

#include <setjmp.h>

#include <sluice/rules.h>

#define SL_RULES_KEY_MAX     64          /* bytes of a set's key */
#define SL_RULES_VALUE_MAX   16          /* bytes of one value */
#define SL_RULES_NAME_MAX    128         /* characters of a name */
#define SL_RULES_INCLUDE_MAX 16          /* nested includes */
#define SL_RULES_NEST_MAX    64          /* nested parentheses, braces, variables in variables */
#define SL_RULES_EACH_MAX    2           /* statements of one element, as in the kernel */
#define SL_RULES_STATES      12          /* of a ct timeout policy */
#define SL_RULES_JUMP_MAX    16          /* nested jumps, as in the kernel */
#define SL_RULES_COPY_MAX    1000000     /* values that variables stand for, in all uses together */
#define SL_RULES_ERROR_MAX   100         /* after that many the reading stops */
#define SL_RULES_TEXT_MAX    (64u << 20) /* bytes of all texts together */

/* ---- memory (arena.c) ---- */

struct sl__arena {
	const struct sl_mem *mem;
	struct sl__arena_block *blocks;
	size_t used, size; /* of the newest block */
	jmp_buf *out_of_memory;
};
/* Zeroed bytes; never NULL: without memory it leaves through out_of_memory. */
void *sl__arena_get(struct sl__arena *arena, size_t size);
/* A copy of len bytes with a NUL behind them. */
char *sl__arena_text(struct sl__arena *arena, const char *text, size_t len);
void sl__arena_fini(struct sl__arena *arena);

/* ---- texts and mistakes (source.c) ---- */

struct sl__source {
	const char *name, *text;
	size_t len;
	const struct sl__source *from; /* who included it, at `from_at` */
	uint32_t from_at, from_end;
	unsigned depth;
};

/* A piece of a text: bytes at .. end. source NULL: nowhere. */
struct sl__place {
	const struct sl__source *source;
	uint32_t at, end;
};
static inline struct sl__place sl__place_join(struct sl__place a, struct sl__place b)
{
	if (a.source == b.source && b.end > a.end)
		a.end = b.end;
	return a;
}

/* ---- types (type.c) and names (symbol.c) ---- */

struct sl__symbol {
	const char *name;
	uint32_t value;
};

enum sl__type_kind {
	TY_INTEGER,
	TY_BITMASK,
	TY_STRING, /* helper names and the like */
	TY_IFNAME,
	TY_IPV4,
	TY_IPV6,
	TY_TIME, /* seconds as 32 bits, written as 1d2h3m4s */
	TY_BOOLEAN,
	TY_MARK,
	TY_LLADDR,
	TY_VERDICT,
};

/* Bytes of a value: those of the smallest integer type, or what it needs. */
static inline unsigned sl__bytes_of(unsigned bits)
{
	return bits > 16 && bits <= 32 ? 4 : (bits + 7) / 8;
}

struct sl__type {
	const char *name, *words; /* words: as messages call it */
	uint16_t bits;
	uint8_t kind;
	const struct sl__symbol *symbols;
	uint8_t digits; /* hexadecimal digits when printed; 0: decimal */
};

extern const struct sl__type sl__ty_integer, sl__ty_ipv4, sl__ty_ipv6, sl__ty_service, sl__ty_proto,
        sl__ty_nfproto, sl__ty_ethertype, sl__ty_mark, sl__ty_ifname, sl__ty_iface, sl__ty_ct_state,
        sl__ty_ct_status, sl__ty_ct_dir, sl__ty_time, sl__ty_string, sl__ty_boolean,
        sl__ty_tcp_flag, sl__ty_icmp_type, sl__ty_icmp_code, sl__ty_icmpv6_type, sl__ty_icmpv6_code,
        sl__ty_icmpx_code, sl__ty_dscp, sl__ty_ecn, sl__ty_pkttype, sl__ty_fib_type,
        sl__ty_dccp_type, sl__ty_lladdr, sl__ty_verdict, sl__ty_igmp_type, sl__ty_mh_type, sl__ty_hex;

const struct sl__type *sl__type_find(const char *name);
bool sl__symbol_value(const struct sl__symbol *table, const char *name, uint32_t *value);
const char *sl__symbol_name(const struct sl__symbol *table, uint32_t value);
/* Base chain priorities: "filter", "dstnat", ... ; false: not for this hook. */
bool sl__priority_value(const char *name, unsigned hook, int *value);
/* The name whose number is nearest (within 10), or NULL. */
const char *sl__priority_name(int value, unsigned hook, int *rest);
bool sl__word_reserved(const char *word);
extern const struct sl__symbol sl__services[], sl__protocols[];

/* ---- what can be read of a packet (field.c) ---- */

enum sl__where {
	IN_NET,
	IN_TRANSPORT,
	IN_META,
	IN_CT,
	IN_FIB,
	IN_NUMGEN,
	IN_JHASH,
	IN_RAW,    /* @th,8,16: any bits */
	IN_TCPOPT, /* of options and extension headers; of type boolean: is there one? */
	IN_IPOPT,
	IN_EXT6,
};
enum { RAW_NETWORK, RAW_TRANSPORT, RAW_INNER };
enum { IP_OPTION_RR = 7, IP_OPTION_LSRR = 131, IP_OPTION_SSRR = 137, IP_OPTION_RA = 148 };

enum sl__meta { /* keys of IN_META */
	META_IIFNAME,
	META_OIFNAME,
	META_IIF,
	META_OIF,
	META_L4PROTO,
	META_NFPROTO,
	META_PROTOCOL,
	META_MARK,
	META_LENGTH,
	META_PKTTYPE,
};
enum sl__ctkey { /* keys of IN_CT */
	CT_STATE,
	CT_STATUS,
	CT_DIRECTION,
	CT_MARK,
	CT_ZONE,
	CT_HELPER,
	CT_EXPIRATION,
	CT_L3PROTO,
	CT_PROTOCOL,
	CT_SADDR4,
	CT_DADDR4,
	CT_SADDR6,
	CT_DADDR6,
	CT_PROTO_SRC,
	CT_PROTO_DST,
	CT_BYTES,
	CT_PACKETS,
	CT_AVGPKT,
};

/* Which types of ICMP message have a field (key of its IN_TRANSPORT fields). */
enum sl__need { NEED_NOTHING, NEED_ECHO, NEED_MTU, NEED_GATEWAY, NEED_MLD, NEED_POINTER };

struct sl__field {
	const char *group, *name;
	const struct sl__type *type;
	uint16_t at, bits; /* of headers: where, in bits; in options: from the kind on */
	uint8_t where;     /* enum sl__where */
	uint8_t key;       /* enum sl__meta, sl__ctkey, sl__need; RAW_*; kind of option, or of header */
	uint8_t family;    /* needs IPv4 (4) or IPv6 (6); 0: either */
	uint8_t proto;     /* needs this transport protocol; 0: none, 255: any with ports */
};

const struct sl__field *sl__field_find(const char *group, const char *name);
/* May a rule write it? Not what says where headers begin and end. */
bool sl__field_settable(const struct sl__field *f);
bool sl__group_known(const char *group);
uint8_t sl__group_proto(const char *group);
/* "meta" keys that may stand without the word meta. */
bool sl__meta_bare(const char *name);

/* ---- expressions ---- */

enum sl__expr_kind {
	EX_SYMBOL, /* text, not resolved yet (numbers too) */
	EX_VALUE,
	EX_WILD,   /* * in a set */
	EX_PREFIX, /* a / b */
	EX_RANGE,  /* a - b */
	EX_LIST,   /* items: a,b,c */
	EX_CONCAT, /* items: a . b */
	EX_SET,    /* items: { }; then `set` */
	EX_ELEM,   /* a : b, with timeout and comment */
	EX_SETREF, /* @text; then `set` */
	EX_FIELD,
	EX_BINARY, /* a op b */
	EX_MAP,    /* a map b (b: EX_SET or EX_SETREF) */
	EX_VERDICT,
};

enum sl__op {
	OP_NONE,
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_GT,
	OP_LE,
	OP_GE,
	OP_NOT,
	OP_AND,
	OP_OR,
	OP_XOR,
	OP_LSHIFT,
	OP_RSHIFT
};

enum sl__verdict_kind { VD_ACCEPT, VD_DROP, VD_CONTINUE, VD_RETURN, VD_JUMP, VD_GOTO };

struct sl__set;
struct sl__chain;
struct sl__object;
struct sl__stateful;

struct sl__expr {
	uint8_t kind;
	uint8_t op;     /* enum sl__op, enum sl__verdict_kind */
	uint8_t dir;    /* EX_FIELD in ct: 0, 1, or 2 for neither */
	uint8_t quoted; /* EX_SYMBOL */
	uint8_t wild;   /* EX_VALUE of an interface name: ends in * */
	uint8_t len;    /* EX_VALUE: bytes; EX_PREFIX: prefix length */
	uint16_t bits;
	const struct sl__type *type;
	struct sl__place place;
	struct sl__expr *next; /* in items */
	struct sl__expr *a, *b, *items;
	uint32_t count;   /* of items */
	const char *text; /* EX_SYMBOL, EX_SETREF, EX_VERDICT: chain */
	const char *comment;
	uint64_t timeout; /* EX_ELEM: ms */
	uint64_t expires;
	union {
		const struct sl__field *field;
		uint64_t left; /* EX_ELEM: ms that it has left, as written; 0: all of its timeout */
	};
	uint32_t arg[4]; /* EX_FIELD: see sl__arg */
	uint8_t value[SL_RULES_VALUE_MAX];
	struct sl__set *set;
	union {
		struct sl__chain *chain;   /* EX_VERDICT */
		struct sl__stateful *each; /* EX_ELEM: its own counter, limit, ... */
		struct sl__object *object; /* EX_SYMBOL that is data of a map of objects */
	};
};

/* arg[] of numgen and jhash; of fib. */
enum sl__arg { ARG_MOD = 0, ARG_OFFSET = 1, ARG_SEED = 2, ARG_FLAGS = 3 };
enum { GEN_RANDOM = 1, HASH_SEEDED = 2, HASH_SYM = 4 };
enum { FIB_SADDR = 1, FIB_DADDR = 2, FIB_IIF = 4, FIB_OIF = 8, FIB_MARK = 16 };
enum { FIB_TYPE, FIB_RESULT_OIF, FIB_RESULT_OIFNAME };

/* ---- statements ---- */

enum sl__stmt_kind {
	ST_MATCH,
	ST_VERDICT,
	ST_VMAP,
	ST_COUNTER,
	ST_LIMIT,
	ST_QUOTA,
	ST_LOG,
	ST_REJECT,
	ST_NAT,
	ST_NOTRACK,
	ST_META_SET,
	ST_CT_SET,
	ST_CT_OBJECT,
	ST_CT_COUNT,
	ST_SET_CHANGE,
	ST_FLOW,
	ST_MSS,
	ST_FIELD_SET,
	ST_STRIP, /* reset tcp option */
	ST_OBJECT,
};

struct sl__limit {
	uint64_t rate, unit; /* per unit seconds */
	uint32_t burst;
	const char *rate_unit, *burst_unit; /* "bytes", "kbytes", "mbytes"; NULL: packets */
	bool over;
	uint64_t tokens, last, max, cost; /* running: nanoseconds of credit */
};
struct sl__quota {
	uint64_t bytes, used;
	bool over;
};
struct sl__counter {
	uint64_t packets, bytes;
};
/* `ct count`: connections that passed here and are still there. */
struct sl__counted {
	uint64_t id;    /* sl__conn_handle(); 0: free */
	uint32_t owner; /* number of the view whose engine has it */
};
struct sl__conncount {
	uint32_t max;
	bool over;
	uint32_t used, size; /* of conns: a power of two, at most half of it used */
	struct sl__counted *conns;
};

/*
 * What keeps count: a statement of a rule, an object, or what each element of a set has. A list of
 * them behind `next` is what the elements of a set get.
 */
struct sl__stateful {
	struct sl__stateful *next;
	uint8_t kind; /* ST_COUNTER, ST_LIMIT, ST_QUOTA, ST_CT_COUNT; objects of other kinds: 0 */
	union {
		struct sl__counter counter;
		struct sl__limit limit;
		struct sl__quota quota;
		struct sl__conncount conncount;
	};
};

enum { NAT_SNAT, NAT_DNAT, NAT_MASQUERADE, NAT_REDIRECT };
enum { REJECT_DEFAULT, REJECT_ICMP, REJECT_ICMPV6, REJECT_ICMPX, REJECT_RESET };

struct sl__stmt {
	uint8_t kind;
	uint8_t op; /* ST_MATCH; ST_SET_CHANGE: 0 add, 1 update, 2 delete; ST_NAT: NAT_*; ST_REJECT:
	               REJECT_* */
	bool stays; /* answers alike for all packets of an established connection (memo.c) */
	uint8_t coming;      /* enum sl__coming (coming.c) ... */
	uint8_t fits, fails; /* ... and of TCP's flags: it fits all, or none, of these kinds (enum sl_coming) */
	uint8_t hidden; /* a match that what follows implies: not printed */
	uint8_t family; /* ST_NAT: 4, 6 or 0; ST_REJECT: what it needs */
	uint8_t code;   /* ST_REJECT; ST_STRIP: the kind */
	uint8_t object; /* enum sl__object_kind */
	uint8_t explicit_family, prefix, interval, addr_port;
	uint16_t flags; /* enum sl_nat_flag */
	bool meter;     /* ST_SET_CHANGE: written in the old way, meter NAME { } */
	struct sl__place place;
	struct sl__stmt *next;
	struct sl__expr *a, *b, *c; /* match: a op b [mask c]; set: a := b; nat: address, port */
	const char *text;           /* log: prefix; object name */
	const char *log_level, *log_flags;
	uint32_t log_group, log_snaplen, log_threshold;
	uint8_t log_has_group, log_has_snaplen, log_has_threshold;
	uint64_t timeout; /* ST_SET_CHANGE: ms */
	struct sl__set *set;
	struct sl__object *ref;
	struct sl__stateful state; /* ST_COUNTER, ST_LIMIT, ST_QUOTA, ST_CT_COUNT */
	struct sl__stateful
	        *each; /* ST_SET_CHANGE: what new elements get; NULL: what the set says */
};

/* ---- objects, sets, chains, tables ---- */

struct sl__run;

struct sl__rule {
	struct sl__rule *next;
	struct sl__stmt *stmts;
	const char *comment;
	struct sl__place place;
	struct sl__chain *chain;
	uint64_t handle;     /* as the kernel numbers them; 0: none yet */
	struct sl__run *run; /* of rules that begin with the same field (run.c); NULL: in none */
	uint32_t run_at;     /* its number there */
	bool checked, good;  /* good: the check found no mistake */
	bool counts;         /* some statement keeps count of something (share.c) */
};

struct sl__chain {
	struct sl__chain *next;
	const char *name, *comment, *type; /* type: base chains only ("filter", "nat", "route") */
	struct sl__place place;
	struct sl__rule *rules, **rules_end;
	struct sl__table *table;
	struct sl__chain *later; /* base chains of one hook, by priority */
	int priority;
	uint32_t made; /* counts chains as they were made */
	uint8_t hook;
	bool base, policy_drop;
	uint8_t color; /* the search for loops */
	bool walked;   /* the search for marks (coming.c) */
	uint8_t level;
	uint64_t handle;
};

enum sl__set_flag { SET_CONSTANT = 1, SET_INTERVAL = 2, SET_TIMEOUT = 4, SET_DYNAMIC = 8 };

struct sl__set_slot {
	uint32_t hash;
	struct sl__expr *elem;
};

/* One field's or a whole key's bounds of an element, for sorted lookup. */
struct sl__bounds {
	uint8_t *lo, *hi;
	struct sl__expr *elem;
};

struct sl__set {
	struct sl__set *next;
	const char *name, *comment; /* name NULL: anonymous */
	struct sl__place place;
	struct sl__table *table;
	const struct sl__type *parts[8]; /* the key's types */
	struct sl__expr *typeof_key, *typeof_data;
	uint8_t part_count;
	uint8_t key_len;
	bool map, auto_merge;
	bool meter;     /* made by a rule: not shown as a set */
	bool counts;    /* some element has statements: a lookup does something */
	uint8_t object; /* a map of objects: enum sl__object_kind */
	const struct sl__type *data[4];
	uint8_t data_count;
	bool data_interval;
	uint16_t flags; /* enum sl__set_flag */
	const char *policy;
	uint32_t size;
	uint64_t timeout, gc; /* ms */
	uint64_t handle;
	struct sl__stateful *each; /* what each element has */
	struct sl__expr *elems, **elems_end;
	uint32_t count;
	/* made when all is read */
	bool ranged;                /* some element is a range */
	struct sl__set_slot *slots; /* exact keys; a power of two of them */
	uint32_t slot_count, slot_used;
	uint32_t hand;             /* where the search for a free place goes on */
	struct sl__bounds *bounds; /* ranges, sorted */
	uint32_t bound_count;
	struct sl__axis *axes; /* ranges of concatenations (axis.c) */
	struct sl__expr *wild; /* the * element */
};

enum sl__object_kind { OB_COUNTER = 1, OB_QUOTA, OB_LIMIT, OB_HELPER, OB_TIMEOUT, OB_EXPECTATION };

/* STATE : SECONDS of a `ct timeout` object. */
struct sl__policy_word {
	struct sl__policy_word *next;
	struct sl__place place;
	const char *name;
	uint32_t seconds;
};

/* The states that `ct timeout` knows of a protocol, in the order in which they are printed; NULL at the end. */
const char *const *sl__timeout_states(uint8_t proto);

struct sl__object {
	struct sl__object *next;
	const char *name, *comment;
	struct sl__place place;
	uint8_t kind, proto, family; /* family 0: inet */
	uint64_t handle;
	struct sl__stateful state; /* counters, quotas, limits */
	const char *helper;
	bool helper_missing;
	struct sl__policy_word *policy; /* as written, until it is checked */
	struct sl_timeouts *timeouts;   /* all of them, filled when they are first used */
	bool timeouts_filled;
	uint32_t seconds
	        [SL_RULES_STATES]; /* of `policy`, in the order of sl__timeout_states(); 0: not said */
	uint16_t port;
	uint32_t size;
	uint64_t timeout; /* ms */
};

struct sl__flowtable {
	struct sl__flowtable *next;
	const char *name;
	int priority;
	struct sl__expr *devices;
	bool counter;
	uint64_t handle;
};

enum sl__family { FAM_IP = 1, FAM_IP6, FAM_INET };

struct sl__table {
	struct sl__table *next;
	const char *name, *comment;
	uint8_t family; /* enum sl__family */
	bool dormant;
	struct sl__chain *chains, **chains_end;
	struct sl__set *sets, **sets_end;
	uint64_t handles; /* given so far */
	struct sl__object *objects, **objects_end;
	struct sl__flowtable *flowtables;
};

struct sl_rules {
	struct sl_rules_env env;
	struct sl__arena arena;
	struct sl__table *tables, **tables_end;
	struct sl__chain *hooks[SL_HOOK_COUNT]; /* base chains by priority */
	uint8_t stages[SL_HOOK_COUNT];
	unsigned errors;
	size_t text_size;
	unsigned copies;
	uint32_t chains_made;
	struct sl__memo *memos; /* memo.c */
	bool marks_move;        /* of a whole: rules may change the mark of a known connection (coming.c) */
	bool names_flows;       /* of a whole: rules name connections for a device (coming.c) */
	uint64_t random, start; /* start: ns, when the first packet came */
	jmp_buf give_up;
	/* share.c */
	struct sl_rules *whole;    /* whose tables these are: itself, unless it is a view */
	struct sl_rules_lock lock; /* of a whole; take NULL: nobody shares it */
	struct sl_rules *views;    /* of a whole */
	struct sl_rules *next;     /* of a view, among them */
	uint32_t number, made;     /* of a view, the whole is 0; numbers given so far */
	bool over;                 /* of a whole: its own user has done with it */
	bool wished;               /* some `ct count` is full of connections, perhaps of ours */
	uint64_t tend_at;
};

/* ---- across the files ---- */

/* Report a mistake; `other` is underlined with ~ when it has a source. */
/* The line that a place (of some source) begins on, from 1. */
unsigned sl__place_line(struct sl__place place);
void sl__rules_report(
        struct sl_rules *r, struct sl__place place, const char *kind, const char *format, ...)
#if defined(__GNUC__)
        __attribute__((format(printf, 4, 5)))
#endif
        ;
struct sl__source *sl__source_new(
        struct sl_rules *r, const char *name, const char *text, size_t len);

/* parse.c: the whole text into commands, each applied as it comes. */
void sl__rules_parse(struct sl_rules *r, const struct sl__source *source);

/* check.c, check_set.c: each leaves by `fail` after its report. */
void sl__check_rule(
        struct sl_rules *r, struct sl__table *table, struct sl__rule *rule, jmp_buf *fail);
void sl__check_set(struct sl_rules *r, struct sl__set *set, jmp_buf *fail);
void sl__check_elem(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem, jmp_buf *fail);
/* Only its key, as of a map's element that is to be deleted. */
void sl__check_key(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem, jmp_buf *fail);
/* The type of `typeof` expressions. */
unsigned sl__check_typeof(struct sl_rules *r, struct sl__table *table, struct sl__expr *e,
        const struct sl__type **parts, unsigned max, jmp_buf *fail);
/* When all is read: jumps, loops, hooks. */
void sl__check_all(struct sl_rules *r);

/* stateful.c: anew what `from` says, in the memory of `old` as far as it goes; NULL: no memory, or
 * nothing. */
struct sl__stateful *sl__stateful_copy(
        struct sl_rules *r, const struct sl__stateful *from, struct sl__stateful *old);

/* set.c */
void sl__set_build(struct sl_rules *r, struct sl__set *set);
struct sl__expr *sl__set_find(struct sl__set *set, const uint8_t *key, uint64_t now);
/* An element with this key, old or new (*fresh: to be filled); NULL: full or no memory. */
struct sl__expr *sl__set_place(
        struct sl_rules *r, struct sl__set *set, const uint8_t *key, uint64_t now, bool *fresh);
/* Data for an element, to be filled; NULL: no memory. */
struct sl__expr *sl__data_new(struct sl_rules *r, const struct sl__set *set);
void sl__set_remove(struct sl__set *set, const uint8_t *key);
/* False: no memory. */
bool sl__set_put(struct sl_rules *r, struct sl__set *set, struct sl__expr *elem);
void sl__part_bounds(
        const struct sl__expr *e, const struct sl__type *type, uint8_t *lo, uint8_t *hi);
void sl__elem_bounds(
        const struct sl__set *set, const struct sl__expr *elem, uint8_t *lo, uint8_t *hi);

/* memo.c, when all is read: which statements stay alike, and the table of what is known. */
void sl__memo_mark(struct sl_rules *r);
/* Only the table, for a view; false: no memory. */
bool sl__memo_make(struct sl_rules *r);

/* coming.c, when all is read: what can be foreseen of each statement. */
void sl__coming_mark(struct sl_rules *r);

/* share.c, when all is read: which rules keep count of something. */
void sl__share_mark(struct sl_rules *r);

/* run.c, when all is read: runs of rules that begin with the same field are found by its value. */
void sl__runs_make(struct sl_rules *r);
/* By their `lo`; w has as much room as v. */
void sl__bounds_sort(struct sl__bounds *v, struct sl__bounds *w, uint32_t n, unsigned len);

/* axis.c: the bounds of a concatenation, from its part `part` on; and which of them has a key. */
struct sl__axis;
struct sl__axis *sl__axis_build(struct sl_rules *r, const struct sl__set *set,
        struct sl__bounds **bounds, uint32_t count, unsigned part);
struct sl__expr *sl__axis_find(const struct sl__axis *axis, const uint8_t *key);

/* model.c */
/* Hooks at which a table of this family (or inet) has a nat chain: bit 1 << hook. */
uint8_t sl__rules_nat_hooks(const struct sl_rules *r, enum sl_family family);
struct sl__table *sl__table_find(struct sl_rules *r, uint8_t family, const char *name);
struct sl__chain *sl__chain_find(struct sl__table *t, const char *name);
struct sl__set *sl__set_named(struct sl__table *t, const char *name);
struct sl__object *sl__object_find(struct sl__table *t, uint8_t kind, const char *name);
/* Does no rule change it, nor a lookup, nor time? */
bool sl__set_stays(const struct sl__set *set);
/* A chain that the rules of base chains can hook: the stage it is asked at. */
enum sl_stage sl__chain_stage(const struct sl__chain *chain);
uint64_t sl__value_number(const struct sl__expr *value);
void sl__value_set(struct sl__expr *value, uint64_t number, unsigned bytes);

#endif
