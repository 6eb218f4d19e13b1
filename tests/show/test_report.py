"""The report in a real browser, and as text."""

import re
import xml.etree.ElementTree as ET

import pytest

from tinygrad_lstm import cli

NASTY = "<img src=x onerror=alert(1)>\"'&$title</script>"
TEXT = f"The quick brown fox {NASTY} jumps over it, and \x1b it sleeps. It wakes. " * 20


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory, "--steps", "30")


@pytest.fixture(scope="module")
def deep_report(tmp_path_factory):
    return written(tmp_path_factory, "--steps", "3", "--layers", "2")


def written(tmp_path_factory, *options):
    folder = tmp_path_factory.mktemp("report")
    path = folder / "x<b>&.txt"
    path.write_text(TEXT, encoding="utf-8")
    options = [*options, "--hidden", "12", "--out", str(folder / "out")]
    assert cli.main(["demo", "--text", str(path), *options]) == 0
    return folder / "out"


def opened(browser, report, width=1280, scheme="light"):
    """The page, and what went wrong or went out while it was opened."""
    page, trouble = (
        browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme),
        [],
    )
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append("dialog"))
    page.on("request", lambda r: trouble.append(r.url) if r.url.startswith("http") else None)
    page.goto((report / "index.html").as_uri())
    page.wait_for_selector(".katex")
    return page, trouble


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_without_errors_or_requests_and_fits(browser, report, width, scheme):
    page, trouble = opened(browser, report, width, scheme)
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".katex-error").count() == 0
    assert (
        page.locator(".math").count()
        == page.locator(".math > .katex, .math > .katex-display").count()
    )
    page.close()


@pytest.mark.browser
def test_the_page_of_two_layers_fits_a_phone(browser, deep_report):
    page, trouble = opened(browser, deep_report, 390)
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".katex-error").count() == 0
    page.close()


@pytest.mark.browser
def test_every_picture_is_on_the_page_and_has_a_size(browser, report):
    page, _ = opened(browser, report)
    sizes = page.evaluate(
        "[...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect())"
        ".map(r => [r.width, r.height])"
    )
    assert len(sizes) == len(list(report.glob("*.svg"))) == 15
    assert all(width > 100 and height > 100 for width, height in sizes)
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_sentence_can_be_stepped_through_inside_the_page(browser, report, width):
    page, trouble = opened(browser, report, width)
    page.locator("iframe").scroll_into_view_if_needed()
    inside = page.frame_locator("iframe")
    inside.locator("#next").click()
    first = inside.locator("#sentence").inner_text()
    assert first.startswith("t = 1, forward: ")
    inside.locator("body").press("End")
    inside.locator("#sentence", has_text="backward").wait_for()
    assert inside.locator("#sentence").inner_text() != first
    assert inside.locator("img").count() == 0
    assert trouble == []
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page(browser, report, scheme):
    page, _ = opened(browser, report, scheme=scheme)
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    levels = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (ink, paper)]
    assert abs(levels[0] - levels[1]) > 450
    page.close()


@pytest.mark.browser
def test_text_from_the_user_stays_text(browser, report):
    page, trouble = opened(browser, report)
    assert page.locator("img, b img, h1 b").count() == 0
    assert "x<b>&.txt" in page.locator("h1").inner_text()
    assert trouble == []
    page.close()


def test_generated_text_stays_text(tmp_path, monkeypatch):
    monkeypatch.setattr("tinygrad_lstm.train.report.generate", lambda *args: NASTY)
    path = tmp_path / "text"
    path.write_text("plain words. " * 40, encoding="utf-8")
    options = ["--steps", "1", "--hidden", "4", "--out", str(tmp_path)]
    assert cli.main(["demo", "--text", str(path), *options]) == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert NASTY not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_page_names_nothing_outside_itself(report):
    page = (report / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"""(?:src|href|action)=["'](?:https?:)?//[^"']*""", page) == []
    assert "default-src 'none'" in page
    assert "@import" not in page


def test_every_picture_is_well_formed(report):
    for path in report.glob("*.svg"):
        assert ET.fromstring(path.read_text(encoding="utf-8")).tag.endswith("svg"), path.name


def test_the_sum_over_timesteps_is_stated_to_be_the_gradient(report):
    page = (report / "index.html").read_text(encoding="utf-8")
    assert "that is the rounding of 32-bit numbers" in page


def test_the_page_stays_a_few_megabytes_however_large_the_model(tmp_path):
    path = tmp_path / "text"
    path.write_text("plain words. " * 40, encoding="utf-8")
    options = ["--steps", "1", "--hidden", "300", "--out", str(tmp_path)]
    assert cli.main(["demo", "--text", str(path), *options]) == 0
    assert (tmp_path / "index.html").stat().st_size < 8e6


def test_the_page_derives_how_the_gradient_of_a_state_comes_from_the_next_step(report):
    page = (report / "index.html").read_text(encoding="utf-8")
    assert r"\bar{c}_{t+1} \odot \mathrm{forget\_gate}_{t+1}" in page


def test_the_verdict_sets_the_model_against_both_baselines(report):
    page = (report / "index.html").read_text(encoding="utf-8")
    assert re.search(r"\d (less|more) than a bigram model’s \d", page)
    assert re.search(r"\d (less|more) than a unigram model’s \d", page)
