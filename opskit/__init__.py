"""opskit watches a self-hosted LLM chat service and names the cause when it is stuck."""

__version__ = "0.1.0"
