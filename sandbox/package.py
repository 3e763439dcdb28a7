"""One package in the form of each package manager, as a feed of Azure Artifacts gives it out."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

from sandbox.https.feed import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, VERSION = "contoso-tools", "1.0.0"
MODULE = NAME.replace("-", "_")
WHEEL = f"{MODULE}-{VERSION}-py3-none-any.whl"
TARBALL = f"{NAME}-{VERSION}.tgz"
BINARY, HTML, JSON = "application/octet-stream", "text/html; charset=utf-8", "application/json"


def stock(url: str, feed: str) -> dict[str, Parcel]:
    """Give what is on the shelf of one feed, by its path.

    Args:
        url: where the feeds are: npm wants whole addresses.
        feed: the path of the feed: ``contoso/web/_packaging/tools``.
    """
    return {f"{feed}/{path}": parcel for path, parcel in _parcels(f"{url}/{feed}")}


def _parcels(url: str) -> Iterator[tuple[str, Parcel]]:
    wheel, tarball = _wheel(), _tarball()
    digest = hashlib.sha256(wheel).hexdigest()
    link = f'<a href="../../download/{WHEEL}#sha256={digest}">{WHEEL}</a>'
    yield f"pypi/simple/{NAME}", Parcel(HTML, f"<!DOCTYPE html><body>{link}</body>".encode())
    yield f"pypi/download/{WHEEL}", Parcel(BINARY, wheel)
    dist = {
        "tarball": f"{url}/npm/registry/{NAME}/-/{TARBALL}",
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode(),
    }
    version = {"name": NAME, "version": VERSION, "dist": dist}
    about = {"name": NAME, "dist-tags": {"latest": VERSION}, "versions": {VERSION: version}}
    yield f"npm/registry/{NAME}", Parcel(JSON, json.dumps(about).encode())
    yield f"npm/registry/{NAME}/-/{TARBALL}", Parcel(BINARY, tarball)
    yield f"maven/v1/com/contoso/{NAME}/{VERSION}/{NAME}-{VERSION}.pom", Parcel(BINARY, _pom())
    index = {"version": "3.0.0", "resources": []}
    yield "nuget/v3/index.json", Parcel(JSON, json.dumps(index).encode())


def _wheel() -> bytes:
    about = f"{MODULE}-{VERSION}.dist-info"
    files = {
        f"{MODULE}.py": "",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{about}/RECORD"
    files[record] = "".join(f"{path},,\n" for path in [*files, record])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return made.getvalue()


def _tarball() -> bytes:
    text = json.dumps({"name": NAME, "version": VERSION}).encode()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return made.getvalue()


def _pom() -> bytes:
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        f"<groupId>com.contoso</groupId><artifactId>{NAME}</artifactId>"
        f"<version>{VERSION}</version><packaging>pom</packaging></project>"
    ).encode()
