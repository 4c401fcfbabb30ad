/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of ITU-T H.225.0 (12/2009), module H323-MESSAGES: RasMessage. Those messages that a
 * helper has nothing to do with are alternatives of which nothing is known.
 */
#include "h323.h"

/* clang-format off */
#define T(...) static const struct per_type __VA_ARGS__
#define NONE {NULL, 0, true} /* an addition that nobody asks for */

T(sequence_number) = {.kind = PER_INTEGER, .min = 1, .max = 65535};
T(seconds) = {.kind = PER_INTEGER, .min = 1, .max = 0xffffffff}; /* TimeToLive */
T(printable) = {.kind = PER_CHARS, .bits = 8};                   /* PrintableString */
T(session_id) = {.kind = PER_INTEGER, .min = 1, .max = 255};
T(unknown) = {.kind = PER_UNKNOWN};

static const struct per_field models[] = {{&h225_null}, {&h225_null}}; /* direct, gatekeeperRouted */
T(call_model) = {.kind = PER_CHOICE, PER_EXTENSIBLE(models, 2)};

static const struct per_field GatekeeperRequest[] = {
	{&sequence_number}, {&h225_object}, {&h225_non_standard, 0, true},
	{&h225_address, H323_RAS}, {&h225_endpoint_type},
	{&h225_name_128, 0, true}, {&h225_qseries, 0, true}, {&h225_aliases, 0, true}}; /* gatekeeperIdentifier, callServices, endpointAlias */
T(grq) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(GatekeeperRequest, 8)};

static const struct per_field GatekeeperConfirm[] = {
	{&sequence_number}, {&h225_object}, {&h225_non_standard, 0, true}, {&h225_name_128, 0, true}, {&h225_address, H323_RAS}};
T(gcf) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(GatekeeperConfirm, 5)};

static const struct per_field RegistrationRequest[] = {
	{&sequence_number}, {&h225_object}, {&h225_non_standard, 0, true}, {&h225_boolean}, /* discoveryComplete */
	{&h225_addresses, H323_SIGNAL}, {&h225_addresses, H323_RAS}, {&h225_endpoint_type},
	{&h225_aliases, 0, true}, {&h225_name_128, 0, true}, {&h225_vendor},                /* terminalAlias, gatekeeperIdentifier, endpointVendor */
	/* ... */
	NONE, {&seconds, H323_LIVE, true}};                                                 /* alternateEndpoints */
T(rrq) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(RegistrationRequest, 10)};

static const struct per_field RegistrationConfirm[] = {
	{&sequence_number}, {&h225_object}, {&h225_non_standard, 0, true}, {&h225_addresses, H323_SIGNAL},
	{&h225_aliases, 0, true}, {&h225_name_128, 0, true}, {&h225_name_128}, /* terminalAlias, gatekeeperIdentifier, endpointIdentifier */
	/* ... */
	NONE, {&seconds, H323_LIVE, true}};                                    /* alternateGatekeeper */
T(rcf) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(RegistrationConfirm, 7)};

static const struct per_field UnregistrationRequest[] = {
	{&sequence_number}, {&h225_addresses, H323_SIGNAL},
	{&h225_aliases, 0, true}, {&h225_non_standard, 0, true}, {&h225_name_128, 0, true}};
T(urq) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(UnregistrationRequest, 5)};

static const struct per_field AdmissionRequest[] = {
	{&sequence_number}, {&h225_call_type}, {&call_model, 0, true}, {&h225_name_128}, /* endpointIdentifier */
	{&h225_aliases, 0, true}, {&h225_address, H323_DEST, true},                      /* destinationInfo */
	{&h225_aliases, 0, true}, {&h225_aliases}, {&h225_address, H323_SOURCE, true},   /* destExtraCallInfo, srcInfo */
	{&h225_u32}, {&h225_u16}, {&h225_non_standard, 0, true}, {&h225_qseries, 0, true}, /* bandWidth, callReferenceValue, callServices */
	{&h225_guid}, {&h225_boolean}, {&h225_boolean}};                                 /* conferenceID, activeMC, answerCall */
T(arq) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(AdmissionRequest, 16)};

static const struct per_field AdmissionConfirm[] = {
	{&sequence_number}, {&h225_u32}, {&call_model}, {&h225_address, H323_DEST},
	{&sequence_number, 0, true}, {&h225_non_standard, 0, true}}; /* irrFrequency */
T(acf) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(AdmissionConfirm, 6)};

static const struct per_field LocationRequest[] = {
	{&sequence_number}, {&h225_name_128, 0, true}, {&h225_aliases}, {&h225_non_standard, 0, true}, {&h225_address, H323_RAS}};
T(lrq) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(LocationRequest, 5)};

static const struct per_field LocationConfirm[] = {
	{&sequence_number}, {&h225_address, H323_SIGNAL}, {&h225_address, H323_RAS}, {&h225_non_standard, 0, true}};
T(lcf) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(LocationConfirm, 4)};

/* TransportChannelInfo, RTPSession and perCallInfo: what was decided elsewhere is only told here. */
static const struct per_field TransportChannelInfo[] = {{&h225_address, 0, true}, {&h225_address, 0, true}};
T(channel_info) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(TransportChannelInfo, 2)};
static const struct per_field channel_info_element[] = {{&channel_info}};
T(channel_infos) = {.kind = PER_LIST, PER_FIELDS(channel_info_element)};
static const struct per_field session_element[] = {{&session_id}};
T(session_ids) = {.kind = PER_LIST, PER_FIELDS(session_element)};
static const struct per_field RTPSession[] = {{&channel_info}, {&channel_info}, {&printable}, {&seconds} /* ssrc */, {&session_id}, {&session_ids}};
T(rtp_session) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(RTPSession, 6)};
static const struct per_field rtp_session_element[] = {{&rtp_session}};
T(rtp_sessions) = {.kind = PER_LIST, PER_FIELDS(rtp_session_element)};
static const struct per_field perCallInfo[] = {
	{&h225_non_standard, 0, true}, {&h225_u16}, {&h225_guid}, {&h225_boolean, 0, true}, /* callReferenceValue, conferenceID, originator */
	{&rtp_sessions, 0, true}, {&rtp_sessions, 0, true}, {&channel_infos, 0, true},      /* audio, video, data */
	{&channel_info}, {&channel_info}, {&h225_call_type}, {&h225_u32}, {&call_model}};   /* h245, callSignalling, ... bandWidth */
T(call_info) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(perCallInfo, 12)};
static const struct per_field call_info_element[] = {{&call_info}};
T(call_infos) = {.kind = PER_LIST, PER_FIELDS(call_info_element)};
static const struct per_field InfoRequestResponse[] = {
	{&h225_non_standard, 0, true}, {&sequence_number}, {&h225_endpoint_type}, {&h225_name_128},
	{&h225_address, H323_RAS}, {&h225_addresses, H323_SIGNAL}, {&h225_aliases, 0, true}, {&call_infos, 0, true}};
T(irr) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(InfoRequestResponse, 8)};

static const struct per_field RasMessage[] = {
	{&grq, H323_GRQ}, {&gcf, H323_GCF}, {&unknown} /* gatekeeperReject */,
	{&rrq, H323_RRQ}, {&rcf, H323_RCF}, {&unknown} /* registrationReject */,
	{&urq, H323_URQ}, {&unknown}, {&unknown},                /* unregistrationConfirm, -Reject */
	{&arq, H323_ARQ}, {&acf, H323_ACF}, {&unknown},          /* admissionReject */
	{&unknown}, {&unknown}, {&unknown},                      /* bandwidthRequest, -Confirm, -Reject */
	{&unknown}, {&unknown}, {&unknown},                      /* disengageRequest, -Confirm, -Reject */
	{&lrq, H323_LRQ}, {&lcf, H323_LCF}, {&unknown},          /* locationReject */
	{&unknown}, {&irr, H323_IRR}, {&unknown}, {&unknown}};   /* infoRequest, nonStandardMessage, unknownMessageResponse */
const struct per_type h225_ras_message = {.kind = PER_CHOICE, PER_EXTENSIBLE(RasMessage, 25)};
/* clang-format on */
