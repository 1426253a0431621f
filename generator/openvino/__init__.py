"""Drawing with OpenVINO, the extra `fast`: what a search draws with where torch is not imported."""
