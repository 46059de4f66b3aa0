"""tokencost_pipeline: the FinOps warehouse for LLM spend."""

__version__ = "0.1.0"
