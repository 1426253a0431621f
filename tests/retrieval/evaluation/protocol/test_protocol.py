"""Settings of a protocol."""

import pytest

from gallery.errors import ConfigError
from retrieval.evaluation.protocol.protocol import Protocol


def test_a_protocol_that_cannot_be_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="The number of queries must be at least 1, got 0"):
        Protocol(queries=0)
    with pytest.raises(ConfigError, match="The seed must not be negative, got -1"):
        Protocol(seed=-1)
    for cutoffs in ((5, 1), (1, 1), (0, 5)):
        with pytest.raises(ConfigError, match="Cut-offs must rise from at least 1"):
            Protocol(cutoffs=cutoffs)
    with pytest.raises(ConfigError, match="wishes for at least 1 attribute, got wishes=0"):
        Protocol(wishes=0)
    with pytest.raises(ConfigError, match="cannot wish for 2 attributes at once where only pose"):
        Protocol(wishes=2, attributes=("pose",))


def test_protocols_of_one_wish_keep_their_hash() -> None:
    """`wishes` came later; it stands in results only where it says something."""
    assert "wishes" not in Protocol().to_json()
    assert Protocol(wishes=2).to_json()["wishes"] == 2
