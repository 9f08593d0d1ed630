"""What one machine writes, another one reads as it comes."""

from pathlib import Path

from pipelines.io.followed_text import FollowedText, TextFollower


def test_a_follower_reads_each_text_once(tmp_path: Path) -> None:
    url = (tmp_path / "progress.json").as_uri()
    text, follower = FollowedText(url), TextFollower(url)
    assert follower.read_new() == ""
    print("정제  10%", file=text, flush=True)
    assert follower.read_new() == "정제  10%\n"
    assert follower.read_new() == ""
    print("정제  20%", file=text)
    assert follower.read_new() == ""
    text.flush()
    assert follower.read_new() == "정제  20%\n"


def test_who_looks_late_reads_the_end(tmp_path: Path) -> None:
    url = (tmp_path / "progress.json").as_uri()
    text = FollowedText(url)
    text.write("가" * 20_000)
    print("끝", file=text, flush=True)
    assert TextFollower(url).read_new() == "가" * (16_384 - 2) + "끝\n"
