"""Who may reach the console, by its settings."""

import pytest

from pipelines.console import ConsoleConfig, check_address, is_loopback
from pipelines.errors import MalgilError


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("[::1]", True), ("LOCALHOST", True),
        ("0.0.0.0", False), ("::", False), ("10.0.0.7", False), ("127.0.0.1.example.com", False), ("", False),
    ],
)  # fmt: skip
def test_only_this_machines_own_addresses_are_loopback(host: str, is_own: bool) -> None:
    assert is_loopback(host) is is_own


def test_another_address_needs_a_token() -> None:
    check_address(ConsoleConfig(host="0.0.0.0"), "secret")
    check_address(ConsoleConfig(), None)
    with pytest.raises(MalgilError, match=r"console\.host: expected .*MALGIL_CONSOLE_TOKEN.* found '0\.0\.0\.0'"):
        check_address(ConsoleConfig(host="0.0.0.0"), "")
