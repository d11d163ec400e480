"""The documentation as a site that opens without network: pages, reports, findings, the notebook, and asv's history.

``python -m docs.site`` builds it in ``.corrbench/site``; `make site` does so in an environment of its own. The tree of
the site is that of the repository, so that links between pages hold. The scripts of asv's page, which it would take
from other servers, are had from npm when the site is built, and kept nowhere else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("METHODOLOGY.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
SCRIPTS = {  # of asv's page: the package of each, and the file in it
    "jquery-3.3.1.min.js": ("jquery@3.3.1", "dist/jquery.min.js"),
    "jquery.flot.min.js": ("flot@0.8.3", "jquery.flot.js"),
    "jquery.flot.time.min.js": ("flot@0.8.3", "jquery.flot.time.js"),
    "jquery.flot.selection.min.js": ("flot@0.8.3", "jquery.flot.selection.js"),
    "jquery.flot.categories.min.js": ("flot@0.8.3", "jquery.flot.categories.js"),
    "jquery.flot.orderBars.js": ("flot-orderbars@1.0.0", "js/jquery.flot.orderBars.js"),
    "stupidtable.min.js": ("stupid-table-plugin@1.1.3", "stupidtable.min.js"),
    "md5.min.js": ("blueimp-md5@2.19.0", "js/md5.min.js"),
    "bootstrap.min.js": ("bootstrap@3.1.1", "dist/js/bootstrap.min.js"),
    "bootstrap.min.css": ("bootstrap@3.1.1", "dist/css/bootstrap.min.css"),
}
WORKER = ("iframe-worker@1.0.4", "shim/index.js")
NAVIGATION = [
    {"Start": "index.md"},
    {"Use": ["docs/tutorial.md", "docs/usage.md", "docs/worth.md", "docs/checks.md", "docs/api.md", "docs/faults.md",
             "docs/protocol.md"]},
    {"What is right": ["METHODOLOGY.md", "SECURITY.md"]},
    {"Reports": ["reports/README.md", "reports/correctness.md", "reports/audit.md", "reports/conformance.md",
                 "reports/worth.md", "reports/gate.md", "reports/performance.md"]},
    {"The project": ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]},
]  # fmt: skip
READ = """// What asv's page asks its server for: a page that is opened from a folder may ask for nothing.
(function () {
  const held = HELD;
  const ask = $.ajax;
  $.ajax = function (one, more) {
    const asked = typeof one === "string" ? Object.assign({ url: one }, more) : one;
    const name = decodeURIComponent(asked.url.split("?")[0]);
    if (name !== "swallow.ico" && !(name in held)) return ask.apply(this, arguments);
    const answer = $.Deferred();
    setTimeout(() => answer.resolve(held[name] || "", "success"), 0);
    return answer.promise();
  };
})();
"""
STYLE = """
.md-typeset table:not([class]) { display: block; overflow-x: auto; }
.md-typeset pre > code { white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def gathered(folder: Path) -> None:
    """The pages as they are in the repository, the README as the first."""
    for name in PAGES:
        shutil.copy(ROOT / name, folder / name)
    for part in ("docs", "reports"):
        for path in sorted((ROOT / part).rglob("*")):
            kept = path.suffix in (".md", ".svg", ".png") and "asv" not in path.relative_to(ROOT).parts
            if kept and path.is_file():
                place = folder / path.relative_to(ROOT)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
    (folder / "index.md").write_text((ROOT / "README.md").read_text("utf-8"), "utf-8")
    (folder / "style.css").write_text(STYLE, "utf-8")


def built(out: Path) -> None:
    """The pages in HTML.

    Raises:
        subprocess.CalledProcessError: mkdocs cannot build them.
    """
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "pages")
        source.mkdir()
        gathered(source)
        theme = {"name": "material", "font": False, "features": ["navigation.sections", "content.code.copy"],
                 "palette": [{"media": "(prefers-color-scheme: light)", "scheme": "default"},
                             {"media": "(prefers-color-scheme: dark)", "scheme": "slate"}]}  # fmt: skip
        extra = [{"History": "history.md"}] if (ROOT / "reports" / "asv").exists() else []
        if extra:
            (source / "history.md").write_text(
                "# History\n\n[The results of asv, commit by commit](history/index.html)\n"
            )
        config = {
            "site_name": "corrbench", "docs_dir": str(source), "site_dir": str(out.resolve()), "theme": theme,
            "use_directory_urls": False, "nav": NAVIGATION + extra, "extra_css": ["style.css"],
            "plugins": ["search", "offline"], "validation": {"links": {"not_found": "info"}},
            "markdown_extensions": ["tables", "fenced_code", "md_in_html", "pymdownx.details", "pymdownx.superfences",
                                    {"toc": {"permalink": True}}],
        }  # fmt: skip
        Path(place, "mkdocs.yml").write_text(json.dumps(config), "utf-8")  # JSON is YAML
        words = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--clean", "-f", str(Path(place, "mkdocs.yml"))]
        subprocess.run(words, check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})


def notebook(out: Path) -> None:
    """The notebook as a page, run from the top."""
    words = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "--output-dir", str(out / "docs")]
    subprocess.run([*words, str(ROOT / "docs" / "article.ipynb")], check=True, cwd=tempfile.gettempdir())


def history(out: Path) -> str:
    """The recorded results of asv, with the scripts of its page; or why not."""
    found = subprocess.run([sys.executable, "-m", "asv", "publish", "--html-dir", str(out / "history")],
                           cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    index = out / "history" / "index.html"
    if found.returncode or not index.exists():
        return (found.stderr.strip() or found.stdout.strip() or "asv publish made no page").splitlines()[-1]
    for name, (package, file) in SCRIPTS.items():
        if why := packed(package, file, out / "history" / "scripts" / name):
            return why
    held = {str(path.relative_to(index.parent)): json.loads(path.read_text("utf-8"))
            for path in sorted(index.parent.rglob("*.json"))}  # fmt: skip
    text = READ.replace("HELD", json.dumps(held, separators=(",", ":")).replace("</", "<\\/"))
    (index.parent / "scripts" / "held.js").write_text(text, "utf-8")
    index.write_text(local(index.read_text("utf-8")), "utf-8")
    return ""


def search(out: Path) -> str:
    """What lets pages be searched that are opened from a folder: beside them, where they would ask another server."""
    if why := packed(*WORKER, out / "assets" / "iframe-worker.js"):
        return why
    for path in out.rglob("*.html"):
        text = path.read_text("utf-8")
        up = "../" * (len(path.relative_to(out).parts) - 1)
        path.write_text(text.replace("https://unpkg.com/iframe-worker/shim", f"{up}assets/iframe-worker.js"), "utf-8")
    return ""


def packed(package: str, file: str, place: Path) -> str:
    """Copy a file of a package of npm; or why not."""
    if shutil.which("npm") is None:
        return "npm is not installed"
    with tempfile.TemporaryDirectory() as folder:
        words = ["npm", "pack", "--silent", package]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"npm has no {package}"
        with tarfile.open(Path(folder, done.stdout.split()[-1])) as archive:
            archive.extractall(folder, filter="data")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(next(Path(folder).glob(f"*/{file}")), place)
    return ""


def local(page: str) -> str:
    """asv's page with its scripts beside it; what checks their hashes goes, since those are of other files."""
    page = re.sub(r'\s(integrity|crossorigin)="[^"]*"', "", page)
    page = re.sub(r'(src|href)="https://[^"]*/([^"/]+\.(?:js|css))"', r'\1="scripts/\2"', page)
    jquery = re.compile(r"<script[^>]*scripts/jquery-[^>]*></script>")
    return jquery.sub(lambda found: f'{found[0]}\n<script src="scripts/held.js"></script>', page, count=1)


def main() -> None:
    """Build it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / ".corrbench" / "site")
    parser.add_argument("--no-notebook", action="store_true", help="Do not run the notebook.")
    asked = parser.parse_args()
    built(asked.out)
    if not asked.no_notebook:
        notebook(asked.out)
    for what, made in (("asv's history", history), ("search in a folder", search)):
        if why := made(asked.out):
            sys.stderr.write(f"without {what}: {why}\n")
    sys.stdout.write(f"{asked.out / 'index.html'}\n")


if __name__ == "__main__":
    main()
