"""Files in a folder and in a store that speaks S3: put whole, read again, or an outage."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import pytest

from adapters.errors import Unavailable
from adapters.files.objects import ObjectFiles
from runtime.child import free_port

_LARGE: Final = 8 * 1024 * 1024
_WRITER: Final = """
import asyncio, sys
from adapters.files.objects import ObjectFiles
async def main():
    files = ObjectFiles(sys.argv[1])
    for turn in range(10_000):
        await files.put(f"d/{turn}", bytes([turn % 251]) * int(sys.argv[2]))
        print(turn, flush=True)
asyncio.run(main())
"""


class _Bucket(BaseHTTPRequestHandler):
    """Objects of one bucket, for whoever signs as S3 asks for it."""

    protocol_version = "HTTP/1.1"
    objects: Final[dict[str, bytes]] = {}

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_signed():
            self.objects[self.path] = body
            self._answer(200, b"", ETag='"1"')

    def do_GET(self) -> None:
        if not self._is_signed():
            return
        found = self.objects.get(self.path)
        if found is None:
            told = f"<Error><Code>NoSuchKey</Code><Key>{escape(self.path)}</Key></Error>"
            self._answer(404, told.encode())
            return
        self._answer(200, found, ETag='"1"', Last_Modified="Thu, 26 Nov 2026 12:00:00 GMT")

    def _is_signed(self) -> bool:
        signed = self.headers.get("Authorization", "")
        is_signed = signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDTEST/")
        if not is_signed:
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        return is_signed

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDTEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    yield "s3://files/disputes"
    server.shutdown()
    server.server_close()


async def _kept(place: str) -> None:
    files = ObjectFiles(place)
    await files.put("evidence/d-1/buyer/abc", b"one")
    await files.put("evidence/d-1/buyer/abc", b"two")

    assert await files.get("evidence/d-1/buyer/abc") == b"two"
    with pytest.raises(LookupError):
        await files.get("evidence/d-1/buyer/xyz")


async def test_a_folder_keeps_files(tmp_path: Path) -> None:
    """The first deployment has a disk and no account anywhere."""
    await _kept((tmp_path / "files").as_uri())


async def test_a_bucket_keeps_files(bucket: str) -> None:
    """Where there are several machines, a folder of one of them is no place."""
    await _kept(bucket)

    assert set(_Bucket.objects) == {"/files/disputes/evidence/d-1/buyer/abc"}


async def test_a_store_that_is_away_is_an_outage(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller tries again, and nothing is called missing that may be there."""
    monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    files = ObjectFiles(bucket)

    with pytest.raises(Unavailable, match="files"):
        await asyncio.wait_for(files.get("a"), 60)


@pytest.mark.parametrize("place", ["files", "ftp://host/files", "s3:///files", "file://host/x"])
def test_a_place_of_another_kind_is_refused_at_the_start(place: str) -> None:
    """And not at the first file."""
    with pytest.raises(ValueError, match="is no place for files"):
        ObjectFiles(place)


async def test_who_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    """What has a name is whole, whenever the process ends."""
    place = (tmp_path / "files").as_uri()
    for wait in (0.0, 0.003, 0.011):
        writer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _WRITER, place, str(_LARGE)), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        await writer.stdout.readline()
        time.sleep(wait)  # noqa: ASYNC251 - nothing else runs here
        writer.kill()
        await writer.wait()

    named = [one for one in (tmp_path / "files" / "d").iterdir() if one.name.isdigit()]
    assert named
    assert {one.stat().st_size for one in named} == {_LARGE}
