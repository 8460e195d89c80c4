"""A small hub on 127.0.0.1: the part of the hub's file protocol that huggingface_hub and datasets use, and its faults.

    with HubServer() as hub:
        hub.add("models", "timm/test_vit.r160_in1k", {"model.safetensors": content})
        hub.faults["model.safetensors"] = Fault(status=429, times=2)

`hub.address` is what HF_ENDPOINT must name. A safetensors or parquet file gets its SHA-256 as ETag, as a large file has
on the hub; others get the SHA-1 that git gives them.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".parquet", ".bin")
CODES = {401: "GatedRepo", 404: "EntryNotFound"}


@dataclass
class Fault:
    """What goes wrong with a file (or with all of a repository): `times` times, then no more.

    `status` answers with an error; `kept` breaks a body off after so many bytes; `changed` sends another byte in the
    middle.
    """

    status: int = 0
    times: int = 10**9
    code: str = ""
    retry_after: str = ""
    kept: int | None = None
    changed: bool = False


@dataclass
class HubServer:
    """Serves what was added, in a thread; `asked` lists every request."""

    repositories: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> "HubServer":
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, kind: str, name: str, files: dict[str, bytes]) -> None:
        """A repository; `kind` is models or datasets."""
        self.repositories[kind, name] = files


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.wanted = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._answer()

    def log_message(self, *_) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        file = re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        about = re.fullmatch(
            r"/api/(models|datasets)/([^/]+/[^/]+?)(?:/(revision|tree|paths-info)/([^/]+)(/.*)?)?", path
        )
        if file:
            self._file("datasets" if file[1] else "models", file[2], file[3], file[4])
        elif about:
            self._about(about[1], about[2], about[3] or "revision", (about[5] or "").strip("/"))
        else:
            self._refuse(404, "EntryNotFound")

    def _file(self, kind: str, name: str, revision: str, path: str) -> None:
        fault = self._take_fault(path) or self._take_fault(name)
        held = self.hub.repositories.get((kind, name))
        if fault and fault.status:
            self._refuse(fault.status, fault.code or CODES.get(fault.status, ""), fault.retry_after)
        elif held is None:
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif path not in held:
            self._refuse(404, "EntryNotFound")
        else:
            self._send(path, held[path], fault or Fault())

    def _take_fault(self, what: str) -> Fault | None:
        fault = self.hub.faults.get(what)
        if not fault or fault.times < 1:
            return None
        fault.times -= 1
        return fault

    def _send(self, path: str, content: bytes, fault: Fault) -> None:
        start = int(re.fullmatch(r"bytes=(\d+)-.*", self.headers["Range"])[1]) if self.headers.get("Range") else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{_identify(path, content)}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        half = len(content) // 2
        body = content[:half] + bytes([255 - content[half]]) + content[half + 1 :] if fault.changed else content
        if self.command != "HEAD":
            self.wfile.write(body[start : fault.kept])
        self.close_connection = True

    def _about(self, kind: str, name: str, what: str, folder: str) -> None:
        fault = self._take_fault(name)
        held = self.hub.repositories.get((kind, name))
        if fault and fault.status:
            return self._refuse(fault.status, fault.code, fault.retry_after)
        if held is None:
            return self._refuse(404, "RepoNotFound")
        entries = [_entry(path, content) for path, content in held.items()]
        if what == "revision":
            siblings = [{"rfilename": path} for path in held]
            return self._json({"id": name, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []})
        folders = sorted({path.rpartition("/")[0] for path in held} - {""})
        entries += [{"type": "directory", "path": path, "oid": COMMIT, "size": 0} for path in folders]
        if what == "tree":
            return self._json([entry for entry in entries if not folder or entry["path"].startswith(f"{folder}/")])
        return self._json([entry for entry in entries if f'"{entry["path"]}"' in self.wanted])

    def _json(self, answer) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, code: str, retry_after: str = "") -> None:
        self.send_response(status)
        for name, value in (("X-Error-Code", code), ("Retry-After", retry_after), ("X-Repo-Commit", COMMIT)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _identify(path: str, content: bytes) -> str:
    if path.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(path: str, content: bytes) -> dict:
    known = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
    if path.endswith(LARGE):
        known["lfs"] = {"oid": _identify(path, content), "size": len(content), "pointerSize": 130}
    return known
