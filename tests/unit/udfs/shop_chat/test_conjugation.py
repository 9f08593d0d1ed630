import pytest

from udfs.shop_chat.conjugation import conjugate


@pytest.mark.parametrize(
    ("stem", "pattern", "expected"),
    [
        ("오", "E요?", "와요?"),
        ("오", "P어요", "왔어요"),
        ("바꾸", "E 주세요", "바꿔 주세요"),
        ("되", "E요", "돼요"),
        ("취소하", "E 주세요", "취소해 주세요"),
        ("모르", "E요", "몰라요"),
        ("누르", "E요", "눌러요"),
        ("쓰", "E요", "써요"),
        ("바쁘", "E요", "바빠요"),
        ("어둡", "N가요?", "어두운가요?"),
        ("묻", "C려고요", "물으려고요"),
        ("짓", "E요", "지어요"),
        ("그렇", "E요", "그래요"),
        ("받", "C면", "받으면"),
        ("팔", "S나요?", "파나요?"),
        ("팔", "B니까?", "팝니까?"),
        ("만들", "M", "만듦"),
        ("있", "B니다", "있습니다"),
        ("있", "M", "있음"),
        ("보내", "L 수 있나요?", "보낼 수 있나요?"),
        ("괜찮", "N가요?", "괜찮은가요?"),
        ("얼마", "K이에요?", "얼마예요?"),
        ("정품", "K이에요?", "정품이에요?"),
        ("뭐", "K인가요?", "뭔가요?"),
        ("무료", "K이야?", "무료야?"),
    ],
)
def test_a_stem_takes_its_ending(stem: str, pattern: str, expected: str) -> None:
    assert conjugate(stem, pattern) == expected


def test_an_unknown_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match="Unknown ending pattern"):
        conjugate("오", "X요")
