"""Fetches the dashboard's CSS, JavaScript and icons from npm into src/tidings/ui, so that no page needs another server.

Run `python tools/vendor_ui.py` after changing a version below or using a new icon. Needs `npm`; prints what it wrote.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "tidings"
STATIC = SOURCE / "ui" / "static"
ICONS = SOURCE / "ui" / "icons.json"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One npm package and the files we take from it, each under the name it has here."""

    package: str
    version: str
    licence: str
    why: str
    files: dict[str, str]


PARTS = (
    Part(
        package="@tabler/core",
        version="1.6.1",
        licence="MIT",
        why="layout and components; its script drives dropdowns, the menu on phones and tooltips",
        files={"dist/css/tabler.min.css": "tabler.min.css", "dist/js/tabler.min.js": "tabler.min.js"},
    ),
    Part(
        package="htmx.org",
        version="4.0.1",
        licence="0BSD",
        why="fragments, and server-sent events for live pages",
        files={"dist/htmx.min.js": "htmx.min.js", "dist/ext/hx-sse.min.js": "htmx-sse.min.js"},
    ),
    Part(
        package="echarts",
        version="6.1.0",
        licence="Apache-2.0",
        why="charts; the smallest build with tooltips, loaded only by pages that have a chart",
        files={"dist/echarts.common.min.js": "echarts.min.js"},
    ),
    Part(
        package="swagger-ui-dist",
        version="5.35.0",
        licence="Apache-2.0",
        why="the API reference at /docs; of the usual viewers the one that needs no inline styles or scripts",
        files={"swagger-ui-bundle.js": "swagger-ui.min.js", "swagger-ui.css": "swagger-ui.min.css"},
    ),
)
ICON_PACKAGE = Part(package="@tabler/icons", version="3.51.0", licence="MIT", why="the icons named in templates, in icons.json", files={})
USED_ICON = re.compile(r"""\b(?:icon|draw)(?:\(|=|"\s*:)\s*["']([a-z0-9-]+)["']""")


def main() -> None:
    """Write every vendored file, the icons in use and the record of versions."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [row for part in PARTS for row in take_files(part, unpack(part, Path(folder)))]
        icons = take_icons(unpack(ICON_PACKAGE, Path(folder)))
    ICONS.write_text(json.dumps(icons, indent=1, sort_keys=True) + "\n")
    lines.append(f"| {ICON_PACKAGE.package} | {ICON_PACKAGE.version} | {ICON_PACKAGE.licence} | ../icons.json ({ICON_PACKAGE.why}) | |")
    (STATIC / "VENDORED.md").write_text(RECORD.format(rows="\n".join(lines)))
    sys.stdout.write("\n".join([*lines, f"{len(icons)} icons"]) + "\n")


RECORD = """# Vendored files

Taken from npm by `python tools/vendor_ui.py` (only the links to source maps are left out); do not edit them.
icon.svg, tidings.css and tidings.js are our own. The licences' texts are in licences/.

| package | version | licence | file | sha256 |
| --- | --- | --- | --- | --- |
{rows}
"""


def unpack(part: Part, folder: Path) -> Path:
    """Download one package through the npm client, open its archive and keep its licence (Tabler's own stands in its files)."""
    command = ["npm", "pack", f"{part.package}@{part.version}", "--silent", "--pack-destination", str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)  # noqa: S603
    target = folder / re.sub(r"\W+", "-", part.package)
    with tarfile.open(folder / answer.stdout.split()[-1]) as archive:
        archive.extractall(target, filter="data")
    (STATIC / "licences").mkdir(exist_ok=True)
    for text in (target / "package").glob("LICENSE*"):
        shutil.copy(text, STATIC / "licences" / f"{part.package.strip('@').replace('/', '-')}.txt")
    return target / "package"


def take_files(part: Part, package: Path) -> list[str]:
    """Copy a package's files, without the links to source maps that we do not ship."""
    rows = []
    for origin, name in part.files.items():
        content = re.sub(rb"\n?(//# |/\*# )sourceMappingURL=[^\n]*", b"", (package / origin).read_bytes())
        (STATIC / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()[:16]
        rows.append(f"| {part.package} | {part.version} | {part.licence} | {name} ({part.why}) | {digest}… |")
    return rows


def take_icons(package: Path) -> dict[str, str]:
    """The drawings of the icons that templates and Python files name."""
    drawings = {}
    for name in sorted(used_icons()):
        folder = "filled" if name.startswith("filled-") else "outline"
        svg = (package / "icons" / folder / f"{name.removeprefix('filled-')}.svg").read_text()
        drawings[name] = "".join(re.findall(r"<(?:path|circle|rect|line|poly\w+)(?![^>]*M0 0h24v24H0z)[^>]*/>", svg))
    return drawings


def used_icons() -> set[str]:
    """Every icon named in a call of icon or draw, in `icon=` or after `"icon":`, in our templates and Python files."""
    files = [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.py"), *(ROOT / "tests" / "ui").rglob("*.html"), *(ROOT / "tools").glob("*.py")]
    return {name for file in files for name in USED_ICON.findall(file.read_text())}


if __name__ == "__main__":
    main()
