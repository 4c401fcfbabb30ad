/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of ITU-T H.245 (version 15), module MULTIMEDIA-SYSTEM-CONTROL: OpenLogicalChannel and its Ack with all
 * that may stand before their addresses. Other messages are alternatives of which nothing is
 * known; so are the multiplexes of other systems (H.222, H.223, V.76).
 */
#include "h323.h"

/* clang-format off */
#define T(...) static const struct per_type __VA_ARGS__
#define NONE {NULL, 0, true} /* an addition that nobody asks for */
#define NUMBER(name, least, most) static const struct per_type name = {.kind = PER_INTEGER, .min = (least), .max = (most)}
#define BOOL {&h225_boolean}

NUMBER(channel_number, 1, 65535);
NUMBER(n_0_255, 0, 255);
NUMBER(n_1_255, 1, 255);
NUMBER(n_1_256, 1, 256);
NUMBER(n_96_127, 96, 127);
NUMBER(n_0_192, 0, 192);
NUMBER(n_1_4, 1, 4);
NUMBER(n_1_32, 1, 32);
NUMBER(n_0_15, 0, 15);
NUMBER(n_0_16383, 0, 16383);
NUMBER(n_1_19200, 1, 19200);
NUMBER(n_1_192400, 1, 192400);
NUMBER(n_0_524287, 0, 524287);
NUMBER(n_0_262143, 0, 262143);
NUMBER(n_0_1073741823, 0, 1073741823);
NUMBER(n_1_448, 1, 448);
NUMBER(n_1_1130, 1, 1130);
T(octets) = {.kind = PER_OCTETS};
T(octets_2) = {.kind = PER_OCTETS, .min = 2, .max = 2};
T(octets_4) = {.kind = PER_OCTETS, .min = 4, .max = 4};
T(octets_6) = {.kind = PER_OCTETS, .min = 6, .max = 6};
T(octets_16) = {.kind = PER_OCTETS, .min = 16, .max = 16};
T(octets_20) = {.kind = PER_OCTETS, .min = 1, .max = 20};
T(octets_255) = {.kind = PER_OCTETS, .min = 1, .max = 255};
T(unknown) = {.kind = PER_UNKNOWN};

/* ---- common elements --------------------------------------------------------------------------- */

static const struct per_field h221NonStandard[] = {{&n_0_255}, {&n_0_255}, {&h225_u16}};
T(h221) = {.kind = PER_SEQUENCE, PER_FIELDS(h221NonStandard)};
static const struct per_field NonStandardIdentifier[] = {{&h225_object}, {&h221}};
T(non_standard_id) = {.kind = PER_CHOICE, PER_FIELDS(NonStandardIdentifier)};
static const struct per_field NonStandardParameter[] = {{&non_standard_id}, {&octets}};
T(non_standard) = {.kind = PER_SEQUENCE, PER_FIELDS(NonStandardParameter)};
static const struct per_field non_standard_element[] = {{&non_standard}};
T(non_standards) = {.kind = PER_LIST, PER_FIELDS(non_standard_element)};

T(ip4) = {.kind = PER_ADDRESS, .max = 4};
T(ip6) = {.kind = PER_ADDRESS, .max = 16};
static const struct per_field iPAddress[] = {{&ip4}}, iP6Address[] = {{&ip6}};
T(unicast4) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(iPAddress, 1)};
T(unicast6) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(iP6Address, 1)};
static const struct per_field iPXAddress[] = {{&octets_6}, {&octets_4}, {&octets_2}};
T(ipx) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(iPXAddress, 3)};
static const struct per_field routing_alternatives[] = {{&h225_null}, {&h225_null}};
T(routing) = {.kind = PER_CHOICE, PER_FIELDS(routing_alternatives)};
static const struct per_field route_element[] = {{&octets_4}};
T(route) = {.kind = PER_LIST, PER_FIELDS(route_element)};
static const struct per_field iPSourceRouteAddress[] = {{&routing}, {&octets_4}, {&h225_u16}, {&route}};
T(source_route) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(iPSourceRouteAddress, 4)};
static const struct per_field UnicastAddress[] = {{&unicast4}, {&ipx}, {&unicast6}, {&octets_16} /* netBios */, {&source_route}};
T(unicast) = {.kind = PER_CHOICE, PER_EXTENSIBLE(UnicastAddress, 5)};
static const struct per_field group4_fields[] = {{&octets_4}, {&h225_u16}}, group6_fields[] = {{&octets_16}, {&h225_u16}};
T(group4) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(group4_fields, 2)};
T(group6) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(group6_fields, 2)};
static const struct per_field MulticastAddress[] = {{&group4}, {&group6}};
T(multicast) = {.kind = PER_CHOICE, PER_EXTENSIBLE(MulticastAddress, 2)};
static const struct per_field TransportAddress[] = {{&unicast}, {&multicast}};
T(address) = {.kind = PER_CHOICE, PER_EXTENSIBLE(TransportAddress, 2)};

/* ---- what is sent in a channel ------------------------------------------------------------------- */

static const struct per_field H261VideoCapability[] = {
	{&n_1_4, 0, true}, {&n_1_4, 0, true}, BOOL, {&n_1_19200}, BOOL};
T(h261) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H261VideoCapability, 5)};
static const struct per_field H262VideoCapability[] = { /* eleven profiles and levels, then rates and sizes */
	BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL,
	{&n_0_1073741823, 0, true}, {&n_0_262143, 0, true}, {&n_0_16383, 0, true}, {&n_0_16383, 0, true}, {&n_0_15, 0, true}, {&h225_u32, 0, true}};
T(h262) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H262VideoCapability, 17)};
static const struct per_field H263VideoCapability[] = {
	{&n_1_32, 0, true}, {&n_1_32, 0, true}, {&n_1_32, 0, true}, {&n_1_32, 0, true}, {&n_1_32, 0, true}, {&n_1_192400},
	BOOL, BOOL, BOOL, BOOL, BOOL, {&n_0_524287, 0, true}, {&h225_u16, 0, true}};
T(h263) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H263VideoCapability, 13)};
static const struct per_field IS11172VideoCapability[] = {
	BOOL, {&n_0_1073741823, 0, true}, {&n_0_262143, 0, true}, {&n_0_16383, 0, true}, {&n_0_16383, 0, true}, {&n_0_15, 0, true}, {&h225_u32, 0, true}};
T(is11172_video) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(IS11172VideoCapability, 7)};
static const struct per_field VideoCapability[] = {{&non_standard}, {&h261}, {&h262}, {&h263}, {&is11172_video}};
T(video) = {.kind = PER_CHOICE, PER_EXTENSIBLE(VideoCapability, 5)};

static const struct per_field g7231_fields[] = {{&n_1_256}, BOOL};
T(g7231) = {.kind = PER_SEQUENCE, PER_FIELDS(g7231_fields)};
static const struct per_field IS11172AudioCapability[] = {BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, {&n_1_448}};
T(is11172_audio) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(IS11172AudioCapability, 9)};
static const struct per_field IS13818AudioCapability[] = { /* 3 layers, 6 rates, 9 sets of channels, 2 more */
	BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, {&n_1_1130}};
T(is13818_audio) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(IS13818AudioCapability, 21)};
static const struct per_field AudioCapability[] = {
	{&non_standard}, {&n_1_256}, {&n_1_256}, {&n_1_256}, {&n_1_256},   /* g711Alaw64k, Alaw56k, Ulaw64k, Ulaw56k */
	{&n_1_256}, {&n_1_256}, {&n_1_256}, {&g7231}, {&n_1_256},          /* g722-64k, -56k, -48k, g7231, g728 */
	{&n_1_256}, {&n_1_256}, {&is11172_audio}, {&is13818_audio}};       /* g729, g729AnnexA */
T(audio) = {.kind = PER_CHOICE, PER_EXTENSIBLE(AudioCapability, 14)};

static const struct per_field DataProtocolCapability[] = {
	{&non_standard}, {&h225_null}, {&h225_null}, {&h225_null}, {&h225_null}, {&h225_null}, {&h225_null},
	/* ... segmentationAndReassembly, hdlcFrameTunnelingwSAR, v120 */
	NONE, NONE, NONE, {&h225_null, H323_LAN_STACK, false}};
T(data_protocol) = {.kind = PER_CHOICE, PER_EXTENSIBLE(DataProtocolCapability, 7)};
/* The same beside another application than T.120: nothing that we ask for. */
T(other_protocol) = {.kind = PER_CHOICE, .extensible = true, .root = 7, .fields = DataProtocolCapability};
static const struct per_field t84Restricted[] = {
	BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL, BOOL};
T(t84_restricted) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(t84Restricted, 19)};
static const struct per_field T84Profile[] = {{&h225_null}, {&t84_restricted}};
T(t84_profile) = {.kind = PER_CHOICE, PER_FIELDS(T84Profile)};
static const struct per_field t84_fields[] = {{&other_protocol}, {&t84_profile}}, nlpid_fields[] = {{&other_protocol}, {&octets}};
T(t84) = {.kind = PER_SEQUENCE, PER_FIELDS(t84_fields)};
T(nlpid) = {.kind = PER_SEQUENCE, PER_FIELDS(nlpid_fields)};
static const struct per_field application_alternatives[] = {
	{&non_standard}, {&data_protocol} /* t120 */, {&other_protocol}, {&other_protocol}, {&t84},  /* dsm-cc, userData */
	{&other_protocol}, {&other_protocol}, {&nlpid}, {&h225_null}, {&other_protocol}};            /* t434, h224, dsvdControl, h222DataPartitioning */
T(application) = {.kind = PER_CHOICE, PER_EXTENSIBLE(application_alternatives, 10)};
static const struct per_field DataApplicationCapability[] = {{&application}, {&h225_u32}};
T(data) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(DataApplicationCapability, 2)};

static const struct per_field EncryptionMode[] = {{&non_standard}, {&h225_null}};
T(encryption) = {.kind = PER_CHOICE, PER_EXTENSIBLE(EncryptionMode, 2)};
static const struct per_field DataType[] = {{&non_standard}, {&h225_null}, {&video}, {&audio}, {&data}, {&encryption}};
T(data_type) = {.kind = PER_CHOICE, PER_EXTENSIBLE(DataType, 6)};

/* ---- where it is sent ------------------------------------------------------------------------------ */

static const struct per_field TerminalLabel[] = {{&n_0_192}, {&n_0_192}};
T(label) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(TerminalLabel, 2)};
static const struct per_field mediaPacketization[] = {{&h225_null}}; /* h261aVideoPacketization */
T(packetization) = {.kind = PER_CHOICE, PER_EXTENSIBLE(mediaPacketization, 1)};
static const struct per_field H2250LogicalChannelParameters[] = {
	{&non_standards, 0, true}, {&n_0_255}, {&n_1_255, 0, true},                              /* sessionID, associatedSessionID */
	{&address, H323_MEDIA, true}, {&h225_boolean, 0, true},                                  /* mediaGuaranteedDelivery */
	{&address, H323_MEDIA_CONTROL, true}, {&h225_boolean, 0, true}, {&h225_boolean, 0, true}, /* ... silenceSuppression */
	{&label, 0, true}, {&n_96_127, 0, true}, {&packetization, 0, true}};                     /* destination, dynamicRTPPayloadType */
T(h2250) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H2250LogicalChannelParameters, 11)};
static const struct per_field H2250LogicalChannelAckParameters[] = {
	{&non_standards, 0, true}, {&n_1_255, 0, true}, {&address, H323_MEDIA, true}, {&address, H323_MEDIA_CONTROL, true}, {&n_96_127, 0, true}};
T(h2250_ack) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(H2250LogicalChannelAckParameters, 5)};

/* The multiplexes: h222, h223, v76 | h2250; without h222; h222 alone | h2250. */
static const struct per_field multiplex_forward[] = {{&unknown}, {&unknown}, {&unknown}, {&h2250}},
	multiplex_reverse[] = {{&unknown}, {&unknown}, {&h2250}}, multiplex_ack[] = {{&unknown}, {&h2250}}, multiplex_forward_ack[] = {{&h2250_ack}};
T(forward_multiplex) = {.kind = PER_CHOICE, PER_EXTENSIBLE(multiplex_forward, 3)};
T(reverse_multiplex) = {.kind = PER_CHOICE, PER_EXTENSIBLE(multiplex_reverse, 2)};
T(ack_multiplex) = {.kind = PER_CHOICE, PER_EXTENSIBLE(multiplex_ack, 1)};
T(forward_ack_multiplex) = {.kind = PER_CHOICE, PER_EXTENSIBLE(multiplex_forward_ack, 1)};

/* ---- T.120 beside it --------------------------------------------------------------------------------- */

T(numeric) = {.kind = PER_CHARS, .bits = 4, .min = 1, .max = 16};  /* NumericString */
T(digits) = {.kind = PER_CHARS, .bits = 4, .min = 1, .max = 128};  /* IA5String FROM "0123456789#*," */
static const struct per_field q2931_alternatives[] = {{&numeric}, {&octets_20}};
T(q2931_choice) = {.kind = PER_CHOICE, PER_EXTENSIBLE(q2931_alternatives, 2)};
static const struct per_field Q2931Address[] = {{&q2931_choice}, {&octets_20, 0, true}};
T(q2931) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(Q2931Address, 2)};
static const struct per_field distribution_alternatives[] = {{&h225_null}, {&h225_null}};
T(distribution) = {.kind = PER_CHOICE, PER_EXTENSIBLE(distribution_alternatives, 2)};
static const struct per_field networkAddress[] = {{&q2931}, {&digits}, {&address, H323_STACK}}; /* localAreaAddress */
T(network_address) = {.kind = PER_CHOICE, PER_EXTENSIBLE(networkAddress, 3)};
static const struct per_field NetworkAccessParameters[] = {
	{&distribution, 0, true}, {&network_address}, BOOL, {&octets_255, 0, true}};
T(access) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(NetworkAccessParameters, 4)};

/* ---- the messages --------------------------------------------------------------------------------------- */

static const struct per_field forwardLogicalChannelParameters[] = {{&h225_u16, 0, true}, {&data_type}, {&forward_multiplex}};
T(forward) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(forwardLogicalChannelParameters, 3)};
static const struct per_field reverseLogicalChannelParameters[] = {{&data_type}, {&reverse_multiplex, 0, true}};
T(reverse) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(reverseLogicalChannelParameters, 2)};
static const struct per_field OpenLogicalChannel[] = {
	{&channel_number}, {&forward}, {&reverse, 0, true},
	/* ... */
	{&access}}; /* separateStack */
const struct per_type h245_open_channel = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(OpenLogicalChannel, 3)};

static const struct per_field reverse_ack_fields[] = {{&channel_number}, {&h225_u16, 0, true}, {&ack_multiplex, 0, true}};
T(reverse_ack) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(reverse_ack_fields, 3)};
static const struct per_field OpenLogicalChannelAck[] = {
	{&channel_number}, {&reverse_ack, 0, true},
	/* ... */
	{&access}, {&forward_ack_multiplex}}; /* separateStack, forwardMultiplexAckParameters */
T(open_ack) = {.kind = PER_SEQUENCE, PER_EXTENSIBLE(OpenLogicalChannelAck, 2)};

static const struct per_field RequestMessage[] = {
	{&unknown}, {&unknown}, {&unknown}, {&h245_open_channel, H323_CHANNEL}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}};
T(request) = {.kind = PER_CHOICE, PER_EXTENSIBLE(RequestMessage, 11)};
static const struct per_field ResponseMessage[] = {
	{&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&open_ack, H323_CHANNEL_ACK}, {&unknown}, {&unknown}, {&unknown}, {&unknown},
	{&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}, {&unknown}};
T(response) = {.kind = PER_CHOICE, PER_EXTENSIBLE(ResponseMessage, 19)};
static const struct per_field MultimediaSystemControlMessage[] = {{&request}, {&response}, {&unknown}, {&unknown}};
const struct per_type h245_message = {.kind = PER_CHOICE, PER_EXTENSIBLE(MultimediaSystemControlMessage, 4)};
/* clang-format on */
