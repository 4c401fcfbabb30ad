#!/bin/bash
# Records the golden captures of this directory from real programs.
#
#   namespace slrec-c            namespace slrec-r               namespace slrec-s
#   +--------------+         +------------------------+         +----------------+
#   | client    c0 |---------| rc    (forwards)    rs |---------| s0      server |
#   +--------------+         +------------------------+         +----------------+
#   10.1.0.2                 10.1.0.1       192.0.2.1                 192.0.2.10
#   2001:db8:1::2            2001:db8:1::1  2001:db8:2::1      2001:db8:2::10
#                               ^
#                               tcpdump listens here, on the client's side
#
# MTU 1500 everywhere, every offload off, so that lengths and checksums are what a wire would
# carry. The router neither tracks nor translates. The namespaces, the servers and their files
# are made here and removed at the end, whatever happens.
#
#   record.sh              record all           (root; Debian: vsftpd python3-pyftpdlib curl tnftp lftp
#   record.sh NAME...      only these            inetutils-ftp ncftp tcpdump tshark ethtool traceroute
#   record.sh --list       what there is         iputils-ping openssl)
#
# What comes out differs from run to run in ports, sequence numbers and times; the tests count on
# none of these.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1

C4=10.1.0.2 S4=192.0.2.10 C6=2001:db8:1::2 S6=2001:db8:2::10
c() { ip netns exec slrec-c timeout 20 "$@"; }
s() { ip netns exec slrec-s timeout 20 "$@"; }
r() { ip netns exec slrec-r "$@"; }
background() { "$@" >/dev/null 2>&1 & pids+=($!); } # started in a namespace, ended by tidy

pids=()
tidy() {
	[ ${#pids[@]} -gt 0 ] && kill "${pids[@]}" 2>/dev/null && wait "${pids[@]}" 2>/dev/null
	pids=()
}
finish() {
	tidy
	for n in c r s; do ip netns del slrec-$n 2>/dev/null; done
	rm -rf "$tmp"
}

# --- the topology ------------------------------------------------------------------------------

link() { # link NS DEVICE PEER-NS PEER-DEVICE
	ip link add "$2" netns "slrec-$1" type veth peer name "$4" netns "slrec-$3"
	ip netns exec "slrec-$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null
	ip netns exec "slrec-$3" ethtool -K "$4" tx off rx off tso off gso off gro off >/dev/null
	ip -n "slrec-$1" link set "$2" up
	ip -n "slrec-$3" link set "$4" up
}

topology() {
	for n in c r s; do
		ip netns add slrec-$n || exit 1
		ip -n slrec-$n link set lo up
	done
	link c c0 r rc
	link s s0 r rs
	r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n slrec-c addr add $C4/24 dev c0
	ip -n slrec-c addr add $C6/64 dev c0 nodad
	ip -n slrec-r addr add 10.1.0.1/24 dev rc
	ip -n slrec-r addr add 2001:db8:1::1/64 dev rc nodad
	ip -n slrec-r addr add 192.0.2.1/24 dev rs
	ip -n slrec-r addr add 2001:db8:2::1/64 dev rs nodad
	ip -n slrec-s addr add $S4/24 dev s0
	ip -n slrec-s addr add $S6/64 dev s0 nodad
	ip -n slrec-c route add default via 10.1.0.1
	ip -n slrec-c route add default via 2001:db8:1::1
	ip -n slrec-s route add default via 192.0.2.1
	ip -n slrec-s route add default via 2001:db8:2::1
	sleep 2 # link-local addresses
	for a in $S4 $S6; do c ping -q -c 1 $a >/dev/null; done # neighbours are known from here on
}

# --- servers -----------------------------------------------------------------------------------

files() { # what the FTP servers serve, and where they take uploads
	mkdir -p "$tmp/ftp/in" "$tmp/empty" "$tmp/mine"
	seq 1 40 >"$tmp/ftp/small.txt"
	head -c 20000 /dev/zero | tr '\0' 'b' >"$tmp/ftp/medium.bin"
	head -c 400000 /dev/zero | tr '\0' 'c' >"$tmp/ftp/large.bin"
	seq 1 60 >"$tmp/mine/upload.txt"
	chmod 755 "$tmp" "$tmp/ftp"
	chmod 777 "$tmp/ftp/in"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ftp.example \
		-keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
}

vsftpd_start() { # vsftpd_start [PORT] [OPTION=VALUE...]
	local port=${1:-21}
	shift
	cat >"$tmp/vsftpd.conf" <<-END
		listen=NO
		listen_ipv6=YES
		listen_port=$port
		background=NO
		anonymous_enable=YES
		anon_root=$tmp/ftp
		write_enable=YES
		anon_upload_enable=YES
		anon_other_write_enable=YES
		anon_mkdir_write_enable=YES
		anon_umask=022
		secure_chroot_dir=$tmp/empty
		seccomp_sandbox=NO
		connect_from_port_20=YES
		pasv_min_port=50000
		pasv_max_port=50999
	END
	printf '%s\n' "$@" >>"$tmp/vsftpd.conf"
	background ip netns exec slrec-s vsftpd "$tmp/vsftpd.conf"
	listening "$port"
}

pyftpd_start() { # pyftpd_start ADDRESS [PORT]
	background ip netns exec slrec-s env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pyftpdlib \
		-i "$1" -p "${2:-21}" -r 50000-50999 -w -d "$tmp/ftp"
	listening "${2:-21}"
}

listening() {
	for _ in $(seq 50); do
		s ss -Hltn "sport = :$1" | grep -q . && return
		sleep 0.1
	done
	echo "record.sh: nothing listens on port $1" >&2
	exit 1
}

# What the server answers for one scene: a python program from stdin.
python_server() {
	cat >"$tmp/server.py"
	background ip netns exec slrec-s /usr/bin/python3 "$tmp/server.py"
	sleep 0.5
}
python_client() { c /usr/bin/python3 -; }

# --- clients -----------------------------------------------------------------------------------

get() { c curl -s -S --max-time 15 -o /dev/null "$@"; }
put() { c curl -s -S --max-time 15 -T "$tmp/mine/upload.txt" "$@"; }
commands() { (cd "$tmp/mine" && c "$@" >/dev/null 2>&1); } # an interactive client, commands on stdin

# --- scenes: one function each; the name is the capture's --------------------------------------

scene_ftp_demo() {
	vsftpd_start 21
	get --disable-epsv ftp://$S4/small.txt          # PASV, 227
	put -P - --disable-eprt ftp://$S4/in/a.txt      # PORT
	get -g "ftp://[$S6]/small.txt"                  # EPSV, 229
	put -g -P - "ftp://[$S6]/in/b.txt"              # EPRT
	printf 'epsv4 off\npassive off\nls\nget small.txt x1\npassive on\nput upload.txt in/c.txt\nbye\n' |
		commands tnftp -a -i $S4
}

scene_ftp_vsftpd_curl4() {
	vsftpd_start 21
	get ftp://$S4/medium.bin                        # EPSV over IPv4
	get --disable-epsv ftp://$S4/medium.bin
	get -P - ftp://$S4/medium.bin                   # EPRT over IPv4
	get -P - --disable-eprt ftp://$S4/
	put ftp://$S4/in/d.txt
	get ftp://$S4/small.txt ftp://$S4/ ftp://$S4/in/d.txt # several in one session
}

scene_ftp_vsftpd_curl6() {
	vsftpd_start 21
	get -g "ftp://[$S6]/medium.bin"
	get -g -P - "ftp://[$S6]/"
	put -g -P - "ftp://[$S6]/in/e.txt"
	get -g "ftp://[$S6]/small.txt" "ftp://[$S6]/" "ftp://[$S6]/in/e.txt"
}

scene_ftp_pyftpd4() {
	pyftpd_start $S4
	get --disable-epsv ftp://$S4/small.txt
	get -P - ftp://$S4/
	get -P - --disable-eprt ftp://$S4/small.txt
	put ftp://$S4/in/f.txt
	printf 'user anonymous x@example\npassive\nls\nget small.txt x2\nbye\n' | commands tnftp -n -i $S4
}

scene_ftp_pyftpd6() {
	pyftpd_start $S6
	get -g "ftp://[$S6]/small.txt"
	get -g -P - "ftp://[$S6]/"
	put -g "ftp://[$S6]/in/g.txt"
	printf 'ls\npassive off\nget small.txt x3\nbye\n' | commands tnftp -a -i $S6
}

scene_ftp_tnftp() {
	vsftpd_start 21
	printf 'ls\nget small.txt x4\npassive off\nget medium.bin x5\nput upload.txt in/h.txt\nls in\nbye\n' |
		commands tnftp -a -i $S4
	printf 'ls\npassive off\nget small.txt x6\nput upload.txt in/i.txt\nbye\n' | commands tnftp -a -i $S6
}

scene_ftp_lftp() {
	vsftpd_start 21
	for a in $S4 "[$S6]"; do
		commands lftp -c "set net:max-retries 1; open ftp://$a; ls; get small.txt -o x7; set ftp:passive-mode off;
			get medium.bin -o x8; put upload.txt -o in/j-${#a}.txt; ls in; bye" </dev/null
		rm -f "$tmp"/mine/x7 "$tmp"/mine/x8
	done
}

scene_ftp_inetutils() {
	vsftpd_start 21
	printf '%s\n' 'user anonymous x@example' binary passive ls 'get small.txt x9' passive 'get medium.bin x10' \
		'put upload.txt in/k.txt' bye |
		commands inetutils-ftp -n -i -v $S4
	printf 'user anonymous x@example\nls\nget small.txt x11\npassive\nget small.txt x12\nbye\n' |
		commands inetutils-ftp -n -i -v $S6
}

scene_ftp_ncftp() {
	vsftpd_start 21
	commands ncftpget -V -F $S4 "$tmp/mine" small.txt </dev/null      # passive
	rm -f "$tmp/mine/small.txt"
	commands ncftpget -V -E $S4 "$tmp/mine" medium.bin </dev/null     # active
	commands ncftpput -V -F $S4 in upload.txt </dev/null
	commands ncftpls -E ftp://$S4/ </dev/null
}

scene_ftp_abor() { # curl asks for the first bytes only, and sends ABOR when it has them
	vsftpd_start 21 anon_max_rate=60000
	get -r 0-2000 ftp://$S4/large.bin
	get -r 0-2000 -P - --disable-eprt ftp://$S4/large.bin
	get -g -r 0-2000 "ftp://[$S6]/large.bin" "ftp://[$S6]/small.txt"
}

scene_ftp_tls() { # what follows AUTH TLS cannot be read
	vsftpd_start 21 ssl_enable=YES allow_anon_ssl=YES rsa_cert_file="$tmp/cert.pem" \
		rsa_private_key_file="$tmp/key.pem" require_ssl_reuse=NO
	get -k --ssl ftp://$S4/small.txt
	get -g -k --ssl-reqd "ftp://[$S6]/small.txt"
}

scene_ftp_port2121() {
	vsftpd_start 2121
	get --disable-epsv ftp://$S4:2121/small.txt
	get -P - --disable-eprt ftp://$S4:2121/small.txt
	get -g "ftp://[$S6]:2121/small.txt"
	get -g -P - "ftp://[$S6]:2121/small.txt"
}

scene_tcp_bulk() {
	python_server <<-END
		import socket
		s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
		while True:
		    k, _ = s.accept()
		    k.recv(1000)
		    k.sendall(b"d" * 60000)
		    k.close()
	END
	python_client <<-END
		import socket
		for a in ("$S4", "$S6"):
		    k = socket.create_connection((a, 80))
		    k.sendall(b"GET\r\n")
		    while k.recv(65536):
		        pass
		    k.close()
	END
}

scene_tcp_short() { # 20 connections one after the other, closed by either side, one with a reset
	python_server <<-END
		import socket
		s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
		for n in range(40):
		    k, _ = s.accept()
		    k.recv(100)
		    k.sendall(b"answer %d" % n)
		    try:
		        if n % 2:
		            k.recv(100)
		    except ConnectionResetError:
		        pass
		    k.close()
	END
	python_client <<-END
		import socket, struct
		for n in range(20):
		    k = socket.create_connection((("$S4", "$S6")[n // 2 % 2], 80))
		    k.sendall(b"question")
		    k.recv(100)
		    if n == 7:
		        k.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    k.close()
	END
}

scene_web() { # a web server: kept connections, ranges, uploads, four clients at once, one that leaves early
	python_server <<-END
		import http.server
		class Handler(http.server.BaseHTTPRequestHandler):
		    protocol_version = "HTTP/1.1"
		    def do_GET(self):
		        size = int(self.path[1:] or 10)
		        self.send_response(200)
		        self.send_header("Content-Length", str(size))
		        self.end_headers()
		        self.wfile.write(b"w" * size)
		    do_POST = lambda self: (self.rfile.read(int(self.headers["Content-Length"])), self.do_GET())
		class Server(http.server.ThreadingHTTPServer):
		    address_family = 10
		Server(("::", 80), Handler).serve_forever()
	END
	listening 80
	get http://$S4/100 http://$S4/5000 http://$S4/1 # on one connection
	get -g "http://[$S6]/3000" "http://[$S6]/7"
	get -d "$(seq 300)" http://$S4/20
	get http://$S4/1000 & local all=($!)
	get http://$S4/2000 & all+=($!)
	get -g "http://[$S6]/3000" & all+=($!)
	wait "${all[@]}"
	c curl -s --max-time 15 --limit-rate 4K --max-filesize 500 -o /dev/null http://$S4/9000
	get --http1.0 -g "http://[$S6]/800"
}

scene_traceroute() { # with UDP, echo requests and SYNs; what answers, what does not
	for a in $S4 $S6; do
		c traceroute -n -q 2 -w 1 -N 1 $a
		c traceroute -n -q 1 -w 1 -N 1 -I $a
		c traceroute -n -q 1 -w 1 -N 1 -T -p 80 $a
		c traceroute -n -q 1 -w 1 -N 1 -U -p 53 $a
	done >/dev/null
	c ping -q -c 2 -i 0.2 192.0.2.77 >/dev/null # nobody: the router says so, after a while
	c ping -q -c 2 -s 3000 -i 0.2 $S6 >/dev/null
	c ping -q -c 1 -M do -s 1472 $S4 >/dev/null
}

scene_together() { # several sessions at the same time, of both families, with echoes and datagrams between
	vsftpd_start 21
	python_server <<-END
		import socket
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		s.bind(("::", 53))
		while True:
		    data, peer = s.recvfrom(2000)
		    s.sendto(data + b" answered", peer)
	END
	c ping -q -c 5 -i 0.3 $S4 >/dev/null & local all=($!)
	get --disable-epsv ftp://$S4/small.txt ftp://$S4/ & all+=($!)
	get -P - --disable-eprt ftp://$S4/medium.bin ftp://$S4/small.txt & all+=($!)
	get -g -P - "ftp://[$S6]/small.txt" "ftp://[$S6]/" & all+=($!)
	python_client <<-END
		import socket
		for a in ("$S4", "$S6") * 3:
		    s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
		    s.settimeout(2)
		    s.sendto(b"question", (a, 53))
		    s.recv(2000)
	END
	printf 'ls\npassive off\nget small.txt y1\nput upload.txt in/y.txt\nbye\n' | commands tnftp -a -i $S4
	wait "${all[@]}"
	get -g "ftp://[$S6]/medium.bin"
}

scene_tcp_refused() {
	python_client <<-END
		import socket
		for a in ("$S4", "$S6"):
		    for port in (81, 82):
		        try:
		            socket.create_connection((a, port), 3)
		        except ConnectionRefusedError:
		            pass
	END
}

deaf() { # deaf FLAGS/MASK NAMESPACE...: such segments get lost when they arrive there; deaf no: no longer
	local what=$1 n
	shift
	for n; do
		if [ "$what" = no ]; then
			ip netns exec "slrec-$n" nft delete table inet deaf
		else
			ip netns exec "slrec-$n" nft "table inet deaf {
				chain in { type filter hook input priority 0; tcp flags ${what/\// / } drop; }; }"
		fi
	done
}

scene_tcp_half_open() { # SYNs that nobody answers
	deaf syn/syn,ack s
	python_client <<-END
		import socket
		for a in ("$S4", "$S6"):
		    try:
		        socket.create_connection((a, 83), 4)
		    except OSError:
		        pass
	END
	deaf no s
}

scene_tcp_half_close() { # the client has nothing more to say, the server goes on for a while
	python_server <<-END
		import socket, time
		s = socket.create_server(("$S4", 80))
		k, _ = s.accept()
		while k.recv(100):
		    pass
		for n in range(5):
		    k.sendall(b"still here %d" % n)
		    time.sleep(0.1)
		k.close()
	END
	python_client <<-END
		import socket
		k = socket.create_connection(("$S4", 80))
		k.sendall(b"that is all")
		k.shutdown(socket.SHUT_WR)
		while k.recv(100):
		    pass
	END
}

scene_tcp_simultaneous_close() { # neither has seen the other's FIN when it sends its own: the first get lost
	deaf fin/fin,syn c s
	python_server <<-END
		import socket
		k, _ = socket.create_server(("$S4", 80)).accept()
		k.recv(100)
		k.shutdown(socket.SHUT_WR)
		k.recv(100)
	END
	background ip netns exec slrec-c /usr/bin/python3 -c "if True:
		import socket
		k = socket.create_connection(('$S4', 80))
		k.sendall(b'enough')
		k.shutdown(socket.SHUT_WR)
		k.recv(100)"
	sleep 0.25
	deaf no c s
	sleep 2
}

scene_tcp_simultaneous_open() { # both connect to each other; the first SYNs get lost when they arrive
	deaf syn/syn,ack c s
	for end in "s $S4 7001 $C4 7000" "c $C4 7000 $S4 7001"; do
		set -- $end
		background ip netns exec "slrec-$1" /usr/bin/python3 -c "if True:
			import socket
			k = socket.socket()
			k.bind(('$2', $3))
			k.connect(('$4', $5))
			k.sendall(b'from the $1')
			k.recv(100)
			k.close()"
	done
	sleep 0.6
	deaf no c s
	sleep 2
}

scene_udp_dns() { # short questions and answers, and one that gets none
	python_server <<-END
		import socket
		k = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		k.bind(("::", 53))
		while True:
		    data, who = k.recvfrom(2000)
		    if b"silent" not in data:
		        k.sendto(b"answer to " + data, who)
	END
	python_client <<-END
		import socket
		for a in ("$S4", "$S6"):
		    for question in (b"one", b"two", b"silent", b"three"):
		        k = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
		        k.settimeout(0.3)
		        for n in range(2):
		            k.sendto(question, (a, 53))
		            try:
		                k.recvfrom(2000)
		            except OSError:
		                pass
		        k.close()
	END
}

scene_ping() {
	c ping -q -c 3 -i 0.2 $S4
	c ping -q -c 3 -i 0.2 $S6
	s ping -q -c 2 -i 0.2 $C4
}

scene_fragments() { # larger than the MTU, so in three fragments each way
	c ping -q -c 2 -i 0.2 -s 4000 $S4
	c ping -q -c 2 -i 0.2 -s 4000 $S6
	python_server <<-END
		import socket
		k = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		k.bind(("::", 5353))
		while True:
		    data, who = k.recvfrom(65535)
		    k.sendto(data, who)
	END
	python_client <<-END
		import socket
		for a in ("$S4", "$S6"):
		    k = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
		    k.settimeout(2)
		    k.sendto(b"u" * 5000, (a, 5353))
		    k.recvfrom(65535)
	END
}

scene_icmp_errors() { # port unreachable, TTL exceeded, no route, fragmentation needed, packet too big
	c traceroute -n -q 1 -w 1 $S4
	c traceroute -n -q 1 -w 1 $S6
	c ping -q -c 1 -t 1 $S4
	c ping -q -c 1 -t 1 $S6
	ip -n slrec-r route add unreachable 198.51.100.0/24
	c ping -q -c 1 -W 1 198.51.100.1
	ip -n slrec-r link set rs mtu 1400
	c ping -q -c 1 -W 1 -M 'do' -s 1450 $S4
	c ping -q -c 1 -W 1 -M 'do' -s 1440 $S6
	ip -n slrec-r link set rs mtu 1500
	ip -n slrec-c route flush cache
	ip -n slrec-c -6 route flush cache
}

. "$here/scenes-calls.sh" # SIP, RTSP and other helpers' protocols

# --- one scene, one file -----------------------------------------------------------------------

record() { # record NAME
	local name=$1 filter="ip or (ip6 and not (icmp6 and ip6[40] >= 130))" # no neighbour discovery
	case $name in ftp-*) filter=tcp ;; esac
	ip netns exec slrec-r tcpdump -U --immediate-mode -s 0 -i rc -w "$tmp/cap" "$filter" 2>"$tmp/log" &
	local tcpdump=$!
	until grep -q 'listening on' "$tmp/log"; do sleep 0.05; done
	"scene_${name//-/_}" >/dev/null
	sleep 0.5
	tidy
	sleep 0.3
	kill -INT $tcpdump
	wait $tcpdump
	rm -f "$tmp"/mine/x* "$tmp"/ftp/in/*
	if [ "$name" = ftp-demo ]; then
		editcap -F pcapng "$tmp/cap" "$here/$name.pcapng"
	else
		cp "$tmp/cap" "$here/$name.pcap"
	fi
	chmod 644 "$here/$name".pcap*
	echo "$name: $(tcpdump -n -r "$tmp/cap" 2>/dev/null | wc -l) frames"
}

all=$(sed -n 's/^scene_\([a-z0-9_]*\)().*/\1/p' "${BASH_SOURCE[0]}" "$here"/scenes-*.sh | tr _ -)
case ${1-} in
--list) echo "$all"; exit ;;
esac
tmp=$(mktemp -d /tmp/slrec.XXXXXX)
trap finish EXIT
trap 'exit 1' INT TERM
topology
files
for name in ${*:-$all}; do record "$name"; done
