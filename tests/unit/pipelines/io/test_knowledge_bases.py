"""Knowledge bases in a process that predicts: read by bot, checked, kept within bounds, and handed on."""

from pathlib import Path

import pytest

from pipelines.io.knowledge_bases import KnowledgeBases, KnowledgeRules
from pipelines.io.sharded_versions import ShardError
from tests.knowledge_files import write_knowledge

RULES = KnowledgeRules(count=2, cached_mib=1)
KNOWN = {"shop": {"배송": "이틀"}, "bank": {"금리": "4%"}, "": {"시간": "9시"}}


def test_a_bot_without_passages_is_answered_from_those_of_everyone(tmp_path: Path) -> None:
    bases = KnowledgeBases(write_knowledge(tmp_path, KNOWN), RULES)
    assert [bases.find_owner(bot) for bot in ("shop", "bank", "other", None)] == ["shop", "bank", "", ""]
    own = KnowledgeBases(write_knowledge(tmp_path, {"shop": KNOWN["shop"]}, version="kb-2"), RULES)
    assert [own.find_owner(bot) for bot in ("shop", "bank", "", None)] == ["shop", None, None, None]


def test_another_file_is_refused(tmp_path: Path) -> None:
    version = write_knowledge(tmp_path, KNOWN)
    bases = KnowledgeBases(version, RULES)
    assert bases.find("shop").texts.read(0) == "이틀"
    for file in (tmp_path / "kb-1").glob("*.npz"):
        file.write_bytes(b"another")
    assert bases.find("shop").texts.read(0) == "이틀"  # it is kept
    with pytest.raises(ShardError, match=r"knowledge/kb-1: expected \d.npz .*another file; run build_knowledge_base"):
        bases.find("bank")


def test_no_more_is_kept_than_the_rules_say(tmp_path: Path) -> None:
    bases = KnowledgeBases(write_knowledge(tmp_path, KNOWN), KnowledgeRules(count=2, cached_mib=0))
    first = bases.find("shop")
    assert bases.find("shop") is first  # the only one stays
    bases.find("bank")
    assert bases.find("shop") is not first


def test_the_next_version_has_loaded_what_this_one_had(tmp_path: Path) -> None:
    bases = KnowledgeBases(write_knowledge(tmp_path, KNOWN), RULES)
    shop, bank = bases.find("shop"), bases.find("bank")
    new = bases.succeed(write_knowledge(tmp_path, {**KNOWN, "bank": {"금리": "5%"}}, version="kb-2"))
    for file in tmp_path.glob("*/*"):
        file.unlink()
    assert new.find("shop") is shop
    assert (bank.texts.read(0), new.find("bank").texts.read(0)) == ("4%", "5%")
