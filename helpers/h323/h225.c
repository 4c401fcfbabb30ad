/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of ITU-T H.225.0 (12/2009), module H323-MESSAGES: the common elements, and
 * H323-UserInformation, which is what call signalling carries. RAS's messages: ras_types.c.
 *
 * Each table is a type of the standard, under its name there. Extension additions are named
 * up to the last one that is looked at; what is not (tokens, features, ...) is NONE.
 */
#include "h323.h"

/* clang-format off */
#define T(...) static const struct per_type __VA_ARGS__
#define NONE {NULL, 0, true} /* an addition that nobody asks for */

const struct per_type h225_null = {.kind = PER_NULL}, h225_boolean = {.kind = PER_BOOLEAN}, h225_object = {.kind = PER_OBJECT},
	h225_u16 = {.kind = PER_INTEGER, .max = 65535}, h225_u32 = {.kind = PER_INTEGER, .max = 0xffffffff},
	h225_guid = {.kind = PER_OCTETS, .min = 16, .max = 16},
	h225_name_128 = {.kind = PER_CHARS, .bits = 16, .min = 1, .max = 128}; /* BMPString: GatekeeperIdentifier, EndpointIdentifier */

T(u8) = {.kind = PER_INTEGER, .max = 255};
T(octets) = {.kind = PER_OCTETS};
T(octets_2) = {.kind = PER_OCTETS, .min = 2, .max = 2};
T(octets_4) = {.kind = PER_OCTETS, .min = 4, .max = 4};
T(octets_6) = {.kind = PER_OCTETS, .min = 6, .max = 6};
T(octets_20) = {.kind = PER_OCTETS, .min = 1, .max = 20};
T(octets_131) = {.kind = PER_OCTETS, .min = 1, .max = 131};
T(octets_256) = {.kind = PER_OCTETS, .min = 1, .max = 256};
T(digits) = {.kind = PER_CHARS, .bits = 4, .min = 1, .max = 128}; /* IA5String FROM "0123456789#*," */
T(name_256) = {.kind = PER_CHARS, .bits = 16, .min = 1, .max = 256};
T(unknown) = {.kind = PER_UNKNOWN};

/* ---- common elements --------------------------------------------------------------------------- */

static const struct per_field H221NonStandard[] = {
	{&u8}, {&u8}, {&h225_u16}}; /* t35CountryCode, t35Extension, manufacturerCode */
T(h221) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H221NonStandard, 3)};
static const struct per_field NonStandardIdentifier[] = {{&h225_object}, {&h221}};
T(non_standard_id) = {.kind = PER_CHOICE, PER_EXTENSIBLE(NonStandardIdentifier, 2)};
static const struct per_field NonStandardParameter[] = {{&non_standard_id}, {&octets}};
const struct per_type h225_non_standard = {.kind = PER_SEQUENCE, PER_FIELDS(NonStandardParameter)};

/* A sequence with nothing in its root but nonStandardData: GatekeeperInfo, TerminalInfo, McuInfo, H310Caps ... */
static const struct per_field non_standard_alone[] = {{&h225_non_standard, 0, true}};
T(info) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(non_standard_alone, 1)};

T(ip4) = {.kind = PER_ADDRESS, .max = 4};
T(ip6) = {.kind = PER_ADDRESS, .max = 16};
static const struct per_field ip6Address[] = {{&ip6}};
T(ip6_extensible) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(ip6Address, 1)};
static const struct per_field route_element[] = {{&octets_4}};
T(route) = {.kind = PER_LIST, PER_FIELDS(route_element)};
static const struct per_field routing_alternatives[] = {{&h225_null}, {&h225_null}};
T(routing) = {.kind = PER_CHOICE, PER_EXTENSIBLE(routing_alternatives, 2)};
static const struct per_field ipSourceRoute[] = {{&octets_4}, {&h225_u16}, {&route}, {&routing}};
T(source_route) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(ipSourceRoute, 4)};
static const struct per_field ipxAddress[] = {{&octets_6}, {&octets_4}, {&octets_2}};
T(ipx) = {.kind = PER_SEQUENCE, PER_FIELDS(ipxAddress)};
static const struct per_field TransportAddress[] = {
	{&ip4}, {&source_route}, {&ipx}, {&ip6_extensible}, {&h225_guid} /* netBios */, {&octets_20} /* nsap */, {&h225_non_standard}};
const struct per_type h225_address = {.kind = PER_CHOICE, PER_EXTENSIBLE(TransportAddress, 7)};
static const struct per_field address_element[] = {{&h225_address}};
const struct per_type h225_addresses = {.kind = PER_LIST, PER_FIELDS(address_element)};

static const struct per_field AliasAddress[] = {{&digits}, {&name_256}}; /* dialledDigits, h323-ID */
T(alias) = {.kind = PER_CHOICE, PER_EXTENSIBLE(AliasAddress, 2)};
static const struct per_field alias_element[] = {{&alias}};
const struct per_type h225_aliases = {.kind = PER_LIST, PER_FIELDS(alias_element)};

static const struct per_field VendorIdentifier[] = {{&h221}, {&octets_256, 0, true}, {&octets_256, 0, true}}; /* vendor, productId, versionId */
const struct per_type h225_vendor = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(VendorIdentifier, 3)};

static const struct per_field SupportedProtocols[] = { /* nonStandardData, h310 ... t120-only */
	{&h225_non_standard}, {&info}, {&info}, {&info}, {&info}, {&info}, {&info}, {&info}, {&info}};
T(protocol) = {.kind = PER_CHOICE, PER_EXTENSIBLE(SupportedProtocols, 9)};
static const struct per_field protocol_element[] = {{&protocol}};
T(protocols) = {.kind = PER_LIST, PER_FIELDS(protocol_element)};
static const struct per_field GatewayInfo[] = {{&protocols, 0, true}, {&h225_non_standard, 0, true}};
T(gateway) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(GatewayInfo, 2)};
static const struct per_field EndpointType[] = {
	{&h225_non_standard, 0, true}, {&h225_vendor, 0, true}, {&info, 0, true} /* gatekeeper */, {&gateway, 0, true},
	{&info, 0, true} /* mcu */, {&info, 0, true} /* terminal */, {&h225_boolean} /* mc */, {&h225_boolean}}; /* undefinedNode */
const struct per_type h225_endpoint_type = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(EndpointType, 8)};

static const struct per_field Q954Details[] = {{&h225_boolean}, {&h225_boolean}};
T(q954) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Q954Details, 2)};
static const struct per_field QseriesOptions[] = { /* q932Full ... q957Full, q954Info */
	{&h225_boolean}, {&h225_boolean}, {&h225_boolean}, {&h225_boolean}, {&h225_boolean}, {&h225_boolean}, {&h225_boolean}, {&q954}};
const struct per_type h225_qseries = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(QseriesOptions, 8)};

static const struct per_field nulls[] = {
	{&h225_null}, {&h225_null}, {&h225_null}, {&h225_null}, {&h225_null}, {&h225_null}, {&h225_null}, {&h225_null},
	{&h225_null}, {&h225_null}, {&h225_null}, {&h225_null}};
/* A choice among the first `n` of them, and additions. */
#define NULLS(n) {.kind = PER_CHOICE, .extensible = true, .root = (n), .fields = nulls}
const struct per_type h225_call_type = NULLS(4);

static const struct per_field CallIdentifier[] = {{&h225_guid}};
T(call_id) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(CallIdentifier, 1)};

static const struct per_field SecurityServiceMode[] = {{&h225_non_standard}, {&h225_null}, {&h225_null}};
T(service_mode) = {.kind = PER_CHOICE, PER_EXTENSIBLE(SecurityServiceMode, 3)};
static const struct per_field SecurityCapabilities[] = {{&h225_non_standard, 0, true}, {&service_mode}, {&service_mode}, {&service_mode}};
T(capabilities) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(SecurityCapabilities, 4)};
static const struct per_field H245Security[] = {{&h225_non_standard}, {&h225_null}, {&capabilities}, {&capabilities}};
T(security) = {.kind = PER_CHOICE, PER_EXTENSIBLE(H245Security, 4)};

/* ---- call signalling ------------------------------------------------------------------------------ */

static const struct per_field channel_element[] = {{&octets, H323_FAST_START}};
T(fast_start) = {.kind = PER_LIST, PER_FIELDS(channel_element)};

T(conference_goal) = NULLS(3);
static const struct per_field call_reference[] = {{&h225_u16}};
T(call_references) = {.kind = PER_LIST, PER_FIELDS(call_reference)};
static const struct per_field Setup_UUIE[] = {
	{&h225_object},                                     /* protocolIdentifier */
	{&h225_address, H323_H245_ADDRESS, true},
	{&h225_aliases, 0, true}, {&h225_endpoint_type},    /* sourceAddress, sourceInfo */
	{&h225_aliases, 0, true},                           /* destinationAddress */
	{&h225_address, H323_DEST, true},
	{&h225_aliases, 0, true}, {&call_references, 0, true}, /* destExtraCallInfo, destExtraCRV */
	{&h225_boolean}, {&h225_guid}, {&conference_goal},  /* activeMC, conferenceID, conferenceGoal */
	{&h225_qseries, 0, true}, {&h225_call_type},        /* callServices, callType */
	/* ... */
	{&h225_address, H323_SOURCE, true},
	NONE, NONE, NONE, NONE, NONE,                       /* remoteExtensionAddress, callIdentifier, h245SecurityCapability, tokens, cryptoTokens */
	{&fast_start}};
T(setup) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Setup_UUIE, 13)};

/* Alerting-UUIE and CallProceeding-UUIE begin alike. */
static const struct per_field Alerting_UUIE[] = {
	{&h225_object}, {&h225_endpoint_type}, {&h225_address, H323_H245_ADDRESS, true}, /* protocolIdentifier, destinationInfo */
	/* ... */
	NONE, NONE, NONE, NONE, {&fast_start}};             /* callIdentifier, h245SecurityMode, tokens, cryptoTokens */
T(alerting) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Alerting_UUIE, 3)};

static const struct per_field Connect_UUIE[] = {
	{&h225_object}, {&h225_address, H323_H245_ADDRESS, true}, {&h225_endpoint_type}, {&h225_guid}, /* destinationInfo, conferenceID */
	/* ... */
	NONE, NONE, NONE, NONE, {&fast_start}};
T(connect) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Connect_UUIE, 4)};

static const struct per_field Information_UUIE[] = {
	{&h225_object},
	/* ... */
	NONE, NONE, NONE, {&fast_start}};                   /* callIdentifier, tokens, cryptoTokens */
T(information) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Information_UUIE, 1)};

T(release_reason) = NULLS(12);
static const struct per_field ReleaseComplete_UUIE[] = {{&h225_object}, {&release_reason, 0, true}};
T(release) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(ReleaseComplete_UUIE, 2)};

static const struct per_field FacilityReason[] = {
	{&h225_null}, {&h225_null, H323_FORWARDED}, {&h225_null}, {&h225_null}}; /* routeCallToGatekeeper, callForwarded, ... */
T(facility_reason) = {.kind = PER_CHOICE, PER_EXTENSIBLE(FacilityReason, 4)};
static const struct per_field Facility_UUIE[] = {
	{&h225_object}, {&h225_address, H323_ALTERNATIVE, true}, {&h225_aliases, 0, true}, {&h225_guid, 0, true}, {&facility_reason},
	/* ... */
	NONE, NONE, NONE, NONE, NONE, NONE, /* callIdentifier, destExtraCallInfo, remoteExtensionAddress, tokens, cryptoTokens, conferences */
	{&h225_address, H323_H245_ADDRESS, true}, {&fast_start}};
T(facility) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Facility_UUIE, 5)};

static const struct per_field Progress_UUIE[] = {
	{&h225_object}, {&h225_endpoint_type}, {&h225_address, H323_H245_ADDRESS, true}, {&call_id}, {&security, 0, true},
	{&unknown, 0, true}, {&unknown, 0, true}, {&fast_start, 0, true}}; /* tokens, cryptoTokens */
T(progress) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Progress_UUIE, 8)};

static const struct per_field message_body[] = {
	{&setup, H323_SETUP}, {&alerting} /* callProceeding */, {&connect}, {&alerting}, {&information}, {&release}, {&facility, H323_FACILITY},
	/* ... */
	{&progress}}; /* empty, status, statusInquiry, setupAcknowledge, notify: stepped over */
T(body) = {.kind = PER_CHOICE, PER_EXTENSIBLE(message_body, 7)};
static const struct per_field control_element[] = {{&octets, H323_TUNNELLED}};
T(control) = {.kind = PER_LIST, PER_FIELDS(control_element)};
static const struct per_field H323_UU_PDU[] = {
	{&body}, {&h225_non_standard, 0, true},
	/* ... */
	NONE, NONE, {&control}}; /* h4501SupplementaryService, h245Tunnelling */
T(uu_pdu) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H323_UU_PDU, 2)};
static const struct per_field user_data[] = {{&u8}, {&octets_131}};
T(user) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(user_data, 2)};
static const struct per_field H323_UserInformation[] = {{&uu_pdu}, {&user, 0, true}};
const struct per_type h225_user_information = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H323_UserInformation, 2)};
/* clang-format on */
