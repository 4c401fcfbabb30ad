# Scenes of record.sh: SIP, RTSP, SANE, SNMP, NetBIOS names, Amanda. Debian: sip-tester baresip-core
# kamailio gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-tools ffmpeg
# sane-utils snmp snmpd samba-common-bin samba amanda-server amanda-client

# --- SIP -----------------------------------------------------------------------------------------

# SIPp's own scenarios: a call with media that the other side sends back.
sipp_call() { # sipp_call TRANSPORT ADDRESS-OF-SERVER ADDRESS-OF-CLIENT
	background ip netns exec slrec-s sipp -sn uas -t "$1" -i "$2" -p 5060 -mi "$2" -mp 30000 \
		-rtp_echo -m 1 -nostdin
	sleep 0.5
	(cd "$tmp" && c sipp -sn uac -t "$1" -i "$3" -p 5060 -mi "$3" -mp 40000 \
		-m 1 -d 200 -nostdin "$2" >/dev/null 2>&1)
	sleep 0.3
	tidy
}

scene_sip_sipp() { # UDP, TCP
	sipp_call u1 $S4 $C4
	sipp_call t1 $S4 $C4
}

scene_sip_sipp6() { # the same over IPv6
	sipp_call u1 "[$S6]" "[$C6]"
	sipp_call t1 "[$S6]" "[$C6]"
}

baresip_config() { # baresip_config DIR ADDRESS ACCOUNT
	mkdir -p "$1"
	cat >"$1/config" <<-END
		sip_listen              $2:5060
		audio_player            aubridge,pseudo0
		audio_source            aubridge,pseudo0
		audio_alert             aubridge,pseudo0
		rtp_ports               41000-41100
		module_path             /usr/lib/baresip/modules
		module                  g711.so
		module                  aubridge.so
		module                  stdio.so
		module_app              account.so
		module_app              menu.so
	END
	echo "$3" >"$1/accounts"
	: >"$1/contacts"
}

kamailio_start() { # a registrar and proxy at $1
	cat >"$tmp/kamailio.cfg" <<-END
		listen=udp:$1:5060
		children=1
		log_stderror=yes
		mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
		loadmodule "tm.so"
		loadmodule "sl.so"
		loadmodule "rr.so"
		loadmodule "pv.so"
		loadmodule "usrloc.so"
		loadmodule "registrar.so"
		loadmodule "textops.so"
		loadmodule "siputils.so"
		request_route {
			if (is_method("REGISTER")) { save("location"); exit; }
			if (has_totag()) { if (loose_route()) { t_relay(); exit; } if (is_method("ACK")) { t_relay(); exit; } }
			if (is_method("INVITE")) record_route();
			if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
			t_relay();
		}
	END
	background ip netns exec slrec-s kamailio -DD -E -f "$tmp/kamailio.cfg" -Y "$tmp" -w "$tmp"
	sleep 1.5
}

# A phone inside registers with a proxy outside, is called through it by a phone beside the proxy, and calls.
scene_sip_baresip() {
	ip -n slrec-s addr add 192.0.2.20/24 dev s0
	kamailio_start $S4
	baresip_config "$tmp/alice" $C4 "<sip:alice@$S4>;regint=60;answermode=auto"
	baresip_config "$tmp/bob" 192.0.2.20 "<sip:bob@$S4>;regint=60;answermode=auto"
	background ip netns exec slrec-c timeout 20 baresip -f "$tmp/alice" -t 6
	sleep 1
	c true
	s timeout 6 baresip -f "$tmp/bob" -t 2 -e "/dial sip:alice@$S4" >/dev/null 2>&1
	sleep 1
	ip -n slrec-s addr del 192.0.2.20/24 dev s0
}

# --- RTSP ------------------------------------------------------------------------------------------

rtsp_start() {
	cat >"$tmp/rtsp.py" <<-'END'
		import gi
		gi.require_version("Gst", "1.0")
		gi.require_version("GstRtspServer", "1.0")
		from gi.repository import Gst, GstRtspServer, GLib
		Gst.init(None)
		server = GstRtspServer.RTSPServer()
		server.set_address("::")
		server.set_service("8554")
		factory = GstRtspServer.RTSPMediaFactory()
		factory.set_launch("( audiotestsrc num-buffers=20 ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay name=pay0 pt=8 "
		                   "audiotestsrc num-buffers=20 ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay name=pay1 pt=0 )")
		server.get_mount_points().add_factory("/film", factory)
		server.attach(None)
		GLib.MainLoop().run()
	END
	background ip netns exec slrec-s /usr/bin/python3 "$tmp/rtsp.py"
	listening 8554
}

scene_rtsp_gst() { # GStreamer's server; ffmpeg over UDP, IPv4 and IPv6, and interleaved
	rtsp_start
	for how in "udp $S4" "udp [$S6]" "tcp $S4"; do
		set -- $how
		c timeout 8 ffmpeg -nostdin -loglevel error -rtsp_transport "$1" -i "rtsp://$2:8554/film" -map 0 -t 0.4 -f null - 2>/dev/null
	done
}

# --- SANE --------------------------------------------------------------------------------------------

scene_sane_test() { # saned with its test backend, and scanimage
	mkdir -p "$tmp/saned" "$tmp/scan"
	echo test >"$tmp/saned/dll.conf"
	printf '%s\n' 'data_portrange = 10000 - 10100' $C4 "[$C6]" >"$tmp/saned/saned.conf"
	cp /etc/sane.d/test.conf "$tmp/saned/" 2>/dev/null
	echo net >"$tmp/scan/dll.conf"
	: >"$tmp/scan/net.conf"
	background ip netns exec slrec-s env SANE_CONFIG_DIR="$tmp/saned" saned -l -e -b ::
	sleep 1
	for a in $S4 "[$S6]"; do
		c env SANE_CONFIG_DIR="$tmp/scan" scanimage -d "net:$a:test:0" --mode Gray --resolution 50 -x 20 -y 20 -o "$tmp/scan/x.pnm" 2>/dev/null
	done
	sleep 0.3
}

# --- SNMP, NetBIOS ------------------------------------------------------------------------------------

snmp_start() {
	printf '%s\n' 'agentaddress udp:161' 'rocommunity public' 'createUser bob MD5 password1 DES password2' 'rouser bob' >"$tmp/snmpd.conf"
	background ip netns exec slrec-s env SNMP_PERSISTENT_DIR="$tmp/snmp" snmpd -f -Lo -C -c "$tmp/snmpd.conf" -p "$tmp/snmpd.pid"
	sleep 1
}

scene_snmp() { # the agent's addresses, versions 1 and 2c
	snmp_start
	for v in 1 2c; do
		c snmpwalk -v $v -c public -m '' $S4 .1.3.6.1.2.1.4.20.1.1
	done
}

scene_snmp_trap() { # to nobody who listens: with the sender's address
	c snmptrap -v 1 -c public -m '' $S4 .1.3.6.1.4.1.8072 $C4 6 1 1 .1.3.6.1.2.1.4.20.1.1 a $C4
	c snmptrap -v 2c -c public -m '' $S4 1 .1.3.6.1.6.3.1.1.5.1 .1.3.6.1.2.1.4.20.1.1 a $C4
}

scene_snmp_v3() { # encrypted and signed
	snmp_start
	c snmpget -v 3 -u bob -l authPriv -a MD5 -A password1 -x DES -X password2 -m '' $S4 .1.3.6.1.2.1.1.5.0
}

scene_netbios() { # a question to the whole network, which the router's side answers; and one to nobody
	mkdir -p "$tmp/nmb"
	cat >"$tmp/nmb/smb.conf" <<-END
		[global]
		netbios name = GATE
		workgroup = HOME
		interfaces = 10.1.0.1/24
		bind interfaces only = yes
		local master = no
		lock directory = $tmp/nmb
		state directory = $tmp/nmb
		cache directory = $tmp/nmb
		pid directory = $tmp/nmb
		private dir = $tmp/nmb
		ncalrpc dir = $tmp/nmb
		log file = $tmp/nmb/log
	END
	cp "$tmp/nmb/smb.conf" "$tmp/nmb/client.conf"
	sed -i 's/10.1.0.1/10.1.0.2/; s/GATE/PC/' "$tmp/nmb/client.conf"
	background ip netns exec slrec-r nmbd -F --no-process-group -s "$tmp/nmb/smb.conf"
	sleep 3
	c nmblookup -s "$tmp/nmb/client.conf" -B 10.1.0.255 GATE
	c nmblookup -s "$tmp/nmb/client.conf" -B 10.1.0.255 NOBODY
	sleep 1
}
