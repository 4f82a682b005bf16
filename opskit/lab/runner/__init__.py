"""A llama-server: the process that holds the model. Ollama starts one for each model that it loads."""
