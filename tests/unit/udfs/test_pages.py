"""Pages as passages: what people read, under its headings, masked, and not too long."""

import pytest

from udfs.answers import clean_answer
from udfs.pages import Passage, split_html, split_markdown

MARKDOWN = """---
title: 안내
---
# 반품 안내

**7일** 안에 [신청](https://shop.example/a_(b))하세요. <br/>
`주문 번호`가 필요해요 <!-- 비밀 -->

| 구분 | 값 |
|---|---|
| 제주 | 6,000원 |

환불
----
문의는 010-1234-5678로.

```
# 코드
```
"""
HTML = """<!doctype html><html><head><title>배송</title><style>p {}</style>
<script>document.write("<p>나쁨</p>")</script></head><body><nav><a href="/">처음</a></nav>
<h1>배송</h1><p>보통 <b>2</b>일<br>걸려요.<ul><li>하나<li>둘</ul>
<h2>비용 &amp; 지역</h2><table><tr><td>기본</td><td>3,000원</td></tr></table><div>열린 채로"""


def test_a_markdown_page_is_cut_at_its_headings() -> None:
    assert split_markdown(MARKDOWN, clean=clean_answer, max_chars=200) == [
        Passage(
            ("반품 안내",), "7일 안에 [신청](https://shop.example/a_(b))하세요.\n주문 번호가 필요해요\n"
            "| 구분 | 값 |\n| 제주 | 6,000원 |",
        ),
        Passage(("반품 안내", "환불"), "문의는 [전화번호]로.\n# 코드"),
    ]  # fmt: skip


def test_of_an_html_page_what_people_read_is_left() -> None:
    assert split_html(HTML, clean=clean_answer, max_chars=200) == [
        Passage(("배송",), "보통 2일\n걸려요.\n하나\n둘"),
        Passage(("배송", "비용 & 지역"), "기본 3,000원\n열린 채로"),
    ]


@pytest.mark.parametrize("page", ["", "# 제목만", "\n\n", "```", "<!-- 비밀 -->"])
def test_a_markdown_page_that_says_nothing_has_no_passage(page: str) -> None:
    assert split_markdown(page, clean=clean_answer, max_chars=9) == []


@pytest.mark.parametrize("page", ["", "<h1>제목만</h1>", "<script>var a", "<p> </p><!-- 비밀 -->", "<title>제목"])
def test_an_html_page_that_says_nothing_has_no_passage(page: str) -> None:
    assert split_html(page, clean=clean_answer, max_chars=9) == []


def test_no_passage_is_too_long_and_no_word_is_lost() -> None:
    said = "첫째 문장입니다. 둘째 문장은 조금 더 길어요! " + "가" * 25 + " 끝"
    parts = split_markdown(f"# 제목\n{said}\n\n다음", clean=clean_answer, max_chars=20)
    assert all(len(part.text) <= 20 for part in parts)
    assert "".join(part.text for part in parts).replace("\n", "").replace(" ", "") == (said + "다음").replace(" ", "")


def test_a_later_heading_ends_deeper_ones() -> None:
    page = "# 가\n## 나\n### 다\n하나\n## 라\n둘\n# 마\n셋"
    assert [part.headings for part in split_markdown(page, clean=str, max_chars=9)] == [
        ("가", "나", "다"), ("가", "라"), ("마",),
    ]  # fmt: skip
