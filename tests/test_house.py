"""The house keeps its own rules: sizes, doors, true documents, nothing committed that should not be."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from tidings.cli import app
from tidings.providers import PROVIDERS

ROOT = Path(__file__).parent.parent
LONGEST = 350
"""Lines of a Python file. Longer ones are listed here with the reason, and the list stays short."""
LONG_FOR_A_REASON: dict[str, str] = {
    "src/tidings/providers/base.py": "the whole contract of a provider, read first and from top to bottom by whoever adds one",
}
REGISTRY_HOSTS = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|crates\.io|/simple/|index-url\s*=\s*http", re.IGNORECASE)
NOT_OURS = ("src/tidings/ui/static/",)
"""Vendored files, as their makers wrote them."""


@cache
def committed() -> list[str]:
    """Every file that is (or is about to be) committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def ours(*suffixes: str) -> list[str]:
    return [name for name in committed() if name.endswith(suffixes) and not name.startswith(NOT_OURS)]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def test_no_python_file_is_longer_than_a_head_can_hold():
    long = {name: len(text(name).splitlines()) for name in ours(".py")}
    too_long = {name: lines for name, lines in long.items() if lines > LONGEST and name not in LONG_FOR_A_REASON}
    assert not too_long
    assert all(long.get(name, 0) > LONGEST for name in LONG_FOR_A_REASON), "take it off the list"


def test_every_path_a_document_names_exists():
    """In backticks, with a slash or a known ending, relative to the root, the package or the document."""
    named = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|sql|md|toml|yaml|sh))`")
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
    lost = []
    for document in ours(".md"):
        if document.startswith("docs/decisions/"):  # dated and never edited: they name what was there then
            continue
        for found in [*named.findall(text(document)), *link.findall(text(document))]:
            if not _exists(found, (ROOT / document).parent):
                lost.append(f"{document}: {found}")
    assert not lost


def _exists(name: str, beside: Path) -> bool:
    if name.startswith(("bench/out/", "api/", "application/", "text/", "image/")) or name.split("/", maxsplit=1)[0] in {
        "Africa",
        "Europe",
        "America",
        "Asia",
    }:
        return True  # a URL of ours, a media type, a timezone
    places = (ROOT, ROOT / "src" / "tidings", ROOT / "src", ROOT / "tests", beside)
    return any((place / name).exists() for place in places) or any(ROOT.glob(f"src/tidings/**/{name}"))


def test_no_committed_file_names_a_package_registry():
    guilty = [
        name
        for name in committed()
        if not name.startswith(NOT_OURS) and name != "tests/test_house.py" and REGISTRY_HOSTS.search(text(name))
    ]
    assert not guilty


def test_the_lock_pins_everything_by_hash_and_names_no_index():
    for name in ("requirements.lock", "requirements-dev.lock"):
        pins = re.findall(r"^[a-z0-9].*==", text(name), re.MULTILINE)
        assert len(pins) > 20
        for block in re.split(r"\n(?=[a-z0-9])", text(name).strip()):
            assert "--hash=sha256:" in block, block.splitlines()[0]


def test_no_feature_reaches_into_anothers_queries():
    reaching = []
    for name in ours(".py"):
        if not name.startswith("src/tidings/"):
            continue
        room = name.removeprefix("src/tidings/").split("/")[0]
        for module in _imported(name):
            parts = module.split(".")
            if parts[0] == "tidings" and "queries" in parts[2:] and parts[1] != room:
                reaching.append(f"{name} imports {module}")
    assert reaching == sorted(set(reaching) & ALLOWED_REACHES)


ALLOWED_REACHES = {
    "src/tidings/worker.py imports tidings.delivery.queries",  # composition: it sweeps for the engine
}


def _imported(name: str) -> list[str]:
    """Modules a file imports, `from package import queries` included."""
    modules = []
    for node in ast.walk(ast.parse(text(name))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            queries = [f"{node.module}.queries" for alias in node.names if alias.name == "queries"]
            modules += queries or [node.module]
    return sorted(set(modules))


def test_every_provider_is_kept_apart_from_the_others():
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (apart,) = [one["modules"] for one in contracts if one["name"] == "Providers know nothing of one another"]
    assert sorted(apart) == sorted({type(each).__module__.rpartition(".")[0] for each in PROVIDERS.values()})


def test_nothing_is_left_for_later():
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError\(\)|\b[Ff]or now\b")
    left = [
        f"{name}:{number}"
        for name in ours(".py", ".sql", ".html", ".md", ".sh")
        if name != "tests/test_house.py"
        for number, line in enumerate(text(name).splitlines(), 1)
        if later.search(line) and "XXXX" not in line
    ]
    assert not left


def test_only_the_vault_and_the_setup_know_fernet():
    """A secret is opened in one place."""
    knowing = [name for name in ours(".py") if name.startswith("src/") and "cryptography.fernet" in text(name)]
    assert knowing == ["src/tidings/channels/vault.py"]


def test_the_documents_made_from_the_code_say_what_it_says():
    from tools.channel_guides import guides
    from tools.reference import DOCS, between_marks, commands, settings_table

    ends = {f"channels/{kind}.md": text for kind, text in guides().items()}
    for name, made in {"operating.md": settings_table(), "cli.md": commands(), **ends}.items():
        document = (DOCS / name).read_text()
        assert document == between_marks(document, made), f"docs/{name} is not what the code says: run `make docs`"


def test_the_image_is_built_from_files_that_are_there_and_sent():
    sent = {line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text("Dockerfile"), re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()
            assert source in sent
    for command in re.findall(r"^(?:\s+CMD|CMD|ENTRYPOINT) (\[.*\])$", text("Dockerfile"), re.MULTILINE):
        assert json.loads(command)


def test_compose_runs_the_roles_after_one_migration():
    services = yaml.safe_load(text("compose.yaml"))["services"]
    assert services.keys() == {"postgres", "migrate", "api", "worker"}
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    for name in ("migrate", "api", "worker"):
        assert services[name]["command"][0] in names
        assert services[name]["environment"]["DATABASE_URL"].startswith("postgresql://")
    for name in ("api", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_make_help_lists_every_target():
    makefile = text("Makefile")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    documented = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)
    assert sorted(documented) == sorted(phony[1].split())
