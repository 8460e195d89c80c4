"""Where the book lives: one address, in `_config.yml`, that its buttons and each notebook's install cell point at.

Colab and Binder open notebooks by the address and branch of their repository; a notebook that was downloaded alone
installs the package from there, at one commit. A fork sets all of it by one command. What must be a whole address
inside the site (its sitemap, the cards that other sites show of its pages) follows: the site is GitHub's own of that
repository, another that is given, or, while nothing is known, where `make serve` shows it.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import yaml

from seelike.system.errors import InputError
from seelike.system.files import write_text
from seelike.system.paths import REPOSITORY, describe_head

MARK = (
    "# Where the book lives, as `make address URL=… BRANCH=…` writes it. Without an address the site has no buttons.\n"
)
LOCAL = "http://127.0.0.1:8000/"  # where `make serve` shows the site
LAUNCH = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}
FORMS = re.compile(
    r"(?:https?://|ssh://git@|git@|)(?:www\.)?github\.com[/:](?P<owner>\w[\w-]*)/(?P<name>[\w.-]*?\w[\w.-]*?)(?:\.git)?/*",
    re.A | re.I,
)
SITE = re.compile(r"https?://[\w-]+(\.[\w-]+)*(:\d{1,5})?(/[\w.~-]+)*/?", re.A)
INSTALL = """\
# Installs the book's package where it is missing: on Colab, say, or beside a notebook downloaded alone.
from importlib.util import find_spec

source = "{source}"
if getattr(find_spec("seelike"), "origin", None) is None:
    %pip install --quiet "{{source}}"
"""
ASK = """\
# Where the book's package is missing, this says how to get it.
from importlib.util import find_spec

missing = "seelike is not installed, and this notebook does not know where from: in a clone, run `pip install .`"
if getattr(find_spec("seelike"), "origin", None) is None:
    raise ModuleNotFoundError(missing)
"""


@dataclass(frozen=True)
class Address:
    """A repository on GitHub, the branch whose notebooks are opened, and the site, "" for GitHub's own."""

    url: str
    branch: str
    site: str = ""

    @property
    def home(self) -> str:
        """Where the site is."""
        owner, name = self.url.split("/")[-2:]
        host = f"{owner.lower()}.github.io"
        return self.site or (f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/")

    @classmethod
    def parse(cls, url: str, branch: str, site: str = "") -> "Address":
        """From any form that git or a browser shows; raises InputError for what is no repository on GitHub, no branch
        or no site."""
        found = FORMS.fullmatch(url.strip())
        if not found:
            raise InputError(
                f"URL must be a repository on GitHub, such as https://github.com/NAME/seelike, not {url!r}"
            )
        if not re.fullmatch(r"\w[\w.+/-]*\w|\w", branch, re.A) or re.search(r"\.\.|//|/\.|\.lock$", branch):
            raise InputError(f"BRANCH must be the name of a branch, such as main, not {branch!r}")
        if site and not SITE.fullmatch(site):
            raise InputError(f"SITE must be an address of pages such as https://example.org/, not {site!r}")
        known = cls(f"https://github.com/{found['owner']}/{found['name']}", branch)
        site = site and f"{site.rstrip('/')}/"
        return known if site == known.home else cls(known.url, branch, site)

    @classmethod
    def read(cls, root: Path) -> "Address | None":
        """The address in `root/_config.yml`; None where it is unknown."""
        config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")) or {}
        written, site = config.get("repository") or {}, (config.get("html") or {}).get("baseurl") or ""
        return cls.parse(written["url"], written.get("branch") or "main", site) if written.get("url") else None

    def source_at(self, commit: str) -> str:
        """What pip installs the package from."""
        return f"git+{self.url}@{commit}"


def find_source(root: Path) -> str:
    """What pip installs the package of the clone `root` from; "" where its address or commit is unknown."""
    address, commit = Address.read(root), describe_head(root)
    return address.source_at(commit.rstrip("+")) if address and commit else ""


def pin(page: nbformat.NotebookNode, source: str) -> nbformat.NotebookNode:
    """Let a notebook's install cell install the package from `source`; "" where that is unknown."""
    for cell in page.cells:
        if "install" in cell.metadata.get("tags", []):
            cell.source = install_code(source)
    return page


def install_code(source: str) -> str:
    """The code of an install cell, which does nothing where the package is there."""
    return (INSTALL.format(source=source) if source else ASK).rstrip()


def write_address(url: str, branch: str = "", root: Path | None = REPOSITORY, site: str = "") -> str:
    """Point the buttons and install cells of a clone at an address, and at its present commit; returns what to do next.

    Args:
        url: of the repository; "" for the one already written, to bring the commit up to date.
        branch: "" for the one already written, or main.
        site: where the pages are; "" for the one already written of this repository, or GitHub's own.

    Raises InputError for an address that cannot be used, or outside of a clone; nothing is written then.
    """
    commit = root and describe_head(root)
    if not commit:
        raise InputError("the address can only be set in a git clone of the book, which has a commit to install")
    known = Address.read(root)
    if not url and not known:
        raise InputError("URL must be given once: make address URL=https://github.com/NAME/seelike BRANCH=main")
    address = Address.parse(url or known.url, branch or (known.branch if known else "main"), site)
    if known and not site and known.url == address.url:
        address = replace(address, site=known.site)
    source = address.source_at(commit.rstrip("+"))
    pages = {path: pin(nbformat.read(path, as_version=4), source) for path in sorted((root / "book").glob("*.ipynb"))}
    write_text(root / "_config.yml", configure((root / "_config.yml").read_text(encoding="utf-8"), address))
    for path, page in pages.items():
        write_text(path, nbformat.writes(page) + "\n")
    return (
        f"{address.url}, branch {address.branch}, pages at {address.home}: commit _config.yml and book, and push them; "
        f"the notebooks install commit {source.partition('@')[2]}, which must be there too"
    )


def configure(text: str, address: Address | None) -> str:
    """The text of `_config.yml` with another address, or with none."""
    place = {"url": address.url, "branch": address.branch} if address else {"url": "", "branch": "main"}
    place["path_to_book"] = ""  # the pages' paths begin at the root of the repository
    written = {"repository": place, "launch_buttons": LAUNCH if address else {}}
    above = re.sub(r"(use_\w+_button:) \w+", rf"\1 {str(bool(address)).lower()}", text.partition(MARK)[0])
    above = re.sub(r"(?m)^(  baseurl:).*", rf'\1 "{address.home if address else ""}"', above)
    above = re.sub(r"(?m)^(    (?:ogp_)?site_url:).*", rf'\1 "{address.home if address else LOCAL}"', above)
    return above + MARK + yaml.safe_dump(written, sort_keys=False)
