import re
import time
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.masking import PLACEHOLDERS, count_masks, mask_pii

MASKED = {
    "phone": [
        ("010-1234-5678로 연락 주세요", "[전화번호]로 연락 주세요"),
        ("01012345678이에요", "[전화번호]이에요"),
        ("번호는010 1234 5678입니다", "번호는[전화번호]입니다"),
        ("010.1234.5678 / 010/1234/5678", "[전화번호] / [전화번호]"),
        ("010·1234·5678, 010_1234_5678, 010~1234~5678", "[전화번호], [전화번호], [전화번호]"),
        ("(010)1234-5678", "[전화번호]"),
        ("010ㅡ1234ㅡ5678", "[전화번호]"),
        ("(010-1234-5678)", "([전화번호])"),
        ("010 - 1234 - 5678 3개", "[전화번호] 3개"),
        ("011-123-4567 이사님", "[전화번호] 이사님"),
        ("10-1234-5678", "[전화번호]"),
        ("０１０－１２３４－５６７８", "[전화번호]"),
        ("⓪①⓪-①②③④-⑤⑥⑦⑧", "[전화번호]"),
        ("0 1 0 1 2 3 4 5 6 7 8", "[전화번호]"),
        ("010 12 34 56 78", "[전화번호]"),
        ("010에 1234에 5678이요", "[전화번호]이요"),
        ("010 다시 1234 다시 5678", "[전화번호]"),
        ("공일공 일이삼사 오육칠팔이요", "[전화번호]이요"),
        ("공일공일이삼사오육칠팔이에요", "[전화번호]이에요"),
        ("영일영에 삼삼이이에 륙칠팔구", "[전화번호]"),
        ("공 일 공 일 이 삼 사 오 육 칠 팔", "[전화번호]"),
        ("공1공 2삼45 육789", "[전화번호]"),
        ("010 일이삼사 5678", "[전화번호]"),
        ("o1o-1234-5678, ㅇ1ㅇ-1234-5678", "[전화번호], [전화번호]"),
        ("+82 10-1234-5678", "[전화번호]"),
        ("+82-10-1234-5678, +821012345678", "[전화번호], [전화번호]"),
        ("(+82)10 1234 5678", "[전화번호]"),
        ("+82-2-123-4567", "[전화번호]"),
        ("02)123-4567", "[전화번호]"),
        ("02-123-4567, 031.123.4567, 0212345678", "[전화번호], [전화번호], [전화번호]"),
        ("공이 일이삼사 오육칠팔로요", "[전화번호]로요"),
        ("0505-123-4567 070 1234 5678", "[전화번호] [전화번호]"),
        ("1588-1234로 전화, 15991234", "[전화번호]로 전화, [전화번호]"),
        ("일오팔팔 일이삼사", "[전화번호]"),
        ("사이즈 250 010-1234-5678", "사이즈 250 [전화번호]"),
        ("2026-05-01 010-1234-5678", "2026-05-01 [전화번호]"),
        ("123-4567로요", "[전화번호]로요"),
    ],
    "resident and alien registration number": [
        ("900101-1234567입니다", "[주민등록번호]입니다"),
        ("9001011234567", "[주민등록번호]"),
        ("900101 - 2234567", "[주민등록번호]"),
        ("900101.1234567 900101/1234567", "[주민등록번호] [주민등록번호]"),
        ("９００１０１－１２３４５６７", "[주민등록번호]"),
        ("9 0 0 1 0 1 - 1 2 3 4 5 6 7", "[주민등록번호]"),
        ("구공공일공일 일이삼사오육칠이에요", "[주민등록번호]이에요"),
        ("900101-1******", "[주민등록번호]"),
        ("051231-3234567", "[주민등록번호]"),
        ("900101-5234567", "[외국인등록번호]"),
        ("외국인등록번호 900101 6234567", "외국인등록번호 [외국인등록번호]"),
    ],
    "card": [
        ("1234-5678-9012-3456", "[카드번호]"),
        ("4123 5678 9012 3456로 결제", "[카드번호]로 결제"),
        ("4123567890123456", "[카드번호]"),
        ("3782-822463-10005", "[카드번호]"),
        ("４１２３．５６７８．９０１２．３４５６", "[카드번호]"),
        ("사일이삼 오육칠팔 구공일이 삼사오육", "[카드번호]"),
    ],
    "account": [
        ("국민 123456-01-123456", "국민 [계좌번호]"),
        ("3333-01-1234567 카카오뱅크예요", "[계좌번호] 카카오뱅크예요"),
        ("계좌는 110 123 456789 입니다", "계좌는 [계좌번호] 입니다"),
        ("신한은행 110123456789로 입금", "신한은행 [계좌번호]로 입금"),
        ("농협 352.1234.5678.93", "농협 [계좌번호]"),
        ("계좌 3333 01 1234567 5000원", "계좌 [계좌번호] 5000원"),
        ("국민은행 영이칠일 다시 영영일이삼구오육 다시 칠팔구영", "국민은행 [계좌번호]"),
    ],
    "business number": [
        ("123-45-67890", "[사업자번호]"),
        ("123 45 67890이요", "[사업자번호]이요"),
        ("사업자번호 1234567890", "사업자번호 [사업자번호]"),
        ("１２３－４５－６７８９０", "[사업자번호]"),
    ],
    "e-mail": [
        ("hong@naver.com으로 보내주세요", "[이메일]으로 보내주세요"),
        ("hong.gil-dong+1@sub.naver.co.kr", "[이메일]"),
        ("메일은hong@naver.com이에요", "메일은[이메일]이에요"),
        ("드릴게요..hong@naver.com", "드릴게요..[이메일]"),
        ("hong @ naver.com", "[이메일]"),
        ("ｈｏｎｇ＠ｎａｖｅｒ．ｃｏｍ", "[이메일]"),
        ("hong@naver,com 입니다", "[이메일] 입니다"),
        ("hong@네이버.com, hong@네이버", "[이메일], [이메일]"),
        ("hong골뱅이네이버닷컴", "[이메일]"),
        ("hong123 골뱅이 naver.com 이요", "[이메일] 이요"),
        ("hong 앳 지메일 닷컴이요", "[이메일]이요"),
        ("홍길동 골뱅이 네이버 쩜 컴", "[이메일]"),
        ("제이 에스 에이치 이공일칠 골뱅이 네이버 닷 컴 을 추가", "[이메일] 을 추가"),
        ("hong(at)naver.com, hong at gmail dot com", "[이메일], [이메일]"),
        ("01012345678@naver.com", "[이메일]"),
        ("hong@naver 로요", "[이메일] 로요"),
    ],
    "address": [
        ("서울시 강남구 테헤란로 123으로 보내주세요", "[주소]으로 보내주세요"),
        ("서울특별시 강남구 테헤란로 152, 3층 (역삼동)", "[주소]"),
        ("06236 서울 강남구 테헤란로 12-3", "[주소]"),
        ("경기도 성남시 분당구 판교역로 166번길 12-3 101동 1203호예요", "[주소]예요"),
        ("강남구 역삼동 123-45번지", "[주소]"),
        ("서울시강남구테헤란로123", "[주소]"),
        ("제주도 서귀포시 중문동 2700", "[주소]"),
        ("래미안아파트 101동 1203호로 와주세요", "[주소]로 와주세요"),
        ("101동1203호나 B동 302호", "[주소]나 [주소]"),
        ("주소는 테헤란로 123이에요", "주소는 [주소]이에요"),
        ("테헤란로 123으로 보내주세요", "[주소]으로 보내주세요"),
        ("종로3가 15번지", "[주소]"),
        ("제주시 물빛동 583-8번지 누리타운 127동 805호", "[주소]"),
        ("부산 해운대구 우동 1411 마린시티자이 101동 2301호 010-1234-5678", "[주소] [전화번호]"),
    ],
    "order and other codes": [
        ("주문번호 2026050112345678이요", "주문번호 [주문번호]이요"),
        ("주문번호: A12-3456-789 확인", "주문번호: [주문번호] 확인"),
        ("주문번호는 12345예요", "주문번호는 [주문번호]예요"),
        ("주문 번호가 ORD-20260501-0001인데요", "주문 번호가 [주문번호]인데요"),
        ("20260501-0001234 취소", "[주문번호] 취소"),
        ("운송장번호 6123-4567-8901", "운송장번호 [번호]"),
        ("여권번호 M12345678", "여권번호 [번호]"),
        ("공동현관 비밀번호는 #1234* 입니다", "공동현관 비밀번호는 [비밀번호] 입니다"),
        ("비번 1234요", "비번 [비밀번호]요"),
        ("이거 9876543210 맞나요", "이거 [번호] 맞나요"),
        ("12-34-567", "[번호]"),
    ],
}

KEPT = """
안녕하세요, 배송 언제 오나요? | 12,000원이에요 | 1200000원에 샀어요 | 1,200,000원 | 3,500 4,500 5,500 |
1000000 주고 샀어요 | ₩1234567 | 10000~20000원 사이 | 1234567.50원 | 12000 원 환불 | 150만원 |
1억 2천만원 | 오만 원 | 12345678 원 | 2026-05-01 12:30:45 | 2026.05.01 | 2026. 5. 1. | 2026/5/1 3:30 |
26.05.01 12:30 26.05.02 13:40 | 20260501에 와요 | 2026-05-01~2026-05-31 | 2026.05.01 ~ 2026.05.31 |
20260501~20260531 | 2024~2026년 | 1839-1842년 | 5월 1일 3시 30분 | 12:30 13:30 14:30 | 오후 2시~4시 사이 |
1985 1989 1990 년도 | 230 240 250 있나요 | 95 100 105 110 | 44/55/66/77 | 1,2,3,4,5,6,7 |
3, 12, 25, 31, 40, 45 | 10 9 8 7 6 5 4 3 2 1 0 | 3개 2번 1등 100% 5kg 1.5L 21호 3호선 101번 버스 |
첫 번째, 1번째, 제2회, 3차 | 2박 3일 | 1+1 행사 | 아이폰 15 프로 256GB | 갤럭시 S24 SM-S928N |
RTX4090이랑 i7-14700K | WH-1000XM5 | A4 500매 | KF94 100매 | 에어맥스 97 | 카드로 12000원 결제 |
카드로 3개월 할부 | 빨간색으로 2개 주세요 | 앞으로 3일 | 바로 2개요 | 따로 10개 | 억지로 10자이상 |
사이즈로 250 주세요 | 운동 3개 했어요 | 행동 2가지 | 길 3개 | 거리 3km | 서울 강남구 날씨 알려줘 |
부산 택시로 30분 | 혹시 카드로 2번 결제 | 대구 가면 3시야 | 강남역 3번 출구 | 2층 3호 | 우리 2명 |
제가 3개 | 라면 5봉지 | 1동 주민센터 | 골뱅이 무침 맛있어요 | 골뱅이 다음에 먹자 | @홍길동 확인 |
3개@5000 | 앳된 얼굴 | 주문 번호 3번 | 인증번호 6자리 | 비밀번호 4자리요 | 비밀번호를 잊었어요 |
주문번호가 뭐예요 | 번호가 안 떠요 | 이 일이 이 사이 오이 구이 | 오오오오오오오오오오 | 이이이이이이이이 |
일이삼사 | 공일공 | 삼삼오오 | 구구팔팔이삼사 | 일 이 삼 사 | 칠팔월에 이사 오실 일이 |
영영 공구 이사 오일 | 내공1000000000단 | 3.1415926535 | 0.00000001 | ㅋㅋ1111111111 | !!!!!1111111 |
10점 만점에 10점 | [전화번호]로 연락 | 010 | 010 번호 | 02 지역 | 1588
"""


@pytest.mark.parametrize(
    ("text", "masked"),
    [pytest.param(*row, id=f"{kind}: {row[0]}") for kind, rows in MASKED.items() for row in rows],
)
def test_masks_as_people_write_it(text: str, masked: str) -> None:
    assert mask_pii(text) == masked


@pytest.mark.parametrize("text", [text.strip() for text in KEPT.split("|")])
def test_leaves_ordinary_talk_alone(text: str) -> None:
    assert mask_pii(text) == text


def test_counts_masks_by_kind() -> None:
    masked = mask_pii("010-1234-5678이나 02-123-4567, hong@naver.com")
    assert count_masks(masked) == {"[전화번호]": 2, "[이메일]": 1}
    assert count_masks("[사진] 없음") == {}


# Spelling: the same number as people write it

SPOKEN = ["영공", "일", "이", "삼", "사", "오", "육륙", "칠", "팔", "구"]
SEPARATORS = ["-", " ", ".", "/", "", " - ", "·", "－"]


@st.composite
def spelled(draw: st.DrawFn, groups: list[str]) -> str:
    """Groups of digits in one spelling and one separator, or in Korean."""
    separator = draw(st.sampled_from(SEPARATORS))
    style = draw(st.sampled_from(["plain", "wide", "spoken"]))
    if style == "wide":
        groups = ["".join(chr(ord(d) + 0xFEE0) for d in group) for group in groups]
    if style == "spoken":
        groups = ["".join(draw(st.sampled_from(SPOKEN[int(d)])) for d in group) for group in groups]
    return separator.join(groups)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


mobiles = st.tuples(st.just("010"), digits(4), digits(4))
residents = st.builds(
    lambda day, sex, rest: (day.strftime("%y%m%d"), sex + rest),
    st.dates(date(1930, 1, 1), date(2020, 1, 1)),
    st.sampled_from("123456"),
    digits(6),
)
cards = st.tuples(st.sampled_from(["4123", "5234", "9410"]), digits(4), digits(4), digits(4))
personal_numbers = st.one_of(mobiles, residents, cards).map(list).flatmap(spelled)


@given(
    personal_numbers,
    st.sampled_from(["제 번호 ", "", "네 "]),
    st.sampled_from(["입니다", " 확인요", "로 부탁", ""]),
)
def test_leaves_no_digit_of_a_personal_number(number: str, before: str, after: str) -> None:
    masked = mask_pii(before + number + after)
    said = masked
    for placeholder in PLACEHOLDERS:
        said = said.replace(placeholder, "")
    assert said == before + after


SIGNS = "0123456789０１５-./ ,~()－\n[]원개년공일이에a@호"
WORDS = "010|02|1588|1234|900101|다시|로 |동 |번지|강남구 |테헤란로 |주문번호 |골뱅이|네이버|.com"
soups = st.lists(st.sampled_from([*SIGNS, *WORDS.split("|")]), max_size=40).map("".join)

SIGN = r"[-./ ]?"
MOBILE = re.compile(rf"(?<!\d)01[016789]{SIGN}\d{{3,4}}{SIGN}\d{{4}}(?!\d)")
SPOKEN_MOBILE = re.compile(r"[공영]일[공영] ?[영공일이삼사오육칠팔구]{4} ?[영공일이삼사오육칠팔구]{4}")
RESIDENT = re.compile(rf"(?<!\d)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]){SIGN}[1-8]\d{{6}}(?!\d)")
CARD = re.compile(rf"(?<!\d)\d{{4}}{SIGN}\d{{4}}{SIGN}\d{{4}}{SIGN}\d{{4}}(?!\d)")
BUSINESS = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{5}(?!\d)")
EMAIL = re.compile(r"[a-z0-9]+@[a-z0-9]+\.com")


def find_leaks(masked: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", masked)
    patterns = (MOBILE, SPOKEN_MOBILE, RESIDENT, CARD, BUSINESS, EMAIL)
    found = [match[0] for pattern in patterns for match in pattern.finditer(plain)]
    return [leak for leak in found if len(set(leak)) > 1]  # 1111111111111 is a cry


@given(soups)
def test_leaves_no_pattern_of_a_personal_number_in_a_soup_of_digits(soup: str) -> None:
    assert find_leaks(mask_pii(soup)) == []


@given(soups)
def test_is_idempotent(soup: str) -> None:
    masked = mask_pii(soup)
    assert mask_pii(masked) == masked


UNITS = (
    "1 |12 |0|010 |010-1234-|공|이에 |일오팔팔 |영이칠일 다시 |a.|a@a|제이 골뱅이 |강남구 |로 1"
    "|동 1호|101동1203호|주문번호 A|(82|1,|1~|2026-05-01 |12:30 |1234 5678 9012 |[전화번호]"
)


@pytest.mark.parametrize("unit", UNITS.split("|"))
def test_reads_100_kb_of_digits_quickly(unit: str) -> None:
    started = time.process_time()
    mask_pii(unit * (100_000 // len(unit)))
    assert time.process_time() - started < 10  # seconds; a quadratic rule takes minutes
