"""The book's address: written by one command, and where every button and install cell then points."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
import yaml
from git_clone import git

from seelike.execution import notebook as execute
from seelike.site import address, slim, stage
from seelike.site.address import Address, configure, install_code, write_address
from seelike.system.errors import InputError
from seelike.system.paths import BOOK, REPOSITORY, describe_head

URL = "https://github.com/me/seelike"
NOTEBOOKS = ("intro.ipynb", "uniformity.ipynb")


@pytest.fixture
def clone(tmp_path):
    """A small clone of the book, in another folder; its address is unknown."""
    (tmp_path / "book").mkdir()
    config = configure((REPOSITORY / "_config.yml").read_text(encoding="utf-8"), None)
    (tmp_path / "_config.yml").write_text(config, encoding="utf-8")
    for name in NOTEBOOKS:
        page = address.pin(nbformat.read(BOOK / name, as_version=4), "")
        nbformat.write(page, tmp_path / "book" / name)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=book")
    return tmp_path


def read_cells(root: Path) -> list[str]:
    pages = [nbformat.read(path, as_version=4) for path in sorted((root / "book").glob("*.ipynb"))]
    return [cell.source for page in pages for cell in page.cells if "install" in cell.metadata.get("tags", [])]


@pytest.mark.parametrize(
    "given",
    [
        URL,
        f"{URL}/",
        f"{URL}.git",
        f" {URL}.git/ ",
        "http://github.com/me/seelike",
        "github.com/me/seelike",
        "https://www.github.com/me/seelike",
        "git@github.com:me/seelike.git",
        "ssh://git@github.com/me/seelike.git",
    ],
)
def test_every_form_that_git_or_a_browser_shows_is_one_address(given):
    assert Address.parse(given, "main") == Address(URL, "main")


@pytest.mark.parametrize(
    ("url", "branch", "complaint"),
    [
        ("seelike", "main", "URL must be a repository on GitHub"),
        ("https://github.com/me", "main", "URL must be a repository on GitHub"),
        ("https://github.com/me/..", "main", "URL must be a repository on GitHub"),
        (f"{URL}/tree/main", "main", "URL must be a repository on GitHub"),
        ("https://example.org/me/seelike", "main", "URL must be a repository on GitHub"),
        ("https://name:secret@github.com/me/seelike", "main", "URL must be a repository on GitHub"),
        ('https://github.com/me/see"like', "main", "URL must be a repository on GitHub"),
        (f"{URL}\nx", "main", "URL must be a repository on GitHub"),
        (URL, "my branch", "BRANCH must be the name of a branch"),
        (URL, "-x", "BRANCH must be the name of a branch"),
        (URL, "a..b", "BRANCH must be the name of a branch"),
        (URL, "a?b", "BRANCH must be the name of a branch"),
        ("", "main", "URL must be given once"),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence_and_nothing_is_written(clone, url, branch, complaint):
    with pytest.raises(InputError, match=complaint):
        write_address(url, branch, clone)
    assert git(clone, "status", "--porcelain") == ""


def test_an_address_can_only_be_set_in_a_clone(tmp_path):
    for root in (tmp_path, None):
        with pytest.raises(InputError, match="only be set in a git clone"):
            write_address(URL, "main", root)


def test_one_command_points_config_and_notebooks_at_a_fork_and_again_at_another(clone):
    commit = git(clone, "rev-parse", "HEAD")
    assert commit in write_address(f"{URL}.git/", "", clone)
    assert Address.read(clone) == Address(URL, "main")
    assert read_cells(clone) == [install_code(f"git+{URL}@{commit}")] * len(NOTEBOOKS)
    git(clone, "commit", "--quiet", "--all", "--message=address")
    write_address("", "stable", clone)
    assert Address.read(clone) == Address(URL, "stable")
    assert read_cells(clone) == [install_code(f"git+{URL}@{git(clone, 'rev-parse', 'HEAD')}")] * len(NOTEBOOKS)
    write_address("git@github.com:other/book.git", "", clone)
    assert Address.read(clone) == Address("https://github.com/other/book", "stable")
    assert "me/seelike" not in "".join(path.read_text() for path in [clone / "_config.yml", *clone.glob("book/*")])


def test_the_config_with_an_address_differs_in_nothing_else_and_goes_back(clone):
    text = (clone / "_config.yml").read_text(encoding="utf-8")
    known = configure(text, Address(URL, "main"))
    assert configure(known, None) == text
    assert known.partition(address.MARK)[0].count("https://me.github.io/seelike/") == 3
    before, after = yaml.safe_load(text), yaml.safe_load(known)
    assert {key for key in after if before.get(key) != after[key]} == {"html", "sphinx", "repository", "launch_buttons"}
    buttons = dict.fromkeys((k for k in after["html"] if k.startswith("use_")), True)
    assert after["html"] == before["html"] | buttons | {"baseurl": "https://me.github.io/seelike/"}
    places = dict.fromkeys(("site_url", "ogp_site_url"), "https://me.github.io/seelike/")
    assert after["sphinx"]["config"] == before["sphinx"]["config"] | places
    assert {before["sphinx"]["config"][key] for key in places} == {address.LOCAL}


@pytest.mark.parametrize(
    ("url", "site", "home"),
    [
        (URL, "", "https://me.github.io/seelike/"),
        ("https://github.com/Me/me.github.io", "", "https://me.github.io/"),
        (URL, "https://example.org", "https://example.org/"),
        (URL, "http://localhost:8080/a/book/", "http://localhost:8080/a/book/"),
    ],
)
def test_the_pages_are_where_github_puts_them_or_where_it_is_said(clone, url, site, home):
    assert home in write_address(url, "", clone, site)
    assert Address.read(clone).home == home
    write_address("", "", clone)
    assert Address.read(clone).home == home  # kept, until the repository is another
    write_address("https://github.com/other/book", "", clone)
    assert Address.read(clone).home == "https://other.github.io/book/"


@pytest.mark.parametrize("site", ["example.org", "ftp://example.org", "https://x/?a", "/"])
def test_what_is_no_site_is_refused(clone, site):
    with pytest.raises(InputError, match="SITE must be an address of pages"):
        write_address(URL, "", clone, site)
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.kernel
def test_a_staged_page_installs_the_commit_that_was_staged(clone, monkeypatch):
    assert address.find_source(clone) == ""
    for path in (clone / "book").glob("*.ipynb"):
        page = nbformat.read(path, as_version=4)
        page.cells = page.cells[:2]  # the title and the install cell
        nbformat.write(page, path)
    (clone / "_toc.yml").touch()
    git(clone, "commit", "--quiet", "--all", "--message=short")
    write_address(URL, "main", clone)
    git(clone, "commit", "--quiet", "--all", "--message=address")
    monkeypatch.setattr(stage, "BOOK", clone / "book")
    monkeypatch.setattr(execute, "read_parameters", lambda notebook: {})
    stage.stage_book(clone / "_build" / "source")
    staged = f"git+{URL}@{git(clone, 'rev-parse', 'HEAD')}"
    assert address.find_source(clone) == staged
    assert read_cells(clone / "_build" / "source") == [install_code(staged)] * len(NOTEBOOKS)
    assert install_code(staged) not in read_cells(clone)


def test_a_folder_of_the_same_name_is_not_taken_for_the_package(tmp_path):
    (tmp_path / "seelike").mkdir()
    blind = [sys.executable, "-E", "-S", "-c", install_code("")]  # sees no installed package
    done = subprocess.run(blind, capture_output=True, text=True, cwd=tmp_path)
    assert "ModuleNotFoundError: seelike is not installed" in done.stderr
    assert subprocess.run([sys.executable, "-c", install_code("")], cwd=tmp_path).returncode == 0


def test_the_book_is_of_one_address_and_its_commit_has_the_code_of_its_chapters():
    """A notebook installs the package of an earlier commit than its own, so its code must be of that commit too."""
    written, cells = Address.read(REPOSITORY), set(read_cells(REPOSITORY))
    assert len(cells) == 1
    source = re.search(r'source = "(.*)"', cells.pop())
    assert bool(written) == bool(source)
    if source:
        commit = source[1].partition("@")[2]
        assert source[1] == written.source_at(commit)
        if subprocess.run(["git", "-C", REPOSITORY, "cat-file", "-e", commit], capture_output=True).returncode:
            pytest.skip(f"needs the commit {commit}, which this clone has not")
        for path in sorted(BOOK.glob("*.ipynb")):
            now, then = read_code(path.read_text()), read_code(git(REPOSITORY, "show", f"{commit}:book/{path.name}"))
            assert now == then, f"{path.name} has changed since {commit}: make address, and commit again"


def read_code(notebook: str) -> list[str]:
    cells = [cell for cell in nbformat.reads(notebook, as_version=4).cells if cell.cell_type == "code"]
    return [cell.source for cell in cells if "install" not in cell.metadata.get("tags", [])]


def build(folder: Path, place: Address | None) -> Path:
    """The site of a book that has the pages of this one, but for what is on them."""
    shutil.copytree(BOOK / "_static", folder / "book" / "_static")
    (folder / "extra").mkdir()
    (folder / slim.NOTEBOOKS).mkdir()
    shutil.copy(BOOK / "references.bib", folder / "book")
    toc = (REPOSITORY / "_toc.yml").read_text(encoding="utf-8")
    (folder / "_toc.yml").write_text(toc, encoding="utf-8")
    config = configure((REPOSITORY / "_config.yml").read_text(encoding="utf-8"), place)
    (folder / "_config.yml").write_text(config, encoding="utf-8")
    for page in re.findall(r"(?:root|file): (\S+)", toc):
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A title")], metadata=kernel)
        if (REPOSITORY / f"{page}.ipynb").is_file():
            for place in (page, f"{slim.NOTEBOOKS}/{Path(page).name}"):
                nbformat.write(notebook, folder / f"{place}.ipynb")
        else:
            (folder / f"{page}.md").write_text("# A title\n", encoding="utf-8")
    command = [Path(sys.executable).with_name("jupyter-book"), "build", folder, "--warningiserror", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html"


def find_links(site: Path) -> set[str]:
    pages = " ".join(page.read_text(encoding="utf-8") for page in (site / "book").glob("*.html"))
    return set(re.findall(r'href="(https?://[^"#]+)', pages))


def check_whole_addresses(site: Path, home: str) -> None:
    """The sitemap has every page, and each page's card a picture that is there."""
    pages = {path.relative_to(site).as_posix() for path in (site / "book").glob("*.html")}
    mapped = set(re.findall(r"<loc>(.*?)</loc>", (site / "sitemap.xml").read_text(encoding="utf-8")))
    assert {f"{home}{page}" for page in pages} == mapped
    for page in pages:
        head = (site / page).read_text(encoding="utf-8")
        card = dict(re.findall(r'<meta property="og:(\w+)" content="(.*?)"', head))
        assert card["url"] == home + page and card["image"].startswith(home)
        assert (site / card["image"].removeprefix(home)).is_file()
        assert 'name="twitter:card" content="summary_large_image"' in head


@pytest.mark.site
def test_every_button_opens_a_file_that_is_there(tmp_path):
    site = build(tmp_path, Address("https://github.com/me/a-fork", "stable"))
    links = find_links(site)
    check_whole_addresses(site, "https://me.github.io/a-fork/")
    notebooks = {f"book/{path.name}" for path in BOOK.glob("*.ipynb")}
    if not describe_head(REPOSITORY):
        pytest.skip("needs a git clone")
    tracked = set(git(REPOSITORY, "ls-files").splitlines())
    parts = [urlsplit(link) for link in links]
    binder = [part for part in parts if part.netloc == "mybinder.org"]
    assert {part.path for part in binder} == {"/v2/gh/me/a-fork/stable"}
    opened = {parse_qs(part.query)["urlpath"][0].removeprefix("lab/tree/") for part in binder}
    assert opened == notebooks <= tracked
    colab = {part.path for part in parts if part.netloc == "colab.research.google.com"}
    assert colab == {f"/github/me/a-fork/blob/stable/{name}" for name in notebooks}
    github = {part.path for part in parts if part.netloc == "github.com"}
    edited = {path.partition("/edit/stable/")[2] for path in github if "/edit/" in path}
    assert notebooks < edited <= tracked
    assert {path for path in github if "/edit/" not in path} == {"/me/a-fork", "/me/a-fork/issues/new"}


@pytest.mark.site
def test_without_an_address_the_site_has_no_button(tmp_path):
    site = build(tmp_path, None)
    check_whole_addresses(site, address.LOCAL)
    hosts = {urlsplit(link).netloc for link in find_links(site)}
    assert not hosts & {"mybinder.org", "colab.research.google.com", "github.com"}
    page = (site / "book" / "uniformity.html").read_text(encoding="utf-8")
    assert "launch-buttons" not in page and "source-buttons" not in page and "executablebooks" not in page
