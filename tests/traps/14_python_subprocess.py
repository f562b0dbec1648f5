"""Python starts its children by vfork and closes 62 descriptors there."""

import socket
import subprocess
import threading

REQUEST = b"GET http://trap.test/ HTTP/1.1\r\nHost: trap.test\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHILDREN = 5


def serve(listener):
    """In the same process: its side is accepted, never connected."""
    peer, _ = listener.accept()
    with peer:
        while True:
            request = b""
            while len(request) < len(REQUEST):
                more = peer.recv(len(REQUEST) - len(request))
                if not more:
                    return
                request += more
            peer.sendall(RESPONSE)


def exchange(connection):
    connection.sendall(REQUEST)
    response = b""
    while len(response) < len(RESPONSE):
        response += connection.recv(len(RESPONSE) - len(response))
    assert response == RESPONSE


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener,))
    thread.start()
    connection = socket.create_connection(listener.getsockname())
    exchange(connection)
    for i in range(CHILDREN):
        subprocess.run(["/bin/true"], close_fds=True, check=True)
        subprocess.run(
            ["/bin/true"],
            stdin=subprocess.DEVNULL,
            pass_fds=(connection.fileno(),),
            check=True,
        )
        exchange(connection)
    connection.close()
    thread.join()
    print(
        f"requests {1 + CHILDREN} sent {(1 + CHILDREN) * len(REQUEST)} "
        f"received {(1 + CHILDREN) * len(RESPONSE)}"
    )


if __name__ == "__main__":
    main()
