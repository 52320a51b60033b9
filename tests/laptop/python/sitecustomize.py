# What makes a Python process feel that it is alone in a pod: an address of its own, the pod's host name, and the names
# of Services. Processes of pods load it (PYTHONPATH); those of the command beside the cluster get the names alone.
import os
import socket

ADDRESS = os.environ.get("LAPTOP_POD_IP")
HOSTS = os.environ["LAPTOP_HOSTS"]  # a file: lines of an address and a name
SEARCH = os.environ["LAPTOP_SEARCH"].split()  # what may be left out at the end of a name
EVERYWHERE = ("", "0.0.0.0", "::", None)

_bind, _connect, _connect_ex = socket.socket.bind, socket.socket.connect, socket.socket.connect_ex
_getaddrinfo, _gethostbyname = socket.getaddrinfo, socket.gethostbyname


def resolve(host):
    """Return the address of a Service or pod, or None: it is some other name."""
    if isinstance(host, bytes):
        host = host.decode()
    if not host or not isinstance(host, str):
        return None
    if ADDRESS and host in ("localhost", "127.0.0.1", socket.gethostname()):
        return ADDRESS  # as in a pod: its own, not the machine's
    wanted = {host.rstrip(".")} | {f"{host}.{domain}" for domain in SEARCH}
    try:
        with open(HOSTS, encoding="utf-8") as file:
            known = dict(reversed(line.split()) for line in file if line.strip())
    except FileNotFoundError:
        return None
    return next((known[name] for name in wanted if name in known), None)


def is_v4(sock):
    return sock.family == socket.AF_INET


def here(sock, address):
    """Give a socket the pod's address before it connects: that is what the other side sees."""
    if is_v4(sock) and sock.getsockname() == ("0.0.0.0", 0):
        try:
            _bind(sock, (ADDRESS, 0))
        except OSError:
            pass  # it connects from some address, then


def bind(self, address):
    if self.family == socket.AF_INET6:
        raise OSError(99, "this pod has no IPv6 address")  # EADDRNOTAVAIL
    if is_v4(self):
        host, port = address
        if host in EVERYWHERE or host in ("127.0.0.1", "localhost"):
            address = (ADDRESS, port)
    return _bind(self, address)


def target(self, address):
    if is_v4(self) and isinstance(address, tuple):
        address = (resolve(address[0]) or address[0], address[1])
        if not str(address[0]).startswith("127.") and self.type & socket.SOCK_DGRAM:
            _bind(self, (ADDRESS, 0))  # asks which address it would send from, as distributed.utils.get_ip does
            return None
        here(self, address)
    return address


def connect(self, address):
    address = target(self, address)
    return None if address is None else _connect(self, address)


def connect_ex(self, address):
    address = target(self, address)
    return 0 if address is None else _connect_ex(self, address)


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    if not ADDRESS:
        return _getaddrinfo(resolve(host) or host, port, family, type, proto, flags)
    if host in EVERYWHERE:
        host = ADDRESS
    else:
        host = resolve(host) or host
    return _getaddrinfo(host, port, socket.AF_INET if family == socket.AF_INET6 else family, type, proto, flags)


def gethostbyname(host):
    return resolve(host) or _gethostbyname(host)


socket.getaddrinfo = getaddrinfo
socket.gethostbyname = gethostbyname
if ADDRESS:
    socket.gethostname = lambda: os.environ["HOSTNAME"]
    socket.getfqdn = lambda name="": name or os.environ["HOSTNAME"]
    socket.has_ipv6 = False
    socket.socket.bind = bind
    socket.socket.connect = connect
    socket.socket.connect_ex = connect_ex
