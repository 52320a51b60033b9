# Listens on this machine and connects from within another network: forward.py PORT TARGET:PORT COMMAND...
# COMMAND is what runs a program in that network; the listening socket is opened here and handed through it.
import asyncio
import os
import socket
import sys


async def pipe(reader, writer):
    """Copy one direction to its end."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other side is gone; that is the end, too
    finally:
        writer.close()


async def serve(listener, host, port):
    """Join each connection with one to the target. Its name is looked up each time, as addresses change."""

    async def join(reader, writer):
        try:
            target = await asyncio.open_connection(host, port)
        except OSError as why:
            print(f"{host}:{port}: {why}", file=sys.stderr)
            writer.close()
            return
        await asyncio.gather(pipe(reader, target[1]), pipe(target[0], writer))

    async with await asyncio.start_server(join, sock=listener) as server:
        await server.serve_forever()


def main():
    port, target, *command = sys.argv[1:]
    host, target_port = target.rsplit(":", 1)
    inherited = os.environ.pop("FORWARD_LISTENER", None)
    if inherited is not None:  # within the other network
        try:
            asyncio.run(serve(socket.socket(fileno=int(inherited)), host, int(target_port)))
        except KeyboardInterrupt:
            return
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", int(port)))
    except OSError as why:
        raise SystemExit(f"cannot listen on 127.0.0.1:{port}: {why.strerror}; choose another port") from None
    listener.listen()
    listener.set_inheritable(True)
    environment = os.environ | {"FORWARD_LISTENER": str(listener.fileno())}
    os.execvpe(command[0], [*command, sys.executable, os.path.abspath(__file__), port, target], environment)


if __name__ == "__main__":
    main()
