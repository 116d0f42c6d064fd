"""A local server that speaks like the open data services, from answers written by hand, with the faults they have."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import osmium
import replay_europe as europe
import shapely
from osmium.osm import mutable

from geoklynge.open_data import open_sources

RECORDINGS = Path(__file__).parent / "recordings"
LAST_MODIFIED = "Wed, 18 Nov 2026 20:21:03 GMT"
KEY = "key-that-must-not-be-written-anywhere"


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer; `sent` cuts it off after so many bytes."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None


Answer = Callable[[Asked], Reply]


@dataclass
class Replay:
    """The server's side of a test: what it was asked, which faults it still has to make, what it answers by place."""

    address: str
    asked: list[Asked] = field(default_factory=list)
    faults: list[tuple[str, Callable[[Reply], Reply], int]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict, repr=False)

    def host(self) -> str:
        """The host and port, as the client knows it."""
        return urlsplit(self.address).netloc

    def breaks(self, where: str, fault: Callable[[Reply], Reply], *, times: int = 1_000_000) -> None:
        """Break the next answers whose host and path match a pattern."""
        self.faults.append((where, fault, times))

    def made(self, reply: Reply, where: str) -> Reply:
        """Make an answer as broken as it was ordered."""
        for k, (pattern, fault, times) in enumerate(self.faults):
            if times and re.search(pattern, where):
                self.faults[k] = (pattern, fault, times - 1)
                return fault(reply)
        return reply

    def of(self, where: str) -> list[Asked]:
        """List what was asked of hosts and paths that match a pattern."""
        return [one for one in self.asked if re.search(where, f"{one.host}{one.path}")]


# ---- faults ------------------------------------------------------------------------------------------------------


def busy(reply: Reply) -> Reply:
    """429 with a wait."""
    return Reply(b"{}", 429, headers={"Retry-After": "1"})


def failing(reply: Reply) -> Reply:
    """500."""
    return Reply(b"<html>Internal Server Error</html>", 500, "text/html")


def unavailable(reply: Reply) -> Reply:
    """503 without a word on waiting."""
    return Reply(b"", 503, "text/html")


def cut(reply: Reply) -> Reply:
    """The connection breaks off in the middle of the body."""
    return Reply(reply.body, reply.status, reply.kind, reply.headers, sent=len(reply.body) // 2)


def another_kind(reply: Reply) -> Reply:
    """The right bytes under a type that they cannot have."""
    return Reply(reply.body, reply.status, "image/png", reply.headers)


def empty(reply: Reply) -> Reply:
    """Nothing, with status 200."""
    return Reply(b"", 200, reply.kind)


def html_page(reply: Reply) -> Reply:
    """An error page for people, with status 200."""
    page = "<!DOCTYPE html><html><head><title>Vi er straks tilbage</title></head><body></body></html>"
    return Reply(page.encode(), 200, "text/html; charset=utf-8")


def gone(reply: Reply) -> Reply:
    """410, as DAWA answers since it was closed."""
    return Reply(b"{}", 410)


def renamed(old: str, new: str) -> Callable[[Reply], Reply]:
    """A field has another name, also in files that are packed."""

    def fault(reply: Reply) -> Reply:
        body = reply.body
        if zipfile.is_zipfile(io.BytesIO(body)):
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                inside = {name: archive.read(name).replace(old.encode(), new.encode()) for name in archive.namelist()}
            return Reply(europe.zipped(inside), reply.status, reply.kind, reply.headers)
        return Reply(body.replace(old.encode(), new.encode()), reply.status, reply.kind, reply.headers)

    return fault


# ---- services ----------------------------------------------------------------------------------------------------


def recording(name: str, kind: str = "application/json") -> Answer:
    """Answer with a file."""
    return lambda _asked: Reply((RECORDINGS / name).read_bytes(), kind=kind)


def recorded(body: bytes) -> Answer:
    """Answer with some JSON."""
    return lambda _asked: Reply(body)


def statbank_data(asked: Asked) -> Reply:
    """Answer like StatBank: the table that the body names, and an error for what it does not know."""
    wanted = json.loads(asked.body)
    codes = {variable["code"]: variable["values"] for variable in wanted["variables"]}
    if wanted["format"] not in {"CSV", "BULK"} or codes.get("Tid") != ["2026"]:
        return Reply(json.dumps({"errorTypeCode": "EXTRACT-NOTFOUND", "message": "Value not found"}).encode(), 400)
    return Reply((RECORDINGS / f"statbank_{wanted['table'].lower()}.csv").read_bytes(), kind="text/csv; charset=utf-8")


def datafordeler(asked: Asked) -> Reply:
    """
    Answer like Datafordeler's GraphQL: in pages of at most five, with errors for keys and fields that it does not know.

    Rows are those that the conditions let through; a question for all rows is refused, except for municipalities.
    """
    if asked.query.get("apiKey") != KEY:
        return Reply(json.dumps({"errors": [{"message": "Unauthorized"}]}).encode(), 401)
    question = json.loads(asked.body)
    entity = re.search(r"((?:DAGI|DS)_\w+)\(", question["query"])[1]
    nodes = json.loads((RECORDINGS / f"{entity.lower()}.json").read_text(encoding="utf-8"))
    wanted = re.search(r"nodes \{ (.*?) \} pageInfo", question["query"])[1].replace("{ wkt }", "").split()
    strange = [name for name in wanted if name not in nodes[0]]
    if strange:
        message = f"The field `{strange[0]}` does not exist on the type `{entity}`."
        return Reply(json.dumps({"errors": [{"message": message}]}).encode())
    only = re.search(r"(\w+): \{ in: \[([^\]]*)\]", question["query"])
    if only:
        nodes = [node for node in nodes if str(node[only[1]]) in only[2].split(", ")]
    near = re.search(r'(\w+): \{ intersects: \{ wkt: "([^"]+)", crs: 25832 \} \}', question["query"])
    if near:
        nodes = [node for node in nodes if shapely.from_wkt(node[near[1]]["wkt"]).intersects(shapely.from_wkt(near[2]))]
    size = re.search(r"\(first: (\d+), after: \$after, virkningstid: \$now, registreringstid: \$now", question["query"])
    if not size or not 1 <= int(size[1]) <= 1_000 or not (only or near or entity == "DAGI_Kommuneinddeling"):
        return Reply(json.dumps({"errors": [{"message": "The request is not allowed."}]}).encode())
    start, most = int(question["variables"]["after"] or 0), min(5, int(size[1]))
    more = start + most < len(nodes)
    page = {"hasNextPage": more, "endCursor": str(start + most) if more else None}
    return Reply(json.dumps({"data": {entity: {"nodes": nodes[start : start + most], "pageInfo": page}}}).encode())


def geofa(asked: Asked) -> Reply:
    """Answer like a GeoServer: GeoJSON in pages of at most three, with the number that matched; within a box only."""
    west, south, east, north, system = asked.query["bbox"].split(",")
    if system != "EPSG:25832":
        return Reply(b"<ows:ExceptionText>bbox</ows:ExceptionText>", 400, "text/xml")
    box = shapely.box(float(west), float(south), float(east), float(north))
    features = json.loads((RECORDINGS / "geofa_facilities.json").read_text(encoding="utf-8"))
    features = [one for one in features if shapely.intersects(box, shapely.from_geojson(json.dumps(one["geometry"])))]
    start, size = int(asked.query["startIndex"]), min(3, int(asked.query["count"]))
    part = features[start : start + size]
    content = {
        "type": "FeatureCollection",
        "features": part,
        "totalFeatures": len(features),
        "numberMatched": len(features),
        "numberReturned": len(part),
        "timeStamp": "2026-11-25T12:00:00.000Z",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}},
    }
    return Reply(json.dumps(content).encode(), kind="application/json;charset=UTF-8")


def overpass(asked: Asked) -> Reply:
    """Answer like Overpass: roads to a question for ways, things to any other."""
    (query,) = parse_qs(asked.body.decode())["data"]
    name = "overpass_ways.json" if "(way[" in query and '"highway"~' in query else "overpass_things.json"
    content = json.loads((RECORDINGS / name).read_bytes())
    if float(re.search(r'poly:\s*["\']\S+ (\S+)', query)[1]) > 14:
        for thing in content["elements"]:
            if thing["type"] == "node":
                thing["lon"], thing["lat"] = europe.on_oland(thing["lon"], thing["lat"])
    return Reply(json.dumps(content).encode())


def made_pbf() -> bytes:
    """Write the OSM answers as a PBF file."""
    path = RECORDINGS / "overpass_ways.json"
    ways = json.loads(path.read_text(encoding="utf-8"))["elements"]
    things = json.loads((RECORDINGS / "overpass_things.json").read_text(encoding="utf-8"))["elements"]
    tagged = {thing["id"]: thing for thing in [*ways, *things] if thing["type"] == "node"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.osm.pbf"
        with osmium.SimpleWriter(str(file)) as writer:
            for ref, thing in sorted(tagged.items()):
                writer.add_node(mutable.Node(id=ref, location=(thing["lon"], thing["lat"]), tags=thing.get("tags", {})))
            for thing in [*ways, *things]:
                if thing["type"] == "way":
                    writer.add_way(mutable.Way(id=thing["id"], nodes=thing["nodes"], tags=thing["tags"]))
        return file.read_bytes()


def packed(folder: str) -> bytes:
    """Pack a folder of answers as a ZIP file, the same bytes every time."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((RECORDINGS / folder).iterdir()):
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    return made.getvalue()


def file_server(body: bytes, kind: str) -> Answer:
    """Answer like a server of files: whole or in parts, and with 304 where nothing is newer."""
    etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'

    def answer(asked: Asked) -> Reply:
        marks = {"ETag": etag, "Last-Modified": LAST_MODIFIED, "Accept-Ranges": "bytes"}
        if asked.headers.get("If-None-Match") == etag:
            return Reply(b"", 304, kind, marks)
        if asked.headers.get("If-Match", etag) != etag:
            return Reply(b"", 412, kind, marks)
        part = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.headers.get("Range", ""))
        if part and asked.headers.get("If-Range", etag) in {etag, LAST_MODIFIED}:
            first, last = int(part[1] or max(0, len(body) - int(part[2]))), len(body) - 1
            if part[1] and part[2]:
                last = min(last, int(part[2]))
            said = {**marks, "Content-Range": f"bytes {first}-{last}/{len(body)}"}
            return Reply(body[first : last + 1], 206, kind, said)
        return Reply(body, 200, kind, marks)

    return answer


def services() -> dict[str, Answer]:
    """List what is answered, by a pattern of host and path; the first that fits is taken."""
    pbf = made_pbf()
    checksum = f"{hashlib.md5(pbf, usedforsecurity=False).hexdigest()}  denmark-latest.osm.pbf\n".encode()
    return {
        r"api\.statbank\.dk/v1/tableinfo/FOLK1A": recording("statbank_folk1a_info.json"),
        r"api\.statbank\.dk/v1/tableinfo/BY1": recording("statbank_by1_info.json"),
        r"api\.statbank\.dk/v1/tableinfo/SOGN1": recording("statbank_sogn1_info.json"),
        r"api\.statbank\.dk/v1/data": statbank_data,
        r"graphql\.datafordeler\.dk/DAGI": datafordeler,
        r"graphql\.datafordeler\.dk/DS": datafordeler,
        r"geofa\.geodanmark\.dk/ows": geofa,
        r"instreg\.stil\.dk/": recording("school_register.json"),
        r"sor-filer\.sundhedsdata\.dk/": recording("sor.csv", "text/csv"),
        r"www\.rejseplanen\.info/labs": file_server(packed("gtfs"), "application/zip"),
        r"overpass-api\.de/api/status": recording("overpass_status.txt", "text/plain"),
        r"overpass-api\.de/api/interpreter": overpass,
        r"nominatim\.openstreetmap\.org/search": recording("nominatim_syddjurs.json"),
        r"download\.geofabrik\.de/.*\.md5": file_server(checksum, "text/plain"),
        r"download\.geofabrik\.de/.*\.pbf": file_server(pbf, "application/octet-stream"),
        r"download\.geonames\.org/.*/DK\.zip": file_server(europe.geonames("DK"), "application/zip"),
        r"download\.geonames\.org/.*/SE\.zip": file_server(europe.geonames("SE"), "application/zip"),
        r"gisco-services\.ec\.europa\.eu/census/": file_server(europe.grid(), "application/zip"),
        r"gisco-services\.ec\.europa\.eu/.*/lau/": file_server(europe.municipalities(), "application/octet-stream"),
        **{re.escape(where): recorded(body) for where, body in europe.catalogue_answers().items()},
        **{
            rf"overturemaps-us-west-2\..*/type={kind}/part-00001-": file_server(
                europe.overture_file(kind), "binary/octet-stream"
            )
            for kind in europe.TYPES
        },
    }


# ---- the server --------------------------------------------------------------------------------------------------


@contextmanager
def replaying() -> Iterator[Replay]:
    """Run the server for as long as the block lasts."""
    replay = Replay("", answers=services())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *said: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            _, host, *rest = parts.path.split("/")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            asked = Asked(self.command, host, "/" + "/".join(rest), query, dict(self.headers.items()), body)
            replay.asked.append(asked)
            where = f"{asked.host}{asked.path}"
            found = next((answer for pattern, answer in replay.answers.items() if re.match(pattern, where)), None)
            reply = found(asked) if found else Reply(b"{}", 404)
            self._send(replay.made(reply, where))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.sent])
            if reply.sent is not None:
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True

    class Server(ThreadingHTTPServer):
        def handle_error(self, *said: object) -> None:
            """Say nothing: a client that has heard enough hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    replay.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def redirected(value: Any, address: str) -> Any:
    """Lead every address in a description to the local server, under the name of its host."""
    if isinstance(value, dict):
        return {key: redirected(inner, address) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redirected(inner, address) for inner in value]
    return re.sub(r"^https://", f"{address}/", value) if isinstance(value, str) else value


def open_data_over(replay: Replay, path: Path) -> Path:
    """Write the file that $GEOKLYNGE_OPEN_DATA names: every source, asked of the local server."""
    lines = []
    for key, source in open_sources().items():
        lines.append(f"[{key}]")
        lines.append(f"address = {json.dumps(redirected(source.address, replay.address))}")
        lines += [
            f"settings.{name} = {json.dumps(value)}"
            for name, setting in source.settings.items()
            if isinstance(setting, str) and (value := redirected(setting, replay.address)) != setting
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
