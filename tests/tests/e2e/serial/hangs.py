"""A webhook that never answers, at 8443 with TLS; at 8080 it says how many requests it holds."""

import http.server
import select
import ssl
import threading

held = 0
lock = threading.Lock()


class Hangs(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(held).encode())

    def do_POST(self):
        global held
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with lock:
            held += 1
        # Until the API server has lost its patience.
        select.select([self.connection], [], [], 60)
        with lock:
            held -= 1
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/keys/tls.crt", "/keys/tls.key")
    hangs = Server(("", 8443), Hangs)
    # One that connects and says nothing must not keep the others from being accepted.
    hangs.socket = context.wrap_socket(hangs.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=hangs.serve_forever, daemon=True).start()
    Server(("", 8080), Hangs).serve_forever()


if __name__ == "__main__":
    main()
