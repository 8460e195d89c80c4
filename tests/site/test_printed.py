"""The page of the whole book: every page on it once, its links and ids its own."""

from types import SimpleNamespace

import pytest

pytest.importorskip("sphinx")

from bs4 import BeautifulSoup

from seelike.site import printed

PAGES = ["book/intro", "book/mixer"]
ARTICLE = """<article class="bd-article" role="main"><section id="mixer">
<h1>Mixer<a class="headerlink" href="#mixer">#</a></h1>
<p id="here"><a href="#mixer">up</a> <a href="intro.html#top">top</a> <a href="intro.html">front</a>
<a href="run.html">other</a> <a href="../numbers/x.json">numbers</a>
<a href="https://example.org/intro.html">far</a></p>
<label for="here">x</label><button>Hover</button><script>1</script><img src="../_images/a.svg" loading="lazy">
<h2 id="b">B</h2>
</section></article>"""


def soup(text: str):
    return BeautifulSoup(text, "html.parser")


def test_links_between_pages_become_places_on_the_page_and_others_stay():
    links = [a["href"] for a in printed.bind(soup(ARTICLE).article, "book/mixer", PAGES).select("a")]
    assert links == ["#mixer--mixer", "#intro--top", "#intro", "run.html", "../numbers/x.json",
                     "https://example.org/intro.html"]  # fmt: skip


def test_ids_are_the_page_s_own_and_titles_one_lower():
    part = printed.bind(soup(ARTICLE).article, "book/mixer", PAGES)
    assert (part.name, part["id"], part["class"], part.get("role")) == ("div", "mixer", "printed", None)
    assert {tag["id"] for tag in part.select("[id]")} == {"mixer--mixer", "mixer--here", "mixer--b"}
    assert part.select_one("label")["for"] == "mixer--here"
    assert [(tag.name, tag.text) for tag in part.select("h1, h2, h3")] == [("h2", "Mixer"), ("h3", "B")]
    assert not part.select("button, script, .headerlink, [loading]")


def test_all_pages_come_in_the_order_of_the_contents_and_once_however_often_it_is_built(tmp_path):
    (tmp_path / "book").mkdir()
    for page in ("intro", "mixer", "run"):
        (tmp_path / f"book/{page}.html").write_text(f"<article><h1>{page}</h1></article>", encoding="utf-8")
    (tmp_path / "book/print.html").write_text("<body><article><h1>All</h1></article></body>", encoding="utf-8")
    below = {"book/intro": ["book/mixer", "book/run", "book/print"]}
    env = SimpleNamespace(found_docs={*below["book/intro"], "book/intro"}, toctree_includes=below)
    app = SimpleNamespace(
        builder=SimpleNamespace(format="html"), env=env, config=SimpleNamespace(root_doc="book/intro"), outdir=tmp_path
    )
    for _ in range(2):
        printed.print_book(app, None)
        titles = soup((tmp_path / "book/print.html").read_text(encoding="utf-8")).select("article h1, article h2")
        assert [title.text for title in titles] == ["All", "intro", "mixer", "run"]
        listed = soup((tmp_path / "book/print.html").read_text(encoding="utf-8")).select("ul.printed a")
        assert [(a["href"], a.text) for a in listed] == [(f"#{page}", page) for page in ("intro", "mixer", "run")]


def test_a_build_that_failed_is_left_alone():
    printed.print_book(SimpleNamespace(), ValueError())
