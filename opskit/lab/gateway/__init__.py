"""The lab's gateway: OpenAI's chat interface in front of Ollama, by the contract of the reference deployment."""
