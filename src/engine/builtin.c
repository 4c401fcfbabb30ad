/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helpers that are part of the library.
 */
#include <sluice/helper.h>
#include <sluice/sluice.h>

/* In alphabetical order: two branches that add one each do not meet. */
extern const struct sl_helper sl_helper_amanda;
extern const struct sl_helper sl_helper_dhcpv6;
extern const struct sl_helper sl_helper_foo;
extern const struct sl_helper sl_helper_ftp;
extern const struct sl_helper sl_helper_h245;
extern const struct sl_helper sl_helper_irc;
extern const struct sl_helper sl_helper_mdns;
extern const struct sl_helper sl_helper_netbios_ns;
extern const struct sl_helper sl_helper_pptp;
extern const struct sl_helper sl_helper_q931;
extern const struct sl_helper sl_helper_ras;
extern const struct sl_helper sl_helper_rpc;
extern const struct sl_helper sl_helper_rsh;
extern const struct sl_helper sl_helper_rtsp;
extern const struct sl_helper sl_helper_sane;
extern const struct sl_helper sl_helper_sip;
extern const struct sl_helper sl_helper_slp;
extern const struct sl_helper sl_helper_snmp;
extern const struct sl_helper sl_helper_snmp_trap;
extern const struct sl_helper sl_helper_ssdp;
extern const struct sl_helper sl_helper_talk;
extern const struct sl_helper sl_helper_tftp;
extern const struct sl_helper sl_helper_tns;
extern const struct sl_helper sl_helper_wsd;

const struct sl_helper *const *sl_helpers_builtin(void)
{
	static const struct sl_helper *const all[] = {
		&sl_helper_ftp,
		&sl_helper_amanda,
		&sl_helper_dhcpv6,
		&sl_helper_foo,
		&sl_helper_h245,
		&sl_helper_irc,
		&sl_helper_mdns,
		&sl_helper_netbios_ns,
		&sl_helper_pptp,
		&sl_helper_q931,
		&sl_helper_ras,
		&sl_helper_rpc,
		&sl_helper_rsh,
		&sl_helper_rtsp,
		&sl_helper_sane,
		&sl_helper_sip,
		&sl_helper_slp,
		&sl_helper_snmp,
		&sl_helper_snmp_trap,
		&sl_helper_ssdp,
		&sl_helper_talk,
		&sl_helper_tftp,
		&sl_helper_tns,
		&sl_helper_wsd,
		NULL,
	};

	return all;
}
