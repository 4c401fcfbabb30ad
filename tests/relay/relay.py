#!/usr/bin/env python3
"""FTP over links that lose, repeat and re-order packets, through an engine with NAT.

    client (netns)             relay.c                        server (netns)
    10.0.0.2, fd00:1::2  ~~~~ masquerade + FTP helper ~~~~  198.51.100.2, 2001:db8:2::2
                         203.0.113.1, 2001:db8::1            vsftpd

The client is Python's ftplib whose control connection writes one byte at a time, with Nagle's
algorithm on and off; curl writes whole lines. Each case uploads a file and downloads it again,
and both must be what was sent. Cases run beside each other over the same bad links.

usage: relay.py RELAY [SEED...]
Needs root, for network namespaces of its own; elsewhere it is skipped.
"""
import ftplib
import hashlib
import io
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

LOSS, DUPLICATE, LATE = 30, 50, 150  # in 1/1000 of the packets of each of the four links
SIZE = 60_000
SERVER = {4: '198.51.100.2', 6: '2001:db8:2::2'}
VSFTPD = """listen=NO
listen_ipv6=YES
background=NO
anonymous_enable=YES
anon_root={root}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
secure_chroot_dir={root}/empty
seccomp_sandbox=NO
max_per_ip=0
max_clients=0
accept_timeout=600
connect_timeout=600
data_connection_timeout=600
"""


class Dribble:
    """A socket's sendall, a byte at a time."""

    def __init__(self, sock, nagle):
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0 if nagle else 1)

    def sendall(self, data, *args):
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1], *args)
            time.sleep(0.0002)

    def __getattr__(self, name):
        return getattr(self.sock, name)


class DribbleFTP(ftplib.FTP):
    nagle = True

    def connect(self, *args, **kw):
        answer = super().connect(*args, **kw)
        self.sock = Dribble(self.sock, self.nagle)
        return answer


def in_netns(name):
    """This thread lives in that network namespace from now on."""
    import ctypes
    with open(f'/run/netns/{name}') as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), 'setns')


def transfer(family, passive, nagle, number):
    content = random.Random(number).randbytes(SIZE)
    ftp = DribbleFTP(timeout=600)
    ftp.nagle = nagle
    ftp.connect(SERVER[family], 21)
    ftp.login()
    ftp.set_pasv(passive)
    ftp.storbinary(f'STOR in/file{number}', io.BytesIO(content))
    back = []
    ftp.retrbinary(f'RETR in/file{number}', back.append)
    ftp.quit()
    if b''.join(back) != content:
        raise AssertionError('what came back is not what was sent')
    return content


def curl(netns, family, passive, number, directory):
    content = random.Random(number).randbytes(SIZE)
    host = SERVER[family] if family == 4 else f'[{SERVER[family]}]'
    up, down = os.path.join(directory, 'up'), os.path.join(directory, 'down')
    with open(up, 'wb') as f:
        f.write(content)
    for args in (['-T', up], ['-o', down]):
        subprocess.run(['ip', 'netns', 'exec', netns, 'curl', '-sS', '--max-time', '600',
                        *([] if passive else ['--ftp-port', '-']), *args,
                        f'ftp://{host}/in/file{number}'], check=True)
    with open(down, 'rb') as f:
        if f.read() != content:
            raise AssertionError('what came back is not what was sent')
    return content


class Case(threading.Thread):
    def __init__(self, netns, label, run):
        super().__init__()
        self.netns, self.label, self.run_case = netns, label, run
        self.error = self.content = None

    def run(self):
        try:
            in_netns(self.netns)
            self.content = self.run_case()
        except Exception as e:  # told by the main thread
            self.error = f'{type(e).__name__}: {e}'


def ip(*args):
    subprocess.run(['ip', *args], check=True)


def address(netns, v4, v6):
    for words in (['link', 'set', 'lo', 'up'], ['link', 'set', 'tun0', 'up'],
                  ['addr', 'add', v4, 'dev', 'tun0'], ['-6', 'addr', 'add', v6, 'dev', 'tun0', 'nodad'],
                  ['route', 'add', 'default', 'dev', 'tun0'],
                  ['-6', 'route', 'add', 'default', 'dev', 'tun0']):
        ip('-n', netns, *words)


def cases(client, work):
    number = 0
    for family in (4, 6):
        for passive in (False, True):
            for nagle in (True, False):
                number += 1
                yield (f'v{family} {"passive" if passive else "active"} byte by byte, Nagle '
                       f'{"on" if nagle else "off"}', number,
                       lambda f=family, p=passive, n=nagle, k=number: transfer(f, p, n, k))
            number += 1
            directory = tempfile.mkdtemp(dir=work)
            yield (f'v{family} {"passive" if passive else "active"} curl', number,
                   lambda f=family, p=passive, k=number, d=directory: curl(client, f, p, k, d))


def serve(netns, root):
    """vsftpd for anonymous users, who may write into in/."""
    for name in ('in', 'empty'):
        os.mkdir(os.path.join(root, name))
    os.chmod(root, 0o755)
    shutil.chown(os.path.join(root, 'in'), 'ftp')
    with open(root + '.conf', 'w') as f:
        f.write(VSFTPD.format(root=root))
    ftpd = subprocess.Popen(['ip', 'netns', 'exec', netns, 'vsftpd', root + '.conf'])
    for _ in range(100):
        out = subprocess.run(['ip', 'netns', 'exec', netns, 'ss', '-Hltn', 'sport = :21'],
                             stdout=subprocess.PIPE).stdout
        if out.strip():
            return ftpd
        time.sleep(0.1)
    ftpd.kill()
    raise RuntimeError('vsftpd did not start')


def run(relay, seed, client, server, work):
    """All cases under one seed; the number that failed."""
    root = tempfile.mkdtemp(dir=work)
    process = subprocess.Popen([relay, client, server, str(seed), str(LOSS), str(DUPLICATE), str(LATE)],
                               stdout=subprocess.PIPE, text=True)
    ftpd = None
    failed = 0
    try:
        if process.stdout.readline() != 'ready\n':
            raise RuntimeError('the relay did not start')
        address(client, '10.0.0.2/24', 'fd00:1::2/64')
        address(server, '198.51.100.2/24', '2001:db8:2::2/64')
        ftpd = serve(server, root)
        threads = [(Case(client, label, call), number) for label, number, call in cases(client, work)]
        for thread, _ in threads:
            thread.start()
        for thread, number in threads:
            thread.join()
            error = thread.error
            if not error:
                with open(os.path.join(root, 'in', f'file{number}'), 'rb') as f:
                    if hashlib.sha256(f.read()).digest() != hashlib.sha256(thread.content).digest():
                        error = 'the server has another file'
            if error:
                failed += 1
            print(f'seed {seed} {thread.label}: {error or "OK"}')
    finally:
        for p in (ftpd, process):
            if p:
                p.terminate()
        counts = process.stdout.read().strip()
        if process.wait() != 0:
            failed += 1
        print(f'seed {seed} links: {counts}')
    totals = dict(word.split('=') for word in counts.split())
    for what in ('lost', 'doubled', 'delayed', 'held', 'met'):  # the links were really bad
        if not int(totals.get(what, 0)):
            print(f'seed {seed}: nothing was {what}: the test shows nothing')
            failed += 1
    return failed


def main():
    relay, seeds = sys.argv[1], [int(s) for s in sys.argv[2:]] or [1]
    if os.geteuid() or subprocess.run(['unshare', '-n', 'true'], stderr=subprocess.DEVNULL).returncode or \
            not os.path.exists('/dev/net/tun'):
        print('skipped: FTP over bad links needs root, network namespaces and TUN')
        return 77
    work = tempfile.mkdtemp()
    os.chmod(work, 0o755)  # vsftpd's user must get through
    failed = 0
    for seed in seeds:
        names = [f'relay-{side}-{os.getpid()}' for side in ('c', 's')]
        try:
            for name in names:
                ip('netns', 'add', name)
            failed += run(relay, seed, *names, work)
        finally:
            for name in names:
                subprocess.run(['ip', 'netns', 'del', name], stderr=subprocess.DEVNULL)
    shutil.rmtree(work)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
