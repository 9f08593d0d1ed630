from udfs.subwords import SUBWORD, add_copies, list_subwords


def test_subwords_are_runs_of_jamo_with_the_token_s_ends() -> None:
    assert list_subwords("네") == (f"{SUBWORD}^ㄴㅔ", f"{SUBWORD}ㄴㅔ$", f"{SUBWORD}^ㄴㅔ$")
    assert list_subwords("네/IC") == list_subwords("네")
    assert list_subwords("/") == (f"{SUBWORD}^/$",)


def test_in_copies_about_half_of_the_tokens_are_subwords_of_theirs() -> None:
    tokens = ["배송", "언제", "오", "나요"] * 100
    (whole, *copies), again = add_copies([tokens, tokens], copies=2)

    assert [whole, *copies] == again
    assert whole == tokens
    assert copies[0] != copies[1]
    for copy in copies:
        replaced = [(token, part) for token, part in zip(tokens, copy, strict=True) if part != token]
        assert 150 < len(replaced) < 250
        assert all(part in list_subwords(token) for token, part in replaced)
