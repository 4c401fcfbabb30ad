/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_BASE_LIST_H
#define SLUICE_BASE_LIST_H

/*
 * Doubly linked lists through a member of the objects. The head is a link like the others; an empty
 * list is a head that points at itself, so a head must be initialised and must not be copied.
 */
#include <stdbool.h>
#include <stddef.h>

struct sl_list {
	struct sl_list *next, *prev;
};

/* The object of the given type whose `member` is at p. */
#define SL_CONTAINER(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* From first to last. The body must not remove `it`; SL_LIST_EACH_SAFE allows that of `it` alone.
 */
#define SL_LIST_EACH(it, head) for (struct sl_list *it = (head)->next; it != (head); it = it->next)
#define SL_LIST_EACH_SAFE(it, head)                                                                \
	for (struct sl_list *it = (head)->next, *it##_next = it->next; it != (head);               \
	        it = it##_next, it##_next = it->next)

/* An empty list, or a link that is in no list. */
static inline void sl__list_init(struct sl_list *l)
{
	l->next = l->prev = l;
}

static inline bool sl__list_empty(const struct sl_list *head)
{
	return head->next == head;
}

/* Puts `item` right behind `at`: with the head, it becomes the first. */
static inline void sl__list_add(struct sl_list *at, struct sl_list *item)
{
	item->next = at->next;
	item->prev = at;
	at->next->prev = item;
	at->next = item;
}

/* Puts `item` right before `at`: with the head, it becomes the last. */
static inline void sl__list_append(struct sl_list *at, struct sl_list *item)
{
	sl__list_add(at->prev, item);
}

/* Takes `item` out; it is then in no list, and removing it again does nothing. */
static inline void sl__list_remove(struct sl_list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	sl__list_init(item);
}

/* The first or last link, or NULL of an empty list. */
static inline struct sl_list *sl__list_first(const struct sl_list *head)
{
	return sl__list_empty(head) ? NULL : head->next;
}

static inline struct sl_list *sl__list_last(const struct sl_list *head)
{
	return sl__list_empty(head) ? NULL : head->prev;
}

#endif
