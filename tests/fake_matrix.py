"""A homeserver on loopback that speaks as much of Matrix as it takes to say something in a room."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

API = "/_matrix/client/v3"


class FakeMatrix:
    """A context manager; `said` has the path, the authorization and the body of each message."""

    def __enter__(self):
        self.said = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self):
        said = self.said

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                assert self.path == f"{API}/account/whoami"
                self._answer({"user_id": "@tidings:example.org", "device_id": "DEVICE"})

            def do_POST(self):
                self._body()
                assert self.path.startswith(f"{API}/join/")
                self._answer({"room_id": "!room:example.org"})

            def do_PUT(self):
                said.append((self.path, self.headers["Authorization"], self._body()))
                self._answer({"event_id": f"${len(said)}"})

            def log_message(self, *_):
                pass

            def _body(self):
                return json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))

            def _answer(self, document):
                body = json.dumps(document).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
