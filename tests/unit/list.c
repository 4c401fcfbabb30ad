/* SPDX-License-Identifier: BSD-2-Clause */
/* The intrusive list, against an array that says what order it should have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/random.h"

#define ITEMS 40

struct item {
	int number;
	struct sl_list link;
};

static struct item items[ITEMS];

static void check(const struct sl_list *head, const int *order, size_t n)
{
	const struct sl_list *prev = head;
	size_t i = 0;

	SL_LIST_EACH(it, (struct sl_list *)(uintptr_t)head)
	{
		assert_true(i < n);
		assert_int_equal(SL_CONTAINER(it, struct item, link)->number, order[i++]);
		assert_ptr_equal(it->prev, prev);
		prev = it;
	}
	assert_int_equal(i, n);
	assert_ptr_equal(head->prev, prev);
	assert_int_equal(sl__list_empty(head), n == 0);
	assert_ptr_equal(sl__list_first(head), n ? &items[order[0]].link : NULL);
	assert_ptr_equal(sl__list_last(head), n ? &items[order[n - 1]].link : NULL);
}

static void insert(int *order, size_t *n, size_t at, int number)
{
	memmove(order + at + 1, order + at, (*n - at) * sizeof(*order));
	order[at] = number;
	++*n;
}

static void take(int *order, size_t *n, int number)
{
	size_t at = 0;

	while (order[at] != number)
		at++;
	--*n;
	memmove(order + at, order + at + 1, (*n - at) * sizeof(*order));
}

static void test_model(void **state)
{
	struct sl_list head;
	struct sl_random random;
	int order[ITEMS];
	size_t n = 0;

	(void)state;
	sl__random_init(&random, (const uint8_t *)"list against arr");
	sl__list_init(&head);
	for (int i = 0; i < ITEMS; i++) {
		items[i].number = i;
		sl__list_init(&items[i].link);
	}
	for (unsigned step = 0; step < 5000; step++) {
		int i = (int)sl__random_below(&random, ITEMS);

		if (!sl__list_empty(&items[i].link)) {
			sl__list_remove(&items[i].link);
			sl__list_remove(&items[i].link);
			take(order, &n, i);
		} else if (step % 2) {
			sl__list_add(&head, &items[i].link);
			insert(order, &n, 0, i);
		} else {
			sl__list_append(&head, &items[i].link);
			insert(order, &n, n, i);
		}
		check(&head, order, n);
	}
	SL_LIST_EACH_SAFE(it, &head)
	sl__list_remove(it);
	check(&head, order, 0);
}

/* Beside an item rather than at an end. */
static void test_middle(void **state)
{
	struct sl_list head;

	(void)state;
	sl__list_init(&head);
	for (int i = 0; i < 4; i++)
		items[i].number = i;
	sl__list_append(&head, &items[0].link);
	sl__list_append(&head, &items[1].link);
	sl__list_add(&items[0].link, &items[2].link);
	sl__list_append(&items[0].link, &items[3].link);
	check(&head, (const int[]){3, 0, 2, 1}, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_model),
	        cmocka_unit_test(test_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
