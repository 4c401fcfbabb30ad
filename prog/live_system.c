/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gateway and the system that it runs on: what systemd is told (sd_notify(3), in its own few
 * lines), and the privileges that are given up when everything is set up.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "prog/live.h"

void sl__system_notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len == 0 || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract name */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
	            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		/* nobody listens */
	}
	close(fd);
}

uint64_t sl__system_watchdog(void)
{
	const char *text = getenv("WATCHDOG_USEC");

	return text ? strtoull(text, NULL, 10) * 1000 / 2 : 0;
}

/* Interfaces that come back are attached to, and everything is removed at the end. */
static bool is_needed(unsigned capability)
{
	return capability == CAP_NET_ADMIN || capability == CAP_BPF;
}

bool sl__system_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	if (syscall(SYS_capget, &head, sets) != 0)
		return false;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++) {
		uint32_t bit = 1u << i % 32;

		sets[i / 32].inheritable &= ~bit;
		if (is_needed(i))
			continue;
		(void)prctl(PR_CAPBSET_DROP, i, 0, 0,
		        0); /* without CAP_SETPCAP: there is nothing to gain */
		sets[i / 32].permitted &= ~bit;
		sets[i / 32].effective &= ~bit;
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, sets) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}
